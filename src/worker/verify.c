/* POST /api/auth/verify-email {token}
 *
 *   step      where  fails how
 *   1 read    loop   400 field errors; 400 not a token of ours
 *   2 spend   store  400 spent, voided or expired
 *   3 answer  loop   200 */
#include "gatepost/metrics.h"
#include "gatepost/proof_token.h"

#include "endpoints.h"
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

bool verification_is_ours(const struct worker *worker, struct slice token)
{
    struct uuid proof_id;

    return proof_token_check(&worker->mail_key, MAIL_VERIFY, token, &proof_id);
}

bool verification_spend(struct request **request, struct slice token, store_answer_fn on_answer)
{
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct proof_spend_ask ask = {
        .purpose = MAIL_VERIFY,
        .peer = slice_of_text((*request)->peer),
        .now = clock_wall_ms(),
    };

    if (!proof_token_check(&(*request)->worker->mail_key, MAIL_VERIFY, token, &ask.proof_id))
        return false;
    proof_spend_ask_pack(&packer, &ask);
    request_ask(request, STORE_PROOF_SPEND, &packer, on_answer);
    return true;
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void on_spent(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    (void)payload;
    if (status == STORE_OK) {
        metric_count(METRIC_VERIFICATIONS);
        reply_constant(&request, 200, "{\"message\":\"Email verified successfully\"}");
    } else if (status == STORE_NOT_FOUND || status == STORE_SPENT) {
        reply_field(&request, "token", NOT_VALID);
    } else {
        reply_store_trouble(&request, status);
    }
}
