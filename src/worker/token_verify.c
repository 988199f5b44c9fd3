/* POST /api/auth/token/verify {token}
 *
 *   step           where  fails how
 *   1 read         loop   400 field errors; 401 token_not_valid; an access token that is in the
 *                         cache is good
 *   2 ask_session  store  401 session ended, refresh token spent; an access token without `sid` has
 *                         no session to ask about
 *   3 answer       loop   200 {} */
#include "endpoints.h"
#include "reply.h"
#include "token_cache.h"
#include "tokens.h"

#define ASK_BYTES 128

struct verify_form {
    struct slice token;
};

static const struct field FIELDS[] = {
    {"token", FIELD_TEXT, offsetof(struct verify_form, token)},
};

static void ask_session(struct request *request, const struct token_claims *claims);
static void on_session(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

/* What is known there says more than is asked here: that of the user, too. */
static bool is_known(const struct request *request, struct slice token, wall_ms now)
{
    const struct account *account = token_cache_find(request->worker->token_cache, token, now);
    bool known = account != NULL;

    account_drop(&account);
    return known;
}

void token_verify_on_request(struct request *request)
{
    struct verify_form form;
    struct token_claims claims;
    const wall_ms now = clock_wall_ms();

    if (!request_read_body(&request) ||
        !request_check_body(&request, FIELDS, ARRAY_LEN(FIELDS), &form))
        return;
    if (is_known(request, form.token, now)) {
        reply_constant(&request, 200, "{}");
        return;
    }
    enum token_status status =
        token_check(request->worker->token_keys, form.token, TOKEN_ANY, now, &claims);
    if (status != TOKEN_OK)
        reply_token_refused(&request, token_status_sentence(status));
    else if (claims.type == TOKEN_ACCESS && !claims.has_session)
        reply_constant(&request, 200, "{}");
    else
        ask_session(request, &claims);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void ask_session(struct request *request, const struct token_claims *claims)
{
    uint8_t digest[32];
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct session_check_ask ask = {
        .session_id = token_session(claims),
        .adopted = !claims->has_session,
        .now = clock_wall_ms(),
    };

    if (claims->type == TOKEN_REFRESH) {
        token_jti_digest(claims->jti, digest);
        ask.jti_digest = slice_of(digest, sizeof(digest));
    }
    session_check_ask_pack(&packer, &ask);
    request_forget_body(request);
    request_ask(&request, STORE_SESSION_CHECK, &packer, on_session);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void on_session(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    (void)payload;
    if (status == STORE_OK)
        reply_constant(&request, 200, "{}");
    else if (status == STORE_SPENT || status == STORE_NOT_FOUND)
        reply_token_refused(&request, token_status_sentence(TOKEN_INVALID));
    else
        reply_store_trouble(&request, status);
}
