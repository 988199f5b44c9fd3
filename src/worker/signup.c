/* POST /api/auth/signup {username,email,password,language?}
 *
 *   step                where        fails how
 *   1 read_form         loop         400 parse error, not an object, bad Idempotency-Key
 *   2 ask_if_free       store        400 all field errors, taken names among them; 422 key reused;
 *                                    a repeat of a finished sign-up is answered here, unhashed
 *   3 hash              hash thread  429 the hour's accounts with the address were made; 503 queue
 *                                    full or waited too long
 *   4 ask_to_store      store        429 they were made meanwhile; 400 lost a race; 503 store away;
 * one transaction: account, proof, outbox row; where signup.reveal is no and the address has an
 * account: the name, and a letter to the owner 5 tell_and_answer   loop         the job into the
 * mail lane; 201
 *
 * Wrong fields do not end the matter at once: DRF looks the names up all the same, so that a taken
 * name and a bad address are told together. Only a body with nothing to look up skips the store.
 *
 * Invariant of signup.reveal = no: status, body and steps are the same whether the address has an
 * account or not, one hash and one commit. */
#include "gatepost/metrics.h"
#include "gatepost/store_messages.h"

#include "endpoints.h"
#include "hasher.h"
#include "letter.h"
#include "new_name.h"
#include "new_password.h"
#include "reply.h"
#include "throttle.h"

#define IDEMPOTENCY_KEY_MAX 255
#define ASK_BYTES           8192
#define JOB_BYTES           2048

static const char CREATED[] = "{\"message\":\"User registered successfully\"}";

struct signup_form {
    struct email email;
    struct username username;
    struct slice password;
    struct language language; /* of letters: the body's, else what the header asks for */
};

/* In the order in which Django REST framework names them in its answer. */
enum { FORM_EMAIL, FORM_USERNAME, FORM_PASSWORD, FORM_LANGUAGE, FORM_FIELDS };
static const struct field FIELDS[FORM_FIELDS] = {
    {"email", FIELD_EMAIL, offsetof(struct signup_form, email)},
    {"username", FIELD_USERNAME, offsetof(struct signup_form, username)},
    {"password", FIELD_PASSWORD, offsetof(struct signup_form, password)},
    {"language", FIELD_LANGUAGE, offsetof(struct signup_form, language)},
};

/* What is kept from step to step. */
struct signup {
    struct signup_form form; /* its password points into the request's body */
    struct field_problems problems[FORM_FIELDS];
    size_t wrong;
    uint8_t idempotency_key[MAC_BYTES]; /* of route and header */
    uint8_t idempotency_body[MAC_BYTES];
    bool is_idempotent;
    size_t job_len;
    uint8_t job[JOB_BYTES]; /* packed mail_job */
};

static void ask_if_free(struct request *request);
static void on_names_known(void *context, enum store_status status, struct slice payload);
static void hash(struct request *request);
static void on_hashed(void *owner, const struct password_work *work);
static void ask_to_store(struct request *request, const char *encoded);
static void on_stored(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

/* The key is good for this route alone. The body's MAC covers the password, so it is keyed too. */
static bool read_idempotency_key(struct request *request, struct signup *signup)
{
    static const char route[] = "POST /api/auth/signup\n";
    struct slice key = request_header(request, "idempotency-key");
    struct slice body = request_body(request);
    char text[sizeof(route) + IDEMPOTENCY_KEY_MAX];

    if (key.at == NULL)
        return true;
    if (key.len == 0 || key.len > IDEMPOTENCY_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if (key.at[i] < 0x20 || key.at[i] > 0x7e)
            return false;
    }
    memcpy(text, route, sizeof(route) - 1);
    memcpy(text + sizeof(route) - 1, key.at, key.len);
    secret_mac(&request->worker->idempotency_key, text, sizeof(route) - 1 + key.len,
               signup->idempotency_key);
    secret_mac(&request->worker->idempotency_key, body.at, body.len, signup->idempotency_body);
    signup->is_idempotent = true;
    return true;
}

void signup_on_request(struct request *request)
{
    struct signup *signup = request_keep(request, sizeof(*signup));

    request_peer(request);
    signup->form.language = language_accepted(request_header(request, "accept-language"));
    if (!read_idempotency_key(request, signup)) {
        reply_problem(&request, PROBLEM_BAD_REQUEST);
        return;
    }
    if (!request_read_body(&request))
        return;
    signup->wrong = body_check(request->body, FIELDS, FORM_FIELDS, &signup->form, signup->problems);
    if (signup->problems[FORM_PASSWORD].count == 0 &&
        !new_password_judge(request->worker, signup->form.password, signup->form.username.text,
                            signup->form.email.address, &signup->problems[FORM_PASSWORD]))
        signup->wrong++;
    if (signup->problems[FORM_USERNAME].count == 0 &&
        !new_name_judge(request->worker, &signup->form.username, signup->form.email.key,
                        &signup->problems[FORM_USERNAME])) {
        signup->form.username.key[0] = '\0'; /* is not looked up */
        signup->wrong++;
    }
    ask_if_free(request);
}

static void refuse_fields(struct request *request)
{
    struct signup *signup = request->state;

    reply_fields(&request, FIELDS, signup->problems, FORM_FIELDS);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static struct slice mac_or_nothing(const struct signup *signup, const uint8_t mac[MAC_BYTES])
{
    return slice_of(mac, signup->is_idempotent ? MAC_BYTES : 0);
}

static void ask_if_free(struct request *request)
{
    struct signup *signup = request->state;
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct name_check_ask ask = {
        .username_key = slice_of_text(signup->form.username.key),
        .email_key = slice_of_text(signup->form.email.key),
        .idempotency_key = mac_or_nothing(signup, signup->idempotency_key),
        .idempotency_body = mac_or_nothing(signup, signup->idempotency_body),
        .conceal = !request->worker->config->signup_reveal,
        .now = clock_wall_ms(),
    };

    if (signup->wrong > 0 && ask.username_key.len == 0 && ask.email_key.len == 0) {
        refuse_fields(request);
        return;
    }
    name_check_ask_pack(&packer, &ask);
    request_ask(&request, STORE_NAME_CHECK, &packer, on_names_known);
}

/* True when the answer is out: this key was used before. */
static bool answer_replay(struct request *request, uint8_t replay)
{
    if (replay == STORE_REPLAY_SAME)
        reply_constant(&request, 201, CREATED);
    else if (replay != STORE_REPLAY_NONE)
        reply_problem(&request, PROBLEM_IDEMPOTENCY);
    return request == NULL;
}

static void tell_taken(struct signup *signup, uint8_t username_taken, uint8_t email_taken)
{
    if (username_taken != 0) {
        field_problem_add(&signup->problems[FORM_USERNAME], USERNAME_TAKEN);
        signup->wrong++;
    }
    if (email_taken != 0) {
        field_problem_add(&signup->problems[FORM_EMAIL], EMAIL_TAKEN);
        signup->wrong++;
    }
}

static void on_names_known(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct signup *signup = request->state;
    struct name_check_answer answer;

    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!name_check_answer_unpack(payload, &answer)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    if (answer_replay(request, signup->wrong == 0 ? answer.replay : STORE_REPLAY_NONE))
        return;
    tell_taken(signup, answer.username_taken, answer.email_taken);
    if (signup->wrong > 0)
        refuse_fields(request);
    else
        hash(request);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void hash(struct request *request)
{
    struct signup *signup = request->state;

    if (!throttle_admit_signup(&request, slice_of_text(signup->form.email.key)))
        return;
    if (!hasher_encode(&request, signup->form.password, on_hashed))
        return;
    signup->form.password = slice_of(NULL, 0);
    request_forget_body(request);
}

static void on_hashed(void *owner, const struct password_work *work)
{
    struct request *request = owner;
    const struct signup *signup = request->state;

    if (work->expired)
        reply_problem(&request, PROBLEM_UNAVAILABLE);
    else if (throttle_admit_signup(&request, slice_of_text(signup->form.email.key)))
        ask_to_store(request, work->encoded);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void ask_to_store(struct request *request, const char *encoded)
{
    struct signup *signup = request->state;
    const struct config *config = request->worker->config;
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct packer job_packer = packer_over(signup->job, sizeof(signup->job));
    const wall_ms now = clock_wall_ms();
    const struct mail_job job = {
        .job_id = uuid_new(now),
        .purpose = MAIL_VERIFY,
        .proof_id = uuid_new(now),
        .to = slice_of_text(signup->form.email.address),
        .username = slice_of_text(signup->form.username.text),
        .language = slice_of_text(signup->form.language.tag),
        .created = now,
        .expires = now + config->proof_verify_s * 1000,
    };

    mail_job_pack(&job_packer, &job);
    BUG_ON(job_packer.overflow);
    signup->job_len = job_packer.len;
    const struct account_create_ask ask = {
        .user_id = uuid_new(now),
        .username = job.username,
        .username_key = slice_of_text(signup->form.username.key),
        .email = job.to,
        .email_key = slice_of_text(signup->form.email.key),
        .password = slice_of_text(encoded),
        .proof_id = job.proof_id,
        .proof_expires = job.expires,
        .job_id = job.job_id,
        .job = packer_slice(&job_packer),
        .idempotency_key = mac_or_nothing(signup, signup->idempotency_key),
        .idempotency_body = mac_or_nothing(signup, signup->idempotency_body),
        .peer = slice_of_text(request->peer),
        .conceal = !config->signup_reveal,
        .letters_max = letters_max(config),
        .window_s = config->limits_letters.period_s,
        .now = now,
    };
    account_create_ask_pack(&packer, &ask);
    request_ask(&request, STORE_ACCOUNT_CREATE, &packer, on_stored);
}

/* ---- 5 ------------------------------------------------------------------------------------------
 */

static void refuse_loser(struct request *request, struct slice payload)
{
    struct signup *signup = request->state;
    struct account_create_answer answer;

    if (!account_create_answer_unpack(payload, &answer)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    if (answer_replay(request, answer.replay))
        return;
    tell_taken(signup, answer.username_taken, answer.email_taken);
    refuse_fields(request);
}

/* The letter to the new account; or to the owner of an address that has one, if one is due. */
static void tell(struct request *request, const struct account_create_answer *answer)
{
    const struct signup *signup = request->state;

    if (!answer->concealed) {
        throttle_count_signup(request->worker, slice_of_text(signup->form.email.key));
        if (!answer->suppressed)
            letter_announce(request, slice_of(signup->job, signup->job_len));
        metric_count(METRIC_SIGNUPS);
    } else if (answer->job.len > 0) {
        letter_announce(request, answer->job);
    }
}

static void on_stored(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct account_create_answer answer;

    if (status == STORE_DUPLICATE) {
        refuse_loser(request, payload);
        return;
    }
    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!account_create_answer_unpack(payload, &answer)) {
        reply_problem(&request, PROBLEM_INTERNAL);
        return;
    }
    if (answer_replay(request, answer.replay))
        return;
    tell(request, &answer);
    reply_constant(&request, 201, CREATED);
}
