/* Authorization: Bearer TOKEN, in the order in which simplejwt finds fault with it.
 *
 *   step            where  fails how
 *   1 read header   loop   401 no credentials, or a header of other than two words
 *   2 check token   loop   401 token_not_valid
 *   3 ask for user  store  401 user_not_found, user_inactive, session ended */
#include "bearer.h"

#include <stdlib.h>

#include "reply.h"
#include "tokens.h"

#define ASK_BYTES 128

static void ask_user(struct request *request, const struct token_claims *claims);
static void on_user(void *context, enum store_status status, struct slice payload);

/* ---- 1, 2 ---------------------------------------------------------------------------------------
 */

void bearer_authenticate(struct request *request, void (*on_known)(struct request *request))
{
    struct slice token;
    struct token_claims claims;

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
    enum token_status status =
        token_check(request->worker->token_keys, token, TOKEN_ACCESS, clock_wall_ms(), &claims);
    if (status != TOKEN_OK) {
        reply_access_refused(&request, token_status_sentence(status));
        return;
    }
    if (!claims.has_subject) {
        reply_token_refused(&request, token_status_sentence(TOKEN_NO_SUBJECT));
        return;
    }
    request->on_known = on_known;
    ask_user(request, &claims);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void ask_user(struct request *request, const struct token_claims *claims)
{
    struct account *account = request->account = xcalloc(1, sizeof(*account));
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct user_ask ask = {
        .subject = slice_of_text(claims->subject),
        .has_session = claims->has_session,
        .session_id = claims->session_id,
        .now = clock_wall_ms(),
    };

    account->has_session = claims->has_session;
    account->session_id = claims->session_id;
    user_ask_pack(&packer, &ask);
    request_ask(&request, STORE_USER, &packer, on_user);
}

static bool take_user(struct account *account, const struct user_answer *user)
{
    account->user_id = user->user_id;
    account->email_verified = user->email_verified != 0;
    account->date_joined = user->date_joined;
    account->last_login = user->last_login;
    return slice_to_text(user->subject, account->subject, sizeof(account->subject)) &&
           slice_to_text(user->username, account->username, sizeof(account->username)) &&
           slice_to_text(user->email, account->email, sizeof(account->email));
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
    else if (!user_answer_unpack(payload, &user) || !take_user(request->account, &user))
        reply_problem(&request, PROBLEM_INTERNAL);
    else if (user.active == 0)
        reply_problem(&request, PROBLEM_USER_INACTIVE);
    else
        request->on_known(request);
}

void bearer_forget(struct request *request)
{
    free(request->account);
    request->account = NULL;
}
