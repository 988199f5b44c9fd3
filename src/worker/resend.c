/* POST /api/auth/verify-email/resend {email}
 *
 *   step        where  fails how
 *   1 read      loop   400 field errors
 *   2 renew     store  an address without an account, proven already, or with its letters for this
 *                      hour: goes on, without a letter
 *   3 announce  loop   the job into the mail lane
 *   4 answer    loop   202, REQUEST_LATER_MS after the request came
 *
 * Invariant: the answer says nothing about the address, in words or in time. A renewal costs a
 * flush and the lack of one does not, so the answer waits for a time that covers both. */
#include "gatepost/metrics.h"

#include "endpoints.h"
#include "letter.h"
#include "reply.h"

#define ASK_BYTES        512
#define LETTERS_MAX      3
#define LETTERS_WINDOW_S 3600

struct resend_form {
    struct email email;
};

static const struct field FIELDS[] = {
    {"email", FIELD_EMAIL, offsetof(struct resend_form, email)},
};

struct resend {
    struct resend_form form;
    bool due;      /* the time has come */
    bool answered; /* the store has */
};

static void renew(struct request *request);
static void on_renewed(void *context, enum store_status status, struct slice payload);
static void on_due(struct request *request);
static void answer(struct request *request);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void resend_on_request(struct request *request)
{
    struct resend *resend = request_keep(request, sizeof(*resend));

    request_peer(request);
    if (!request_read_body(&request) ||
        !request_check_body(&request, FIELDS, ARRAY_LEN(FIELDS), &resend->form))
        return;
    request_call_later(request, on_due);
    renew(request);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void renew(struct request *request)
{
    struct resend *resend = request->state;
    const struct config *config = request->worker->config;
    const wall_ms now = clock_wall_ms();
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct proof_renew_ask ask = {
        .email_key = slice_of_text(resend->form.email.key),
        .purpose = MAIL_VERIFY,
        .proof_id = uuid_new(now),
        .proof_expires = now + config->proof_verify_s * 1000,
        .job_id = uuid_new(now),
        .letters_max = config->limits_enabled ? LETTERS_MAX : 0,
        .window_s = LETTERS_WINDOW_S,
        .peer = slice_of_text(request->peer),
        .now = now,
    };

    proof_renew_ask_pack(&packer, &ask);
    request_ask(&request, STORE_PROOF_RENEW, &packer, on_renewed);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void on_renewed(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct resend *resend = request->state;

    if (status == STORE_OK) {
        letters_announce(request->worker, payload);
    } else if (status != STORE_NOT_FOUND) {
        reply_store_trouble(&request, status);
        return;
    }
    resend->answered = true;
    if (resend->due)
        answer(request);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void on_due(struct request *request)
{
    struct resend *resend = request->state;

    resend->due = true;
    if (resend->answered)
        answer(request);
}

static void answer(struct request *request)
{
    reply_constant(&request, 202,
                   "{\"message\":\"If this address belongs to an account that is not confirmed "
                   "yet, a new letter is on its way.\"}");
}
