/* The stored form of a password: pbkdf2_sha256$ITERATIONS$SALT$BASE64, as Django writes it. */
#ifndef GATEPOST_PASSWORD_FORMATS_H
#define GATEPOST_PASSWORD_FORMATS_H

#include "gatepost/password.h"

#include "pbkdf2.h"

#define PASSWORD_ITERATIONS_MAX 100000000
#define PASSWORD_SALT_MAX_BYTES 128

struct password_form {
    uint32_t iterations;
    struct slice salt; /* borrowed from the text */
    uint8_t hash[PBKDF2_BYTES];
};

/* Strict: no sign, space or leading zero in the number, a salt of 1 to PASSWORD_SALT_MAX_BYTES
 * bytes without '$', exactly 32 bytes of hash. Returns false with nothing promised. */
MUST_USE bool password_form_parse(struct slice encoded, struct password_form *form_out);

void password_form_write(const struct password_form *form, char text_out[PASSWORD_ENCODED_BYTES]);

#endif
