/* POST /api/auth/password/reset/confirm {token,new_password}
 *
 *   step       where        fails how
 *   1 read     loop         400 field errors; 400 not a token of ours
 *   2 look     store        400 spent, voided or expired
 *   3 judge    loop         400 the policy, with the account's own words
 *   4 hash     hash thread  503 queue full or waited too long
 *   5 store    store        400 spent meanwhile; one transaction: the proof is used, the password
 *                           is another one, all sessions end, a letter tells of it
 *   6 answer   loop         200; nobody is logged in by it (OWASP Forgot Password) */
#include "reset.h"

#include "gatepost/proof_token.h"

#include "endpoints.h"
#include "guess.h"
#include "hasher.h"
#include "letter.h"
#include "new_password.h"
#include "reply.h"

#define ASK_BYTES 1024

static const char NOT_VALID[] = "Invalid or expired token.";

struct reset_form {
    struct slice token;
    struct slice new_password;
};

enum { FORM_TOKEN, FORM_PASSWORD, FORM_FIELDS };
static const struct field FIELDS[FORM_FIELDS] = {
    {"token", FIELD_TEXT, offsetof(struct reset_form, token)},
    {"new_password", FIELD_PASSWORD, offsetof(struct reset_form, new_password)},
};

struct reset {
    struct uuid proof_id;
    char username_key[USERNAME_MAX_BYTES + 1]; /* of the account, as a login counts guesses by */
    char email_key[EMAIL_MAX_BYTES + 1];
    struct slice password; /* points into the request's body, until it is hashed */
    reset_outcome_fn on_outcome;
};

static void on_proof(void *context, enum store_status status, struct slice payload);
static void on_hashed(void *owner, const struct password_work *work);
static void on_stored(void *context, enum store_status status, struct slice payload);
static void on_outcome(struct request *request, enum reset_outcome outcome,
                       enum store_status status, const struct field_problems *problems);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void reset_confirm_on_request(struct request *request)
{
    struct reset_form form;

    request_peer(request);
    if (request_read_body(&request) && request_check_body(&request, FIELDS, FORM_FIELDS, &form))
        reset_password(request, form.token, form.new_password, on_outcome);
}

static void tell(struct request *request, enum reset_outcome outcome, enum store_status status)
{
    const struct reset *reset = request->state;

    reset->on_outcome(request, outcome, status, NULL);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

bool reset_token_is_ours(const struct worker *worker, struct slice token)
{
    struct uuid proof_id;

    return proof_token_check(&worker->mail_key, MAIL_RESET_PASSWORD, token, &proof_id);
}

void reset_password(struct request *request, struct slice token, struct slice password,
                    reset_outcome_fn on_outcome_fn)
{
    struct reset *reset = request_keep(request, sizeof(*reset));
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct proof_look_ask ask = {.purpose = MAIL_RESET_PASSWORD, .now = clock_wall_ms()};

    reset->password = password;
    reset->on_outcome = on_outcome_fn;
    if (!proof_token_check(&request->worker->mail_key, MAIL_RESET_PASSWORD, token,
                           &reset->proof_id)) {
        tell(request, RESET_DEAD, STORE_NOT_FOUND);
        return;
    }
    ask.proof_id = reset->proof_id;
    proof_look_ask_pack(&packer, &ask);
    request_ask(&request, STORE_PROOF_LOOK, &packer, on_proof);
}

/* True for what a link that does not work makes the store say. */
static bool is_dead(enum store_status status)
{
    return status == STORE_NOT_FOUND || status == STORE_SPENT;
}

/* ---- 3, 4 ---------------------------------------------------------------------------------------
 */

static void keep_names(struct reset *reset, const char *username, const char *email)
{
    struct email parsed;

    if (!username_key(slice_of_text(username), reset->username_key))
        reset->username_key[0] = '\0';
    if (email_parse(slice_of_text(email), &parsed))
        memcpy(reset->email_key, parsed.key, sizeof(reset->email_key));
}

static void on_proof(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct reset *reset = request->state;
    struct field_problems problems = {0};
    struct proof_look_answer proof;
    char username[USERNAME_MAX_BYTES + 1];
    char email[EMAIL_MAX_BYTES + 1];

    if (status != STORE_OK) {
        tell(request, is_dead(status) ? RESET_DEAD : RESET_TROUBLE, status);
        return;
    }
    if (!proof_look_answer_unpack(payload, &proof) ||
        !slice_to_text(proof.username, username, sizeof(username)) ||
        !slice_to_text(proof.email, email, sizeof(email))) {
        tell(request, RESET_TROUBLE, STORE_REFUSED);
        return;
    }
    keep_names(reset, username, email);
    if (!new_password_judge(request->worker, reset->password, username, email, &problems)) {
        reset->on_outcome(request, RESET_WEAK, STORE_OK, &problems);
        return;
    }
    if (!hasher_encode(&request, reset->password, on_hashed))
        return;
    reset->password = slice_of(NULL, 0);
    request_forget_body(request);
}

/* ---- 5 ------------------------------------------------------------------------------------------
 */

static void on_hashed(void *owner, const struct password_work *work)
{
    struct request *request = owner;
    const struct reset *reset = request->state;
    const wall_ms now = clock_wall_ms();
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct password_reset_ask ask = {
        .proof_id = reset->proof_id,
        .password = slice_of_text(work->encoded),
        .job_id = uuid_new(now),
        .peer = slice_of_text(request->peer),
        .now = now,
    };

    if (work->expired) {
        tell(request, RESET_TROUBLE, STORE_BUSY);
        return;
    }
    password_reset_ask_pack(&packer, &ask);
    request_ask(&request, STORE_PASSWORD_RESET, &packer, on_stored);
}

/* ---- 6 ------------------------------------------------------------------------------------------
 */

/* Somebody who guessed at the old password must not keep its owner from the new one. */
static void forgive_guesses(const struct request *request)
{
    const struct reset *reset = request->state;

    guess_forgive(request->worker, slice_of_text(reset->username_key));
    guess_forgive(request->worker, slice_of_text(reset->email_key));
}

static void on_stored(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;

    if (status != STORE_OK) {
        tell(request, is_dead(status) ? RESET_DEAD : RESET_TROUBLE, status);
        return;
    }
    letters_announce(request, payload);
    forgive_guesses(request);
    tell(request, RESET_DONE, status);
}

static void on_outcome(struct request *request, enum reset_outcome outcome,
                       enum store_status status, const struct field_problems *problems)
{
    struct field_problems of_form[FORM_FIELDS] = {0};

    switch (outcome) {
    case RESET_DONE:
        reply_constant(&request, 200, "{\"message\":\"Password has been reset successfully\"}");
        break;
    case RESET_DEAD:
        reply_field(&request, FIELDS[FORM_TOKEN].name, NOT_VALID);
        break;
    case RESET_WEAK:
        of_form[FORM_PASSWORD] = *problems;
        reply_fields(&request, FIELDS, of_form, FORM_FIELDS);
        break;
    case RESET_TROUBLE:
        reply_store_trouble(&request, status);
        break;
    }
}
