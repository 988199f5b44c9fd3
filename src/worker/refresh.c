/* POST /api/auth/token/refresh {refresh}
 *
 *   step      where  fails how
 *   1 read    loop   400 field errors; 401 token_not_valid; 403 a foreign page with the cookie
 *   2 rotate  store  401 spent, ended or its user is gone; the old token is marked spent and the
 *                    new one known in one transaction
 *   3 answer  loop   200 with a new pair */
#include "gatepost/metrics.h"

#include "cookie.h"
#include "endpoints.h"
#include "reply.h"
#include "tokens.h"

#define ASK_BYTES 512

static void rotate(struct request *request, const struct token_claims *claims);
static void on_rotated(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void refresh_on_request(struct request *request)
{
    struct slice refresh;
    struct token_claims claims;

    request_peer(request);
    if (!cookie_refresh_token(&request, &refresh))
        return;
    enum token_status status =
        token_check(request->worker->token_keys, refresh, TOKEN_REFRESH, clock_wall_ms(), &claims);
    if (status == TOKEN_OK && !claims.has_subject)
        status = TOKEN_NO_SUBJECT;
    if (status != TOKEN_OK)
        reply_token_refused(&request, token_status_sentence(status));
    else
        rotate(request, &claims);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void rotate(struct request *request, const struct token_claims *claims)
{
    struct token_grant *grant = request_keep(request, sizeof(*grant));
    uint8_t old_digest[32];
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    token_grant_begin(grant, request->worker->config);
    memcpy(grant->subject, claims->subject, sizeof(grant->subject));
    grant->session_id =
        claims->has_session ? claims->session_id : token_adopted_session(claims->jti);
    token_jti_digest(claims->jti, old_digest);
    const struct session_refresh_ask ask = {
        .session_id = grant->session_id,
        .adopt = !claims->has_session,
        .subject = slice_of_text(grant->subject),
        .old_jti_digest = slice_of(old_digest, sizeof(old_digest)),
        .new_jti_digest = slice_of(grant->refresh_digest, sizeof(grant->refresh_digest)),
        .expires = grant->refresh_expires_s * 1000,
        .peer = slice_of_text(request->peer),
        .now = grant->now,
    };
    session_refresh_ask_pack(&packer, &ask);
    request_forget_body(request);
    request_ask(&request, STORE_SESSION_REFRESH, &packer, on_rotated);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void on_rotated(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    (void)payload;
    if (status == STORE_SPENT || status == STORE_NOT_FOUND) {
        reply_token_refused(&request, token_status_sentence(TOKEN_INVALID));
        return;
    }
    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    metric_count(METRIC_REFRESHES);
    token_grant_reply(&request, request->state, TOKEN_GRANT_REFRESH);
}
