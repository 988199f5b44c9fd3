/* Sign-ups: name_check, account_create.
 * A sign-up is the account with its index entries, its proof, its letter, its audit row and its
 * idempotency key, all in the caller's transaction. */
#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include "accounts.h"
#include "answers.h"
#include "audit.h"
#include "outbox.h"
#include "proofs.h"
#include "requests.h"
#include "users.h"

#define NO_PASSWORD_BYTES 30

/* ---- is there room for this sign-up? ----------------------------------------------------------
 */

/* What may be told of the two names. */
struct names {
    bool username_taken;
    bool email_taken;
    bool concealed; /* the address has an account, owner's, and nobody is to know */
    struct uuid owner;
};

/* A taken user name is told in any case. One that is the sign-up's own address says as little as
 * the address; a worker that conceals takes no name that is another address. */
static void names_look(struct call *call, struct slice username_key, struct slice email_key,
                       bool conceal, struct names *names_out)
{
    *names_out = (struct names){.concealed = false};
    if (conceal && user_find(call, TABLE_USERS_BY_EMAIL, email_key, &names_out->owner)) {
        names_out->concealed = true;
        names_out->username_taken =
            !slice_equal(username_key, email_key) && name_is_taken(call, username_key, NULL);
        return;
    }
    names_out->username_taken = name_is_taken(call, username_key, NULL);
    names_out->email_taken = address_is_taken(call, email_key, NULL);
}

enum store_status name_check_on_request(struct call *call)
{
    struct name_check_ask ask;
    struct name_check_answer answer = {0};

    if (!name_check_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    answer.replay =
        (uint8_t)idempotency_look(call, ask.idempotency_key, ask.idempotency_body, ask.now);
    if (answer.replay != STORE_REPLAY_NONE) {
        call->durable = true; /* the worker answers 201 on this */
    } else {
        struct names names;

        names_look(call, ask.username_key, ask.email_key, ask.conceal != 0, &names);
        answer.username_taken = names.username_taken;
        answer.email_taken = names.email_taken;
    }
    name_check_answer_pack(&call->answer, &answer);
    return STORE_OK;
}

/* ---- the sign-up ------------------------------------------------------------------------------
 */

/* Lengths and unknown fields are the unpackers' work; this is what would leave a half account. */
static bool makes_sense(const struct account_create_ask *ask, struct mail_job *job_out)
{
    return ask->username_key.len > 0 && ask->email_key.len > 0 &&
           mail_job_unpack(ask->job, job_out) && job_out->purpose == MAIL_VERIFY &&
           uuid_equal(&job_out->job_id, &ask->job_id) &&
           uuid_equal(&job_out->proof_id, &ask->proof_id) &&
           (ask->idempotency_key.len == 0 || ask->idempotency_key.len == IDEMPOTENCY_KEY_BYTES);
}

/* The rows whose ids the asker has drawn: an id that is taken is a bug of his, or worse, and
 * nothing of his request may stay. Each is put where nothing is, which saves the look before it. */
static bool put_drawn(struct call *call, const struct account_create_ask *ask,
                      const struct user_row *user)
{
    const struct proof_row proof = {
        .user_id = ask->user_id,
        .purpose = MAIL_VERIFY,
        .state = PROOF_OPEN,
        .expires = ask->proof_expires,
        .job_id = ask->job_id,
    };

    if (!proof_add(call, &ask->proof_id, &proof))
        return false;
    if (letter_begin(call, &ask->job_id, ask->job, ask->now)) {
        if (user_add_new(call, &ask->user_id, user))
            return true;
        (void)row_delete(call, TABLE_OUTBOX, uuid_slice(&ask->job_id));
    }
    (void)row_delete(call, TABLE_PROOFS, uuid_slice(&ask->proof_id));
    call->changed = false;
    return false;
}

/* Returns false when an id is taken. suppressed_out: its letter is not to be sent. */
static bool put_account(struct call *call, const struct account_create_ask *ask,
                        const struct mail_job *job, struct slice subject, uint8_t *suppressed_out)
{
    const struct user_row user = {
        .subject = subject,
        .username = ask->username,
        .username_key = ask->username_key,
        .email = ask->email,
        .email_key = ask->email_key,
        .password = ask->password,
        .language = job->language,
        .active = 1,
        .date_joined = ask->now,
        .verify_proof = ask->proof_id,
    };

    if (!put_drawn(call, ask, &user))
        return false;
    *suppressed_out = !letter_list(call, &ask->job_id, ask->job, ask->now);
    if (ask->idempotency_key.len > 0)
        idempotency_keep(call, ask->idempotency_key, ask->idempotency_body, &ask->user_id,
                         ask->now);
    audit_add(call, AUDIT_SIGNED_UP, &ask->user_id, ask->peer);
    return true;
}

/* The name that was chosen is kept, else a second try for it would tell: an account without an
 * address, which nobody can log in to. Its rows are about as many as those of a real one. Nor is
 * the stranger's password kept: an administrator who enables it later gives nobody a login. */
static void keep_name(struct call *call, const struct account_create_ask *ask, struct slice subject)
{
    uint8_t random[NO_PASSWORD_BYTES];
    char password[1 + BASE64URL_TEXT_BYTES(NO_PASSWORD_BYTES)] = "!"; /* Django's mark */

    random_bytes(random, sizeof(random));
    base64url_encode(random, sizeof(random), password + 1);
    user_add(call, &ask->user_id,
             &(struct user_row){.subject = subject,
                                .username = ask->username,
                                .username_key = ask->username_key,
                                .password = slice_of_text(password),
                                .date_joined = ask->now});
}

static bool ids_are_free(struct call *call, const struct account_create_ask *ask,
                         struct slice subject)
{
    return !row_exists(call, TABLE_USERS, uuid_slice(&ask->user_id)) &&
           !row_exists(call, TABLE_USERS_BY_SUBJECT, subject) &&
           !row_exists(call, TABLE_PROOFS, uuid_slice(&ask->proof_id)) &&
           letter_is_new(call, &ask->job_id);
}

/* Returns false when an id is taken. */
static bool conceal_signup(struct call *call, const struct account_create_ask *ask,
                           const struct uuid *owner, struct slice subject, struct letters *letters)
{
    if (!ids_are_free(call, ask, subject))
        return false;
    if (!slice_equal(ask->username_key, ask->email_key))
        keep_name(call, ask, subject);
    owner_tell(call,
               &(struct attempt){.owner_id = *owner,
                                 .job_id = ask->job_id,
                                 .letters_max = ask->letters_max,
                                 .window_s = ask->window_s,
                                 .peer = ask->peer,
                                 .now = ask->now},
               letters);
    if (ask->idempotency_key.len > 0)
        idempotency_keep(call, ask->idempotency_key, ask->idempotency_body, &ask->user_id,
                         ask->now);
    return true;
}

/* Writes the account, or what stands for it. */
static enum store_status create(struct call *call, const struct account_create_ask *ask,
                                const struct mail_job *job, const struct names *names,
                                struct account_create_answer *answer)
{
    struct letters letters = {0};
    char subject_text[UUID_TEXT_BYTES];

    uuid_format(&ask->user_id, subject_text);
    struct slice subject = slice_of_text(subject_text);
    if (!(names->concealed ? conceal_signup(call, ask, &names->owner, subject, &letters)
                           : put_account(call, ask, job, subject, &answer->suppressed)))
        return STORE_REFUSED;
    answer->concealed = names->concealed;
    answer->job = letters_job(&letters, 0);
    account_create_answer_pack(&call->answer, answer);
    return STORE_OK;
}

enum store_status account_create_on_request(struct call *call)
{
    struct account_create_ask ask;
    struct account_create_answer answer = {0};
    struct names names = {0};
    struct mail_job job;

    if (!account_create_ask_unpack(call->packed, &ask) || !makes_sense(&ask, &job))
        return STORE_REFUSED;
    answer.replay =
        (uint8_t)idempotency_look(call, ask.idempotency_key, ask.idempotency_body, ask.now);
    if (answer.replay == STORE_REPLAY_NONE)
        names_look(call, ask.username_key, ask.email_key, ask.conceal != 0, &names);
    answer.username_taken = names.username_taken;
    answer.email_taken = names.email_taken;
    if (answer.replay == STORE_REPLAY_NONE && !names.username_taken && !names.email_taken)
        return create(call, &ask, &job, &names, &answer);
    account_create_answer_pack(&call->answer, &answer);
    return answer.replay == STORE_REPLAY_SAME ? STORE_OK : STORE_DUPLICATE;
}
