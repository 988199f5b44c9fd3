/* POST /api/auth/token/refresh {refresh}
 *
 *   step      where  fails how
 *   1 read    loop   400 field errors; 401 token_not_valid; 403 a foreign page with the cookie
 *   2 rotate  store  401 the session has ended or its user is gone; 401 the token was spent long
 *                    ago: its session ends with that, and a letter tells
 *   3 answer  loop   200 with a new pair
 *
 * Invariant: the successor follows from the token that was shown, and the store knows when that was
 * spent. So whoever shows it again within the grace time, wherever, gets the same refresh token. */
#include "gatepost/log.h"
#include "gatepost/metrics.h"

#include "cookie.h"
#include "endpoints.h"
#include "letter.h"
#include "reply.h"
#include "tokens.h"

#define ASK_BYTES 512

struct refresh {
    char shown_jti[TOKEN_JTI_BYTES];
    struct token_grant grant;
};

static void rotate(struct request *request, const struct token_claims *claims);
static void on_rotated(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void refresh_on_request(struct request *request)
{
    struct token_claims claims;

    request_peer(request);
    if (token_read_refresh(&request, &claims))
        rotate(request, &claims);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void rotate(struct request *request, const struct token_claims *claims)
{
    const struct config *config = request->worker->config;
    struct refresh *refresh = request_keep(request, sizeof(*refresh));
    struct token_grant *grant = &refresh->grant;
    uint8_t old_digest[32];
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    token_grant_begin(grant, config);
    token_grant_succeed(grant, request->worker, claims->jti);
    memcpy(refresh->shown_jti, claims->jti, sizeof(refresh->shown_jti));
    memcpy(grant->subject, claims->subject, sizeof(grant->subject));
    grant->session_id = token_session(claims);
    token_jti_digest(claims->jti, old_digest);
    const struct session_refresh_ask ask = {
        .session_id = grant->session_id,
        .adopt = !claims->has_session,
        .subject = slice_of_text(grant->subject),
        .old_jti_digest = slice_of(old_digest, sizeof(old_digest)),
        .new_jti_digest = slice_of(grant->refresh_digest, sizeof(grant->refresh_digest)),
        .expires = grant->refresh_expires_s * 1000,
        .token_expires = claims->expires_s * 1000,
        .token_issued = claims->issued_s * 1000,
        .grace_ms = (uint32_t)config->token_refresh_grace_s * 1000,
        .sessions_max = (uint32_t)config->token_sessions_max,
        .job_id = uuid_new(grant->now),
        .letters_max = letters_max(config),
        .window_s = config->limits_letters.period_s,
        .peer = slice_of_text(request->peer),
        .now = grant->now,
    };
    session_refresh_ask_pack(&packer, &ask);
    request_ask(&request, STORE_SESSION_REFRESH, &packer, on_rotated);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

/* A stolen token, or a client that kept an old one: which of the two nobody can know. */
static void tell_reuse(struct request *request, const struct session_refresh_answer *answer)
{
    char session[UUID_TEXT_BYTES];
    const struct refresh *refresh = request->state;

    uuid_format(&refresh->grant.session_id, session);
    metric_count(METRIC_TOKENS_REUSED);
    log_warning("token.reused", "request=%s peer=%s session=%s", request->id, request->peer,
                session);
    if (answer->letter.len > 0)
        letter_announce(request, answer->letter);
}

static void grant_pair(struct request *request, const struct session_refresh_answer *answer)
{
    struct refresh *refresh = request->state;
    struct token_grant *grant = &refresh->grant;

    grant->refresh_issued = answer->issued;
    grant->refresh_expires_s = answer->issued / 1000 + request->worker->config->token_refresh_s;
    if (answer->unchanged)
        memcpy(grant->refresh_jti, refresh->shown_jti, sizeof(grant->refresh_jti));
    metric_count(METRIC_REFRESHES);
    token_grant_reply(&request, grant, TOKEN_GRANT_REFRESH);
}

static void on_rotated(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct session_refresh_answer answer;

    if (status == STORE_NOT_FOUND) {
        cookie_refuse(&request, token_status_sentence(TOKEN_INVALID));
        return;
    }
    if (status != STORE_OK && status != STORE_SPENT) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!session_refresh_answer_unpack(payload, &answer)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    if (status == STORE_OK) {
        grant_pair(request, &answer);
        return;
    }
    tell_reuse(request, &answer);
    cookie_refuse(&request, token_status_sentence(TOKEN_INVALID));
}
