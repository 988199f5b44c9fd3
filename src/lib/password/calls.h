/* Hashes that a library computes in one call: it cannot be stopped, nor share a thread. */
#ifndef GATEPOST_PASSWORD_CALLS_H
#define GATEPOST_PASSWORD_CALLS_H

#include "formats.h"

/* Computes what the form's hash is of this password: form->hash_len bytes, to be compared by
 * secret_equal. A password that the method could never have taken (crypt(3): with a NUL, or over
 * 511 bytes) gives other bytes than the form's, after as long a time.
 * Who calls it: a call thread, and the start, for forms that are not password_form_in_lanes.
 * Returns false, with digest_out unusable, when there was no memory or the library refused.
 * Cost: the form's, within bounds.c; memory on top of it 32 KiB. */
MUST_USE bool password_call(const struct password_form *form, struct slice password,
                            uint8_t *digest_out);

#endif
