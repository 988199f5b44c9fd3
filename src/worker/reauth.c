/* Asks for the stored form, compares.
 *
 *   step             where        fails how
 *   1 ask            store        401 the account is gone
 *   2 verify         hash thread  429 too many wrong ones, as at a login: guess.c; 503 queue full
 *                                 or waited too long
 *   3 go on          loop         400 wrong password */
#include "reauth.h"

#include "gatepost/log.h"
#include "gatepost/metrics.h"

#include "audit_note.h"
#include "bearer.h"
#include "hasher.h"
#include "reply.h"

#define ASK_BYTES 256

static void on_credentials(void *context, enum store_status status, struct slice payload);
static void on_verified(void *owner, const struct password_work *work);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

void reauthenticate(struct request *request, const char *field, struct slice password,
                    void (*on_confirmed)(struct request *request))
{
    struct reauth *reauth = request->state;
    uint8_t bytes[ASK_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct credentials_ask ask = {.subject = slice_of_text(request->account->subject),
                                        .peer = guess_peer(request)};

    reauth->field = field;
    reauth->password = password;
    reauth->on_confirmed = on_confirmed;
    credentials_ask_pack(&packer, &ask);
    request_ask(&request, STORE_CREDENTIALS, &packer, on_credentials);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

static void on_credentials(void *context, enum store_status status, struct slice payload)
{
    struct request *request = context;
    struct reauth *reauth = request->state;
    struct credentials_answer answer;
    struct slice password = reauth->password;

    if (status == STORE_NOT_FOUND) {
        reply_problem(&request, PROBLEM_USER_NOT_FOUND);
        return;
    }
    if (status != STORE_OK) {
        reply_store_trouble(&request, status);
        return;
    }
    if (!credentials_answer_unpack(payload, &answer) || password.len > PASSWORD_MAX_BYTES ||
        !password_form_known(answer.password) ||
        !slice_to_text(answer.password, reauth->encoded, sizeof(reauth->encoded))) {
        reauth_refuse(&request); /* a password that nobody can have */
        return;
    }
    if (!guess_begin(&request, slice_of(answer.user_id.bytes, UUID_BYTES), &answer.user_id,
                     answer.known_peer != 0, "reauth.throttled", &reauth->guess))
        return;
    const struct worker *worker = request->worker;
    const struct guess guess = reauth->guess;
    reauth->password = slice_of(NULL, 0);
    if (!hasher_verify(&request, password, reauth->encoded, false, on_verified))
        guess_undecided(worker, &guess);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

static void on_verified(void *owner, const struct password_work *work)
{
    struct request *request = owner;
    struct reauth *reauth = request->state;

    if (work->expired) {
        guess_undecided(request->worker, &reauth->guess);
        reply_problem(&request, PROBLEM_UNAVAILABLE);
    } else if (!work->matches) {
        metric_count(METRIC_LOGINS_FAILED);
        log_info("reauth.failed", "request=%s peer=%s failures=%u", request->id, request->peer,
                 guess_failures(&reauth->guess) + 1);
        audit_note(request, AUDIT_LOGIN_FAILED, &request->account->user_id, "reauthentication");
        reauth_refuse(&request);
    } else {
        guess_right(request->worker, &reauth->guess);
        reauth->on_confirmed(request);
    }
}

void reauth_refuse(struct request **request)
{
    const struct reauth *reauth = (*request)->state;

    reply_field(request, reauth->field, "Invalid password.");
}
