/* Authorization: Bearer TOKEN, in the order in which simplejwt finds fault with it.
 *
 *   step            where  fails how
 *   1 read header   loop   401 no credentials, or a header of other than two words
 *   2 look it up    loop   goes on with 3; a token that is found goes on with the endpoint
 *   3 check token   loop   401 token_not_valid
 *   4 ask for user  store  401 user_not_found, user_inactive, session ended
 *   5 keep it       loop   not, when the client is gone */
#include "bearer.h"

#include <stdlib.h>

#include "reply.h"
#include "token_cache.h"
#include "tokens.h"

#define ASK_BYTES 128

/* A check under way. */
struct bearer_check {
    struct token_claims claims;
    struct epochs_seen seen;
    wall_ms now; /* when the token was checked */
};

static void ask_user(struct request *request);
static void on_user(void *context, enum store_status status, struct slice payload);

/* ---- 1, 2, 3 ------------------------------------------------------------------------------------
 */

static void check_token(struct request *request, struct slice token, wall_ms now)
{
    struct bearer_check *check = request->check = xcalloc(1, sizeof(*check));
    enum token_status status =
        token_check(request->worker->token_keys, token, TOKEN_ACCESS, now, &check->claims);

    check->now = now;
    if (status != TOKEN_OK)
        reply_access_refused(&request, token_status_sentence(status));
    else if (!check->claims.has_subject)
        reply_token_refused(&request, token_status_sentence(TOKEN_NO_SUBJECT));
    else
        ask_user(request);
}

void bearer_authenticate(struct request *request, void (*on_known)(struct request *request))
{
    const wall_ms now = clock_wall_ms();
    struct slice token;

    switch (token_of_header(request_header(request, "authorization"), &token)) {
    case BEARER_OK:
        break;
    case BEARER_NONE:
        reply_problem(&request, PROBLEM_NO_CREDENTIALS);
        return;
    case BEARER_BROKEN:
        reply_problem(&request, PROBLEM_BAD_AUTHORIZATION);
        return;
    }
    request->account = token_cache_find(request->worker->token_cache, token, now);
    if (request->account != NULL) {
        on_known(request);
        return;
    }
    request->on_known = on_known;
    check_token(request, token, now);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void ask_user(struct request *request)
{
    struct bearer_check *check = request->check;
    const struct token_claims *claims = &check->claims;
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct user_ask ask = {
        .subject = slice_of_text(claims->subject),
        .has_session = claims->has_session,
        .session_id = claims->session_id,
        .issued = claims->issued_s * 1000,
        .now = clock_wall_ms(),
    };

    /* Before the question leaves: what changes after this look may be missing in the answer. */
    check->seen =
        epochs_look(request->worker->segment, ask.subject,
                    slice_of(claims->session_id.bytes, claims->has_session ? UUID_BYTES : 0));
    user_ask_pack(&packer, &ask);
    request_ask(&request, STORE_USER, &packer, on_user);
}

/* ---- 5 ------------------------------------------------------------------------------------------
 */

/* The token is read from the header once more: nobody else has a copy of it. */
static void keep(const struct request *request)
{
    const struct account *account = request->account;
    const struct token_claims *claims = &request->check->claims;
    struct token_proof proof = {
        .account = account,
        .seen = request->check->seen,
        .from = request->check->now,
        .until = claims->expires_s * 1000,
    };
    struct slice token;

    if (claims->key_until_s < claims->expires_s)
        proof.until = claims->key_until_s * 1000;
    if (account->has_session && account->session_expires < proof.until)
        proof.until = account->session_expires;
    if (request->h2o != NULL &&
        token_of_header(request_header(request, "authorization"), &token) == BEARER_OK)
        token_cache_keep(request->worker->token_cache, token, &proof);
}

static void on_account(struct request *request, const struct user_answer *user)
{
    request->account = account_new(user, &request->check->claims);
    if (request->account == NULL) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    keep(request);
    request->on_known(request);
}

static void on_user(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct user_answer user;

    if (status == STORE_NOT_FOUND)
        reply_problem(&request, PROBLEM_USER_NOT_FOUND);
    else if (status == STORE_SPENT)
        reply_access_refused(&request, token_status_sentence(TOKEN_INVALID));
    else if (status != STORE_OK)
        reply_store_trouble(&request, status);
    else if (!user_answer_unpack(payload, &user))
        reply_problem(&request, PROBLEM_INTERNAL);
    else if (user.active == 0)
        reply_problem(&request, PROBLEM_USER_INACTIVE);
    else
        on_account(request, &user);
}

void bearer_forget(struct request *request)
{
    account_drop(&request->account);
    free(request->check);
    request->check = NULL;
}
