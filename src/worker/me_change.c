/* PATCH /api/auth/me {username?, email?, password?, language?}   by the bearer
 *
 *   step              where        fails how
 *   1 read            loop         400 field errors; a new address needs the password
 *   2 reauthenticate  hash thread  400 password wrong; 503; left out when the address stays
 *   3 ask_to_change   store        429 the hour's letters to the new address, by whomever, or those
 *                                  of the account are used up; 400 taken; one transaction: the new
 *                                  name, the language, the proof of the new address with its letter
 * and a notice to the old one 4 answer          loop         200 with the account; its address is
 * the old one until the new one is proven
 *
 * Members that are no fields of these are not looked at, as DRF does with read-only ones. */
#include "bearer.h"
#include "endpoints.h"
#include "letter.h"
#include "me.h"
#include "new_name.h"
#include "reauth.h"
#include "reply.h"
#include "throttle.h"

#define ASK_BYTES 4096

struct change_form {
    struct email email; /* key "": it stays */
    struct username username;
    struct slice password;
    struct language language;
    bool sets_language;
};

/* In the order in which a sign-up names them. */
enum { FORM_EMAIL, FORM_USERNAME, FORM_PASSWORD, FORM_LANGUAGE, FORM_FIELDS };
static const struct field FIELDS[FORM_FIELDS] = {
    {"email", FIELD_EMAIL, offsetof(struct change_form, email)},
    {"username", FIELD_USERNAME, offsetof(struct change_form, username)},
    {"password", FIELD_PASSWORD, offsetof(struct change_form, password)},
    {"language", FIELD_LANGUAGE, offsetof(struct change_form, language)},
};

struct me_change {
    struct reauth reauth; /* first, as reauth.h wants it */
    struct change_form form;
};

static bool read_form(struct request *request, struct me_change *change,
                      struct field_problems problems[FORM_FIELDS]);
static void ask_to_change(struct request *request);
static void on_changed(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

/* The address as it is now, whatever its case, is no change. */
static bool moves(const struct request *request, const struct change_form *form)
{
    struct email now;

    return form->email.key[0] != '\0' &&
           !(email_parse(slice_of_text(request->account->email), &now) &&
             strcmp(now.key, form->email.key) == 0);
}

/* Checks those fields that came; the password is needed with an address. */
static bool read_form(struct request *request, struct me_change *change,
                      struct field_problems problems[FORM_FIELDS])
{
    bool with_email = body_has(request->body, FIELDS[FORM_EMAIL].name);
    size_t wrong = 0;

    for (size_t i = 0; i < FORM_FIELDS; i++) {
        problems[i].count = 0;
        if (body_has(request->body, FIELDS[i].name) || (i == FORM_PASSWORD && with_email))
            wrong += body_check(request->body, &FIELDS[i], 1, &change->form, &problems[i]);
    }
    change->form.sets_language = body_has(request->body, FIELDS[FORM_LANGUAGE].name);
    if (change->form.username.key[0] != '\0' && problems[FORM_USERNAME].count == 0) {
        struct email now;
        bool known = email_parse(slice_of_text(request->account->email), &now);

        wrong += !new_name_judge(request->worker, &change->form.username, known ? now.key : "",
                                 &problems[FORM_USERNAME]);
    }
    return wrong == 0;
}

void me_change_on_request(struct request *request)
{
    struct me_change *change = request_keep(request, sizeof(*change));
    struct field_problems problems[FORM_FIELDS];

    request_peer(request);
    if (!request_read_body(&request))
        return;
    if (!read_form(request, change, problems)) {
        reply_fields(&request, FIELDS, problems, FORM_FIELDS);
        return;
    }
    if (moves(request, &change->form)) {
        reauthenticate(request, FIELDS[FORM_PASSWORD].name, change->form.password, ask_to_change);
        return;
    }
    change->form.email.key[0] = change->form.email.address[0] = '\0';
    ask_to_change(request);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void ask_to_change(struct request *request)
{
    const struct me_change *change = request->state;
    const struct config *config = request->worker->config;
    const wall_ms now = clock_wall_ms();
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct account_change_ask ask = {
        .user_id = request->account->user_id,
        .old_password = slice_of_text(change->reauth.encoded),
        .username = slice_of_text(change->form.username.text),
        .username_key = slice_of_text(change->form.username.key),
        .email = slice_of_text(change->form.email.address),
        .email_key = slice_of_text(change->form.email.key),
        .sets_language = change->form.sets_language,
        .language = slice_of_text(change->form.language.tag),
        .conceal = !config->signup_reveal,
        .proof_id = uuid_new(now),
        .proof_expires = now + config->proof_verify_s * 1000,
        .job_id = uuid_new(now),
        .notice_job_id = uuid_new(now),
        .letters_max = letters_max(config),
        .window_s = config->limits_letters.period_s,
        .peer = slice_of_text(request->peer),
        .now = now,
    };

    request_forget_body(request);
    if (ask.email_key.len > 0 && !throttle_admit_change(&request, ask.email_key))
        return;
    account_change_ask_pack(&packer, &ask);
    request_ask(&request, STORE_ACCOUNT_CHANGE, &packer, on_changed);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void refuse(struct request *request, const struct account_change_answer *answer)
{
    struct field_problems problems[FORM_FIELDS] = {0};

    if (answer->username_taken)
        field_problem_add(&problems[FORM_USERNAME], USERNAME_TAKEN);
    if (answer->email_taken)
        field_problem_add(&problems[FORM_EMAIL], EMAIL_TAKEN);
    if (answer->username_taken || answer->email_taken)
        reply_fields(&request, FIELDS, problems, FORM_FIELDS);
    else
        reply_throttled(&request, answer->letters_wait_s);
}

static void on_changed(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct me_change *change = request->state;
    struct account_change_answer answer;

    if (status == STORE_SPENT) {
        reauth_refuse(&request);
        return;
    }
    if (status == STORE_NOT_FOUND) {
        reply_problem(&request, PROBLEM_USER_NOT_FOUND);
        return;
    }
    if (status != STORE_OK && status != STORE_DUPLICATE) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!account_change_answer_unpack(payload, &answer)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    if (status == STORE_DUPLICATE) {
        refuse(request, &answer);
        return;
    }
    if (answer.first.len > 0)
        letter_announce(request, answer.first);
    if (answer.second.len > 0)
        letter_announce(request, answer.second);
    me_reply(&request,
             change->form.username.text[0] != '\0' ? change->form.username.text
                                                   : request->account->username,
             change->form.sets_language ? &change->form.language : &request->account->language);
}
