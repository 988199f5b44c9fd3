/* POST /api/auth/verify-email {token}
 *
 *   step      where  fails how
 *   1 read    loop   400 field errors; 400 not a token of ours
 *   2 spend   store  400 spent, voided or expired; of a change of address: taken meanwhile
 *   3 answer  loop   200 */
#include "gatepost/metrics.h"
#include "gatepost/proof_token.h"

#include "endpoints.h"
#include "letter.h"
#include "reply.h"
#include "verification.h"

#define ASK_BYTES 128

static const char NOT_VALID[] = "Invalid or expired token.";

struct verify_form {
    struct slice token;
};

static const struct field FIELDS[] = {
    {"token", FIELD_TEXT, offsetof(struct verify_form, token)},
};

static void on_spent(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void verify_on_request(struct request *request)
{
    struct verify_form form;

    request_peer(request);
    if (!request_read_body(&request) ||
        !request_check_body(&request, FIELDS, ARRAY_LEN(FIELDS), &form))
        return;
    if (!verification_spend(&request, form.token, on_spent))
        reply_field(&request, "token", NOT_VALID);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

/* The addresses of a sign-up and of a change are confirmed in the same place. */
static bool read_token(const struct worker *worker, struct slice token, uint8_t *purpose_out,
                       struct uuid *proof_id_out)
{
    static const uint8_t purposes[] = {MAIL_VERIFY, MAIL_CHANGE_EMAIL};

    for (size_t i = 0; i < ARRAY_LEN(purposes); i++) {
        if (proof_token_check(&worker->mail_key, purposes[i], token, proof_id_out)) {
            *purpose_out = purposes[i];
            return true;
        }
    }
    return false;
}

bool verification_is_ours(const struct worker *worker, struct slice token)
{
    struct uuid proof_id;
    uint8_t purpose;

    return read_token(worker, token, &purpose, &proof_id);
}

bool verification_spend(struct request **request, struct slice token, store_answer_fn on_answer)
{
    const wall_ms now = clock_wall_ms();
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct proof_spend_ask ask = {
        .job_id = uuid_new(now),
        .peer = slice_of_text((*request)->peer),
        .now = now,
    };

    if (!read_token((*request)->worker, token, &ask.purpose, &ask.proof_id))
        return false;
    proof_spend_ask_pack(&packer, &ask);
    request_ask(request, STORE_PROOF_SPEND, &packer, on_answer);
    return true;
}

enum verification verification_outcome(const struct request *request, enum store_status status,
                                       struct slice payload)
{
    switch (status) {
    case STORE_OK:
        metric_count(METRIC_VERIFICATIONS);
        letters_announce(request, payload);
        return VERIFICATION_DONE;
    case STORE_NOT_FOUND:
    case STORE_SPENT:
    case STORE_DUPLICATE: /* another account has the address by now */
        return VERIFICATION_DEAD;
    case STORE_REFUSED:
    case STORE_BUSY:
    case STORE_POISON:
    case STORE_AWAY:
    case STORE_STATUS_COUNT:
        break;
    }
    return VERIFICATION_TROUBLE;
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void on_spent(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    switch (verification_outcome(request, status, payload)) {
    case VERIFICATION_DONE:
        reply_constant(&request, 200, "{\"message\":\"Email verified successfully\"}");
        break;
    case VERIFICATION_DEAD:
        reply_field(&request, "token", NOT_VALID);
        break;
    case VERIFICATION_TROUBLE:
        reply_store_trouble(&request, status);
        break;
    }
}
