/* POST /api/auth/login {username or email, password}
 *
 *   step                where        fails how
 *   1 read              loop         400 field errors; 403 a foreign page, in cookie mode
 *   2 ask_credentials   store        an account that is not there goes on, with a stored form that
 *                                    no password matches
 *   3 begin_guess       loop         429 too many wrong passwords: guess.c; nothing is hashed
 *   4 verify            hash thread  503 queue full or waited too long; right and not in today's
 *                                    form: rehash.c sees to it, and nobody waits for that
 *   5 open_session      store        401 wrong password, not active, not proven, not there
 *   6 answer            loop         200 with an access and a refresh token, or cookie
 *
 * Invariant: up to the answer, unknown user and wrong password take the same steps at the same
 * cost, and are answered byte for byte alike. */
#include "gatepost/access_token.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"

#include "audit_note.h"
#include "cookie.h"
#include "endpoints.h"
#include "guess.h"
#include "hasher.h"
#include "rehash.h"
#include "reply.h"
#include "tokens.h"

#define ASK_BYTES      2048
#define USER_AGENT_MAX 256

struct login_form {
    struct slice name; /* a username or an e-mail address */
    struct slice password;
};

static const struct field BY_USERNAME[] = {
    {"username", FIELD_TEXT, offsetof(struct login_form, name)},
    {"password", FIELD_PASSWORD, offsetof(struct login_form, password)},
};
static const struct field BY_EMAIL[] = {
    {"email", FIELD_TEXT, offsetof(struct login_form, name)},
    {"password", FIELD_PASSWORD, offsetof(struct login_form, password)},
};

struct login {
    struct login_form form; /* points into the request's body */
    bool by_email;          /* the name came as `email`: a user name is not looked for */
    char username_key[USERNAME_MAX_BYTES + 1];
    struct email email;
    bool may;           /* there is such an account, and it may log in */
    const char *reason; /* why it may not, for the log */
    struct guess guess;
    struct uuid user_id;
    wall_ms password_changed; /* of the password that is being checked */
    struct token_grant grant;
    size_t user_agent_len;
    char user_agent[USER_AGENT_MAX];
};

static void ask_credentials(struct request *request);
static void on_credentials(void *context, enum store_status status, struct slice payload);
static bool begin_guess(struct request **request, bool known_peer);
static void verify(struct request *request, const char *encoded);
static void on_verified(void *owner, const struct password_work *work);
static void open_session(struct request *request);
static void on_session(void *context, enum store_status status, struct slice payload);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void login_on_request(struct request *request)
{
    struct login *login = request_keep(request, sizeof(*login));
    struct slice user_agent = request_header(request, "user-agent");

    if (!cookie_admit_login(&request))
        return;
    request_peer(request);
    login->user_agent_len = user_agent.len < USER_AGENT_MAX ? user_agent.len : USER_AGENT_MAX;
    if (login->user_agent_len > 0)
        memcpy(login->user_agent, user_agent.at, login->user_agent_len);
    if (!request_read_body(&request))
        return;
    login->by_email = body_has(request->body, "email") && !body_has(request->body, "username");
    if (request_check_body(&request, login->by_email ? BY_EMAIL : BY_USERNAME,
                           ARRAY_LEN(BY_USERNAME), &login->form))
        ask_credentials(request);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void ask_credentials(struct request *request)
{
    struct login *login = request->state;
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct credentials_ask ask = {.username_key = slice_of(NULL, 0)};

    if (!login->by_email && username_key(login->form.name, login->username_key))
        ask.username_key = slice_of_text(login->username_key);
    if (email_parse(login->form.name, &login->email))
        ask.email_key = slice_of_text(login->email.key);
    ask.peer = guess_peer(request);
    ask.now = clock_wall_ms();
    credentials_ask_pack(&packer, &ask);
    request_ask(&request, STORE_CREDENTIALS, &packer, on_credentials);
}

/* What the account brings along. Returns the stored form to verify against, "" for nobody's. */
static void take_account(struct request *request, const struct credentials_answer *answer,
                         char encoded_out[PASSWORD_ENCODED_BYTES])
{
    struct login *login = request->state;

    login->user_id = answer->user_id;
    login->password_changed = answer->password_changed;
    if (!password_form_known(answer->password) ||
        !slice_to_text(answer->password, encoded_out, PASSWORD_ENCODED_BYTES)) {
        encoded_out[0] = '\0';
        login->reason = "unreadable";
        if (answer->password.len == 0 || answer->password.at[0] != '!') /* there is none to know */
            log_warning("password.unreadable", "request=%s", request->id);
        return;
    }
    if (answer->active == 0)
        login->reason = "inactive";
    else if (answer->email_verified == 0 && request->worker->config->login_require_verified)
        login->reason = "unverified";
    else
        login->may = true;
    if (!slice_to_text(answer->subject, login->grant.subject, sizeof(login->grant.subject)))
        login->may = false;
}

static void on_credentials(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct login *login = request->state;
    struct credentials_answer answer;
    char encoded[PASSWORD_ENCODED_BYTES] = "";

    login->reason = "unknown";
    if (status == STORE_OK) {
        if (!credentials_answer_unpack(payload, &answer)) {
            reply_problem(&request, PROBLEM_INTERNAL);
            return;
        }
        take_account(request, &answer, encoded);
    } else if (status != STORE_NOT_FOUND) {
        reply_store_trouble(&request, status);
        return;
    }
    if (begin_guess(&request, status == STORE_OK && answer.known_peer != 0))
        verify(request, encoded);
    secret_wipe(encoded, sizeof(encoded));
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static bool begin_guess(struct request **request, bool known_peer)
{
    struct login *login = (*request)->state;
    struct slice name = login->form.name; /* none that an account could have */

    if (login->email.key[0] != '\0')
        name = slice_of_text(login->email.key);
    else if (login->username_key[0] != '\0')
        name = slice_of_text(login->username_key);
    return guess_begin(request, name, &login->user_id, known_peer, "login.throttled",
                       &login->guess);
}

/* ---- 4 ------------------------------------------------------------------------------------------
 */

static void verify(struct request *request, const char *encoded)
{
    struct login *login = request->state;
    const struct worker *worker = request->worker;
    const struct guess guess = login->guess;
    struct slice password = login->form.password;

    if (password.len > PASSWORD_MAX_BYTES) {
        login->may = false; /* nobody's: the form is the same, the cost too */
        password.len = PASSWORD_MAX_BYTES;
    }
    if (hasher_verify(&request, password, encoded, login->may, on_verified))
        request_forget_body(request);
    else
        guess_undecided(worker, &guess);
}

static void on_verified(void *owner, const struct password_work *work)
{
    struct request *request = owner;
    struct login *login = request->state;

    if (work->expired) {
        guess_undecided(request->worker, &login->guess);
        reply_problem(&request, PROBLEM_UNAVAILABLE);
        return;
    }
    if (!work->matches || !login->may) {
        const char *reason = login->may ? "password" : login->reason;

        metric_count(METRIC_LOGINS_FAILED);
        log_info("login.failed", "request=%s peer=%s reason=%s failures=%u", request->id,
                 request->peer, reason, guess_failures(&login->guess) + 1);
        audit_note(request, AUDIT_LOGIN_FAILED, &login->user_id, reason);
        reply_problem(&request, PROBLEM_LOGIN_REFUSED);
        return;
    }
    guess_right(request->worker, &login->guess);
    if (work->outdated)
        rehash_begin(request->worker, &login->user_id, work);
    open_session(request);
}

/* ---- 5 ------------------------------------------------------------------------------------------
 */

static void open_session(struct request *request)
{
    struct login *login = request->state;
    struct token_grant *grant = &login->grant;
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    token_grant_begin(grant, request->worker->config);
    grant->session_id = uuid_new(grant->now);
    const struct session_open_ask ask = {
        .user_id = login->user_id,
        .session_id = grant->session_id,
        .password_changed = login->password_changed,
        .jti_digest = slice_of(grant->refresh_digest, sizeof(grant->refresh_digest)),
        .expires = grant->refresh_expires_s * 1000,
        .sessions_max = (uint32_t)request->worker->config->token_sessions_max,
        .peer = slice_of_text(request->peer),
        .user_agent = slice_of(login->user_agent, login->user_agent_len),
        .now = grant->now,
    };
    session_open_ask_pack(&packer, &ask);
    request_ask(&request, STORE_SESSION_OPEN, &packer, on_session);
}

/* ---- 6 ------------------------------------------------------------------------------------------
 */

static void on_session(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct login *login = request->state;

    (void)payload;
    if (status == STORE_NOT_FOUND) { /* deleted or disabled meanwhile */
        metric_count(METRIC_LOGINS_FAILED);
        log_info("login.failed", "request=%s peer=%s reason=vanished", request->id, request->peer);
        audit_note(request, AUDIT_LOGIN_FAILED, &login->user_id, "vanished");
        reply_problem(&request, PROBLEM_LOGIN_REFUSED);
        return;
    }
    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    metric_count(METRIC_LOGINS);
    log_info("login.succeeded", "request=%s peer=%s failures=%u", request->id, request->peer,
             guess_failures(&login->guess));
    token_grant_reply(&request, &login->grant, TOKEN_GRANT_LOGIN);
}
