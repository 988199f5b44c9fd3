/* What is done with one password, apart from threads and lanes: the beginning and the end of an
 * encode and of a check. */
#ifndef GATEPOST_PASSWORD_HASH_H
#define GATEPOST_PASSWORD_HASH_H

#include "gatepost/password.h"

#include "formats.h"
#include "pbkdf2.h"

/* Between begin and end. */
struct hash_state {
    struct password_form form;
    bool outdated; /* VERIFY */
};

/* Chains, or one call? For the work's form, or for its cost. */
MUST_USE bool hash_in_lanes(const struct password_work *work);

/* For works in lanes: takes the password in and wipes it, unless it is to be kept. Returns false
 * when there is nothing to compute: a form that is not known matches nothing. */
MUST_USE bool hash_begin(struct password_work *work, struct hash_state *state,
                         struct pbkdf2_chain *chain);

/* The chain is done: writes the work's answer and wipes. */
void hash_end(struct password_work *work, struct hash_state *state, struct pbkdf2_chain *chain);

/* The chain was given up. */
void hash_drop(struct hash_state *state, struct pbkdf2_chain *chain);

/* For works that are not in lanes. A call holds all that it needs, so the work may be gone when it
 * is done: nobody can stop a library. */
struct hash_call {
    struct hash_state state;
    size_t password_len;
    char password[PASSWORD_MAX_BYTES];
    uint8_t digest[PASSWORD_HASH_MAX_BYTES];
};

/* As hash_begin. */
MUST_USE bool hash_call_begin(struct password_work *work, struct hash_call *call);

/* All of it, on this thread. Returns false when there was no memory or a library refused. */
MUST_USE bool hash_call_compute(struct hash_call *call);

/* Writes the work's answer, unless it is NULL: gone, or not computed. Wipes. */
void hash_call_end(struct password_work *work, struct hash_call *call);

/* All three. Returns false when it could not be computed. */
MUST_USE bool hash_call(struct password_work *work);

#endif
