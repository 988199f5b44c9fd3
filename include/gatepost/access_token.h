/* JSON Web Tokens as djangorestframework-simplejwt makes and checks them (RFC 7519, 7515, 8725).
 * The signatures are EVP's; the rest is ours (src/lib/token). */
#ifndef GATEPOST_ACCESS_TOKEN_H
#define GATEPOST_ACCESS_TOKEN_H

#include "gatepost/base.h"
#include "gatepost/clock.h"
#include "gatepost/token_keys.h"
#include "gatepost/uuid.h"

#define TOKEN_MAX_BYTES     4096
#define TOKEN_SUBJECT_BYTES 65 /* with the NUL */
#define TOKEN_JTI_BYTES     33 /* 32 hex digits and the NUL, of ours; longer ones are refused */

enum token_type { TOKEN_ACCESS, TOKEN_REFRESH, TOKEN_ANY };

struct token_claims {
    enum token_type type;
    int64_t expires_s;   /* exp, seconds since 1970; a fraction is cut */
    int64_t issued_s;    /* iat; 0 when the token has none */
    int64_t key_until_s; /* of a check: when the key that signed it checks no more */
    char jti[TOKEN_JTI_BYTES];
    char subject[TOKEN_SUBJECT_BYTES]; /* user_id; a JSON number is taken as its text. "" when it
                                          can be nobody's: another type, a NUL, too long */
    bool has_subject;                  /* a user_id stood in the token */
    bool has_session;
    struct uuid session_id; /* sid */
};

/* In the order in which simplejwt finds them. */
enum token_status {
    TOKEN_OK,
    TOKEN_INVALID,    /* "Token is invalid or expired" */
    TOKEN_NO_EXP,     /* "Token has no 'exp' claim" */
    TOKEN_NO_ID,      /* "Token has no id" */
    TOKEN_NO_TYPE,    /* "Token has no type" */
    TOKEN_WRONG_TYPE, /* "Token has wrong type" */
    TOKEN_NO_SUBJECT, /* "Token contained no recognizable user identification" */
};
const char *token_status_sentence(enum token_status status);

/* Signs with the key that signs at issued_s. type is TOKEN_ACCESS or TOKEN_REFRESH. The claims are
 * simplejwt's. Gives: heap text for free(). Any thread. Cost: bench/token_bench.c. */
char *token_sign(const struct token_keys *keys, const struct token_claims *claims);

/* Checks signature, algorithm, then content; wanted TOKEN_ANY takes both types but no other.
 *
 * The header may hold alg, typ and kid and nothing else: every other parameter (jwk, jku, x5u,
 * crit, b64) would ask for something that is not done here. kid is compared with those of the
 * ring; alg must be that key's. Times are numbers, not negative and not after the year 9999; exp is
 * past when its whole seconds are, as PyJWT counts, without leeway; iat and nbf may lie up to 30 s
 * ahead. TOKEN_NO_SUBJECT is for the caller to tell from has_subject: token/verify takes such a
 * token.
 * now: one reading of the wall clock. Any thread.
 * Errors: claims_out is written on TOKEN_OK only. */
MUST_USE enum token_status token_check(const struct token_keys *keys, struct slice token,
                                       enum token_type wanted, wall_ms now,
                                       struct token_claims *claims_out);

#endif
