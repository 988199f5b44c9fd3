/* DELETE /api/auth/me {password}   by the bearer
 *
 *   step              where        fails how
 *   1 read            loop         400 field errors
 *   2 reauthenticate  hash thread  400 password wrong; 503
 *   3 ask_to_delete   store        400 the password was changed meanwhile; one transaction: the
 *                                  account with all that belongs to it, a last letter
 *   4 answer          loop         204 */
#include "gatepost/metrics.h"

#include "bearer.h"
#include "endpoints.h"
#include "letter.h"
#include "reauth.h"
#include "reply.h"

#define ASK_BYTES 1024

struct delete_form {
    struct slice password;
};

static const struct field FIELDS[] = {
    {"password", FIELD_PASSWORD, offsetof(struct delete_form, password)},
};

static void ask_to_delete(struct request *request);
static void on_deleted(void *context, enum store_status status, struct slice payload);

/* ---- 1, 2 ---------------------------------------------------------------------------------------
 */

void me_delete_on_request(struct request *request)
{
    struct delete_form form;

    (void)request_keep(request, sizeof(struct reauth));
    request_peer(request);
    if (request_read_body(&request) &&
        request_check_body(&request, FIELDS, ARRAY_LEN(FIELDS), &form))
        reauthenticate(request, FIELDS[0].name, form.password, ask_to_delete);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void ask_to_delete(struct request *request)
{
    const struct reauth *reauth = request->state;
    const wall_ms now = clock_wall_ms();
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct account_delete_ask ask = {
        .user_id = request->account->user_id,
        .old_password = slice_of_text(reauth->encoded),
        .job_id = uuid_new(now),
        .peer = slice_of_text(request->peer),
        .now = now,
    };

    request_forget_body(request);
    account_delete_ask_pack(&packer, &ask);
    request_ask(&request, STORE_ACCOUNT_DELETE, &packer, on_deleted);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void on_deleted(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    if (status == STORE_OK) {
        letters_announce(request, payload);
        metric_count(METRIC_ACCOUNTS_DELETED);
        reply_no_content(&request);
    } else if (status == STORE_SPENT) {
        reauth_refuse(&request);
    } else if (status == STORE_NOT_FOUND) {
        reply_problem(&request, PROBLEM_USER_NOT_FOUND);
    } else {
        reply_store_trouble(&request, status);
    }
}
