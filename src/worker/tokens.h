/* The pair of tokens that login and refresh hand out, and whom a bearer token names. */
#ifndef WORKER_TOKENS_H
#define WORKER_TOKENS_H

#include "gatepost/access_token.h"

#include "request.h"

/* A pair in the making: made before the store is asked, signed after it said yes. */
struct token_grant {
    wall_ms now;
    int64_t access_expires_s;
    wall_ms refresh_issued; /* now, but for a refresh token that was handed out before */
    int64_t refresh_expires_s;
    char access_jti[TOKEN_JTI_BYTES];
    char refresh_jti[TOKEN_JTI_BYTES];
    uint8_t refresh_digest[32]; /* of refresh_jti: what the store knows it by */
    char subject[TOKEN_SUBJECT_BYTES];
    struct uuid session_id;
};

/* Times and new jtis; subject and session_id are the caller's to set. */
void token_grant_begin(struct token_grant *grant, const struct config *config);

/* What worker->successor_key is derived for. */
#define TOKEN_SUCCESSOR_PURPOSE "gatepost refresh successor"

/* The refresh token becomes the one that follows on that jti: every worker finds the same, so that
 * parallel refreshes of one token have one outcome, and nobody needs to keep it. */
void token_grant_succeed(struct token_grant *grant, const struct worker *worker, const char *jti);

/* The order of the two members, as simplejwt has them. */
enum token_grant_order { TOKEN_GRANT_LOGIN, TOKEN_GRANT_REFRESH };

/* Signs and answers 200; the refresh token in the body, or in the cookie of a request that has it
 * there. */
void token_grant_reply(struct request **request, const struct token_grant *grant,
                       enum token_grant_order order);

/* What the store knows a token's jti by. */
void token_jti_digest(const char *jti, uint8_t digest_out[32]);

/* A refresh token without `sid` was made elsewhere with the same key: its session's id follows
 * from its jti, so that whoever sees the token again finds the same one. */
struct uuid token_adopted_session(const char *jti);

/* Finds the request's refresh token, see cookie.h, and checks it. Returns true when it is good;
 * else the request has been answered: as cookie_refresh_token, or 401 token_not_valid. */
MUST_USE bool token_read_refresh(struct request **request, struct token_claims *claims_out);

/* The session that a refresh token belongs to: its own, or the one that it is adopted by. */
struct uuid token_session(const struct token_claims *claims);

/* The token of "Authorization: Bearer TOKEN", as simplejwt splits it. */
enum bearer_status { BEARER_OK, BEARER_NONE, BEARER_BROKEN };
MUST_USE enum bearer_status token_of_header(struct slice authorization, struct slice *token_out);

#endif
