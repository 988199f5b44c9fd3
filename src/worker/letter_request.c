/* POST /api/auth/verify-email/resend {email}    another letter with a link to confirm the address
 * POST /api/auth/password/reset {email}         a letter with a link to choose a new password
 *
 *   step        where  fails how
 *   1 read      loop   400 field errors
 *   2 renew     store  an address without an account, proven already (resend), or with its letters
 *                      for this hour: goes on, without a letter
 *   3 announce  loop   the job into the mail lane
 *   4 answer    loop   202, REQUEST_LATER_MS after the request came
 *
 * Invariant: the answer says nothing about the address, in words or in time. A renewal costs a
 * flush and the lack of one does not, so the answer waits for a time that covers both. */
#include "endpoints.h"
#include "letter.h"
#include "reply.h"

#define ASK_BYTES 512

struct letter_form {
    struct email email;
};

static const struct field FIELDS[] = {
    {"email", FIELD_EMAIL, offsetof(struct letter_form, email)},
};

struct letter_request {
    struct letter_form form;
    enum mail_purpose purpose;
    int64_t life_s; /* of the link */
    struct language language;
    const char *answer;
    bool due;      /* the time has come */
    bool answered; /* the store has */
};

static void begin(struct request *request, const struct letter_request *wish);
static void renew(struct request *request);
static void on_renewed(void *context, enum store_status status, struct slice payload);
static void on_due(struct request *request);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void resend_on_request(struct request *request)
{
    begin(request, &(struct letter_request){
                       .purpose = MAIL_VERIFY,
                       .life_s = request->worker->config->proof_verify_s,
                       .answer = "{\"message\":\"If this address belongs to an account that is not "
                                 "confirmed yet and may be written to now, a new letter is "
                                 "queued.\"}",
                   });
}

void forgot_password_on_request(struct request *request)
{
    begin(request, &(struct letter_request){
                       .purpose = MAIL_RESET_PASSWORD,
                       .life_s = request->worker->config->proof_reset_s,
                       .answer = "{\"message\":\"If this address belongs to an account and may be "
                                 "written to now, a letter with a link is queued.\"}",
                   });
}

static void begin(struct request *request, const struct letter_request *wish)
{
    struct letter_request *asked = request_keep(request, sizeof(*asked));

    *asked = *wish;
    request_peer(request);
    asked->language = language_accepted(request_header(request, "accept-language"));
    if (!request_read_body(&request) ||
        !request_check_body(&request, FIELDS, ARRAY_LEN(FIELDS), &asked->form))
        return;
    request_call_later(request, on_due);
    renew(request);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void renew(struct request *request)
{
    const struct letter_request *asked = request->state;
    const struct config *config = request->worker->config;
    const wall_ms now = clock_wall_ms();
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct proof_renew_ask ask = {
        .email_key = slice_of_text(asked->form.email.key),
        .purpose = (uint8_t)asked->purpose,
        .language = slice_of_text(asked->language.tag),
        .proof_id = uuid_new(now),
        .proof_expires = now + asked->life_s * 1000,
        .job_id = uuid_new(now),
        .letters_max = letters_max(config),
        .window_s = config->limits_letters.period_s,
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
    struct letter_request *asked = request->state;

    if (status == STORE_OK) {
        letters_announce(request, payload);
    } else if (status != STORE_NOT_FOUND) {
        reply_store_trouble(&request, status);
        return;
    }
    asked->answered = true;
    if (asked->due)
        reply_constant(&request, 202, asked->answer);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void on_due(struct request *request)
{
    struct letter_request *asked = request->state;

    asked->due = true;
    if (asked->answered)
        reply_constant(&request, 202, asked->answer);
}
