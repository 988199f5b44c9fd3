/* POST /api/auth/password/change {current_password,new_password}   by the bearer
 *
 *   step              where        fails how
 *   1 read            loop         400 field errors, the policy's among them
 *   2 reauthenticate  hash thread  400 current_password wrong; 503
 *   3 hash            hash thread  503 queue full or waited too long
 *   4 ask_to_change   store        400 the password was changed meanwhile; one transaction: the new
 *                                  form, the end of all other sessions, a letter
 *   5 answer          loop         200 */
#include "bearer.h"
#include "endpoints.h"
#include "hasher.h"
#include "letter.h"
#include "new_password.h"
#include "reauth.h"
#include "reply.h"

#define ASK_BYTES 2048

struct change_form {
    struct slice current_password;
    struct slice new_password;
};

enum { FORM_CURRENT, FORM_NEW, FORM_FIELDS };
static const struct field FIELDS[FORM_FIELDS] = {
    {"current_password", FIELD_PASSWORD, offsetof(struct change_form, current_password)},
    {"new_password", FIELD_PASSWORD, offsetof(struct change_form, new_password)},
};

struct password_change {
    struct reauth reauth;    /* first, as reauth.h wants it */
    struct change_form form; /* points into the request's body */
};

static void hash(struct request *request);
static void on_hashed(void *owner, const struct password_work *work);
static void ask_to_change(struct request *request, const char *encoded);
static void on_changed(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void change_password_on_request(struct request *request)
{
    struct password_change *change = request_keep(request, sizeof(*change));
    struct field_problems problems[FORM_FIELDS];

    request_peer(request);
    if (!request_read_body(&request))
        return;
    size_t wrong = body_check(request->body, FIELDS, FORM_FIELDS, &change->form, problems);
    if (!new_password_judge(request->worker, change->form.new_password, request->account->username,
                            request->account->email, &problems[FORM_NEW]) ||
        wrong > 0) {
        reply_fields(&request, FIELDS, problems, FORM_FIELDS);
        return;
    }
    /* ---- 2: reauth.c ---- */
    reauthenticate(request, FIELDS[FORM_CURRENT].name, change->form.current_password, hash);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void hash(struct request *request)
{
    struct password_change *change = request->state;

    if (!hasher_encode(&request, change->form.new_password, on_hashed))
        return;
    change->form = (struct change_form){0};
    request_forget_body(request);
}

static void on_hashed(void *owner, const struct password_work *work)
{
    struct request *request = owner;

    if (work->expired)
        reply_problem(&request, PROBLEM_UNAVAILABLE);
    else
        ask_to_change(request, work->encoded);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void ask_to_change(struct request *request, const char *encoded)
{
    const struct password_change *change = request->state;
    const struct account *account = request->account;
    const struct config *config = request->worker->config;
    const wall_ms now = clock_wall_ms();
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct password_change_ask ask = {
        .user_id = account->user_id,
        .old_password = slice_of_text(change->reauth.encoded),
        .new_password = slice_of_text(encoded),
        .keeps_session = account->has_session,
        .kept_session = account->session_id,
        .job_id = uuid_new(now),
        .letters_max = letters_max(config),
        .window_s = config->limits_letters.period_s,
        .peer = slice_of_text(request->peer),
        .now = now,
    };

    password_change_ask_pack(&packer, &ask);
    request_ask(&request, STORE_PASSWORD_CHANGE, &packer, on_changed);
}

/* ---- 5 ------------------------------------------------------------------------------------------
 */

static void on_changed(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    if (status == STORE_OK) {
        letters_announce(request, payload);
        reply_constant(&request, 200, "{\"message\":\"Password changed successfully\"}");
    } else if (status == STORE_SPENT) {
        reauth_refuse(&request);
    } else if (status == STORE_NOT_FOUND) {
        reply_problem(&request, PROBLEM_USER_NOT_FOUND);
    } else {
        reply_store_trouble(&request, status);
    }
}
