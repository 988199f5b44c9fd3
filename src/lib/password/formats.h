/* The stored forms of a password: what each says, which are read, which are written. */
#ifndef GATEPOST_PASSWORD_FORMATS_H
#define GATEPOST_PASSWORD_FORMATS_H

#include "gatepost/password.h"

#define PASSWORD_ITERATIONS_MAX 10000000 /* password.iterations ends there too */
#define PASSWORD_SALT_MAX_BYTES 128
#define PASSWORD_HASH_MAX_BYTES 96
#define PASSWORD_ARGON2_VERSION 19 /* 0x13, RFC 9106 */

#define BCRYPT_PASSWORD_MAX_BYTES 72 /* it reads no further */

/* bounds.c speaks of ranges of these: keep families together. */
enum password_method {
    PASSWORD_METHOD_PBKDF2_SHA256,
    PASSWORD_METHOD_PBKDF2_SHA1,
    PASSWORD_METHOD_ARGON2ID,
    PASSWORD_METHOD_ARGON2I,
    PASSWORD_METHOD_ARGON2D,
    PASSWORD_METHOD_SCRYPT,
    PASSWORD_METHOD_BCRYPT,
    PASSWORD_METHOD_BCRYPT_SHA256, /* Django's: of the password's SHA-256 in hex */
    PASSWORD_METHOD_SHA256_CRYPT,
    PASSWORD_METHOD_SHA512_CRYPT,
    PASSWORD_METHOD_YESCRYPT,
};

/* Holds all that it needs, so a copy outlives the text. Fields that a method has no use for are
 * zero. */
struct password_form {
    enum password_method method;
    bool django;         /* spelt as Django spells it; else PHC or crypt(3) */
    uint32_t iterations; /* PBKDF2; the rounds of $5$ and $6$ */
    uint32_t log2_cost;  /* bcrypt */
    uint32_t version;    /* Argon2: 16 or 19 */
    uint32_t passes;     /* Argon2: t */
    uint32_t lanes;      /* Argon2: p */
    uint32_t log2_n;     /* scrypt, yescrypt */
    uint32_t r;          /* scrypt, yescrypt */
    uint32_t p;          /* scrypt */
    uint32_t memory_kib; /* Argon2: m; what N and r come to for scrypt and yescrypt */
    uint32_t work_kib;   /* memory times passes (Argon2) or p (scrypt); saturates */
    uint32_t salt_len;
    uint32_t hash_len;
    char salt[PASSWORD_SALT_MAX_BYTES];    /* crypt(3): the setting, which holds the cost too */
    uint8_t hash[PASSWORD_HASH_MAX_BYTES]; /* crypt(3): as text, what follows the setting */
};

static inline struct slice password_form_salt(const struct password_form *form)
{
    return slice_of(form->salt, form->salt_len);
}

/* Strict: one of the spellings of formats.c, numbers without sign, space or leading zero, every
 * parameter once and in its place, within bounds.c. Returns false with nothing promised. */
MUST_USE bool password_form_parse(struct slice encoded, struct password_form *form_out);

/* For the log: "pbkdf2_sha256", "argon2id". */
const char *password_method_name(enum password_method method);

/* Computed by PBKDF2 chains, in steps; every other form by password_call. */
MUST_USE bool password_form_in_lanes(const struct password_form *form);

/* A form for a new hash: today's method and cost, a salt of its own, and no hash yet. */
void password_form_begin(const struct password_cost *cost, struct password_form *form_out);

/* Writes Django's form of pbkdf2_sha256, argon2id or scrypt. */
void password_form_write(const struct password_form *form, char text_out[PASSWORD_ENCODED_BYTES]);

/* Another method than today's, another spelling than Django's, or less memory or work. */
MUST_USE bool password_form_outdated(const struct password_form *form,
                                     const struct password_cost *cost);

#endif
