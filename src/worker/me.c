/* GET /api/auth/me
 *
 *   step            where  fails how
 *   1 authenticate  loop   401, as simplejwt tells it
 *   2 ask_user      store  401 user_not_found, user_inactive, session ended
 *   3 answer        loop   200; 405 for other methods, which DRF looks at last */
#include <stdio.h>

#include "endpoints.h"
#include "reply.h"
#include "tokens.h"

#define ASK_BYTES 128

static void ask_user(struct request *request, const struct token_claims *claims);
static void on_user(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void me_on_request(struct request *request)
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
        token_check(&request->worker->token_key, token, TOKEN_ACCESS, clock_wall_ms(), &claims);
    if (status != TOKEN_OK)
        reply_access_refused(&request, token_status_sentence(status));
    else if (!claims.has_subject)
        reply_token_refused(&request, token_status_sentence(TOKEN_NO_SUBJECT));
    else
        ask_user(request, &claims);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void ask_user(struct request *request, const struct token_claims *claims)
{
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct user_ask ask = {
        .subject = slice_of_text(claims->subject),
        .has_session = claims->has_session,
        .session_id = claims->session_id,
        .now = clock_wall_ms(),
    };

    user_ask_pack(&packer, &ask);
    request_ask(&request, STORE_USER, &packer, on_user);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void write_time(struct json_writer *writer, const char *name, wall_ms when)
{
    char text[CLOCK_ISO_BYTES];

    json_string(writer, slice_of_text(name));
    if (when == 0) {
        json_null(writer);
        return;
    }
    clock_iso(when, text);
    json_string(writer, slice_of_text(text));
}

static void reply_user(struct request *request, const struct user_answer *user)
{
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    json_string(writer, SLICE_LITERAL("id"));
    json_string(writer, user->subject);
    json_string(writer, SLICE_LITERAL("username"));
    json_string(writer, user->username);
    json_string(writer, SLICE_LITERAL("email"));
    json_string(writer, user->email);
    json_string(writer, SLICE_LITERAL("email_verified"));
    json_flag(writer, user->email_verified != 0);
    write_time(writer, "date_joined", user->date_joined);
    write_time(writer, "last_login", user->last_login);
    json_object_end(writer);
    reply_json(&request, 200, &writer);
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
    else if (request->method != METHOD_GET && request->method != METHOD_HEAD)
        reply_method_not_allowed(&request);
    else
        reply_user(request, &user);
}
