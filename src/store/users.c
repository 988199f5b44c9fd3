/* Accounts: name_check, account_create, credentials, password_rehash, user.
 * Tables: users, users_by_name, users_by_email, users_by_subject; a sign-up also writes its proof,
 * its letter, its audit row and its idempotency key, all in the caller's transaction. */
#include "users.h"

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include "accounts.h"
#include "answers.h"
#include "audit.h"
#include "outbox.h"
#include "proofs.h"
#include "requests.h"
#include "sessions.h"

#define NO_PASSWORD_BYTES 30

/* A row as it was before version 2. */
static bool upgrade(struct slice packed, struct user_row *user_out)
{
    struct user_row_1 old;

    if (!user_row_1_unpack(packed, &old))
        return false;
    *user_out = (struct user_row){
        .subject = old.subject,
        .username = old.username,
        .username_key = old.username_key,
        .email = old.email,
        .email_key = old.email_key,
        .password = old.password,
        .language = old.language,
        .active = old.active,
        .email_verified = old.email_verified,
        .date_joined = old.date_joined,
        .last_login = old.last_login,
        .verify_proof = old.verify_proof,
        .letters_since = old.letters_since,
        .letters_sent = old.letters_sent,
    };
    return true;
}

bool user_read(struct slice packed, struct user_row *user_out)
{
    return user_row_unpack(packed, user_out) || upgrade(packed, user_out);
}

bool user_load(struct call *call, const struct uuid *user_id, struct row *storage,
               struct user_row *user_out)
{
    if (!row_get(call, TABLE_USERS, uuid_slice(user_id), storage))
        return false;
    if (user_read(row_slice(storage), user_out))
        return true;
    row_unreadable(call, TABLE_USERS, uuid_slice(user_id));
    return false;
}

static struct slice user_packed(const struct user_row *user, uint8_t bytes[ROW_MAX_BYTES])
{
    struct packer packer = packer_over(bytes, ROW_MAX_BYTES);

    user_row_pack(&packer, user);
    BUG_ON(packer.overflow);
    return packer_slice(&packer);
}

void user_save(struct call *call, const struct uuid *user_id, const struct user_row *user)
{
    uint8_t bytes[ROW_MAX_BYTES];

    row_put(call, TABLE_USERS, uuid_slice(user_id), user_packed(user, bytes));
}

bool user_find(struct call *call, enum table by, struct slice key, struct uuid *user_id_out)
{
    struct row row;

    if (key.len == 0 || !row_get(call, by, key, &row))
        return false;
    if (row.len != UUID_BYTES) {
        row_unreadable(call, by, key);
        return false;
    }
    memcpy(user_id_out->bytes, row.bytes, UUID_BYTES);
    return true;
}

enum store_status user_find_any(struct call *call, struct slice subject, struct slice username_key,
                                struct slice email_key, struct uuid *user_id_out)
{
    const struct {
        enum table by;
        struct slice key;
    } ways[] = {{TABLE_USERS_BY_SUBJECT, subject},
                {TABLE_USERS_BY_NAME, username_key},
                {TABLE_USERS_BY_EMAIL, email_key}};
    bool found = false;

    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct uuid user_id;

        if (!user_find(call, ways[i].by, ways[i].key, &user_id))
            continue;
        if (found && !uuid_equal(&user_id, user_id_out))
            return STORE_DUPLICATE;
        *user_id_out = user_id;
        found = true;
    }
    return found ? STORE_OK : STORE_NOT_FOUND;
}

void user_add(struct call *call, const struct uuid *user_id, const struct user_row *user)
{
    struct slice id = uuid_slice(user_id);

    user_save(call, user_id, user);
    row_put(call, TABLE_USERS_BY_NAME, user->username_key, id);
    if (user->email_key.len > 0)
        row_put(call, TABLE_USERS_BY_EMAIL, user->email_key, id);
    row_put(call, TABLE_USERS_BY_SUBJECT, user->subject, id);
    call->env->tally.users++;
}

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

static bool ids_are_free(struct call *call, const struct account_create_ask *ask,
                         struct slice subject)
{
    return !row_exists(call, TABLE_USERS, uuid_slice(&ask->user_id)) &&
           !row_exists(call, TABLE_USERS_BY_SUBJECT, subject) &&
           !row_exists(call, TABLE_PROOFS, uuid_slice(&ask->proof_id)) &&
           !row_exists(call, TABLE_OUTBOX, uuid_slice(&ask->job_id));
}

static void put_account(struct call *call, const struct account_create_ask *ask,
                        const struct mail_job *job, struct slice subject)
{
    struct user_row user = {
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
    struct proof_row proof = {
        .user_id = ask->user_id,
        .purpose = MAIL_VERIFY,
        .state = PROOF_OPEN,
        .expires = ask->proof_expires,
        .job_id = ask->job_id,
    };

    user_add(call, &ask->user_id, &user);
    proof_save(call, &ask->proof_id, &proof);
    letter_add(call, &ask->job_id, ask->job, ask->now);
    if (ask->idempotency_key.len > 0)
        idempotency_keep(call, ask->idempotency_key, ask->idempotency_body, &ask->user_id,
                         ask->now);
    audit_add(call, AUDIT_SIGNED_UP, &ask->user_id, ask->peer);
}

/* The name that was chosen is kept, else a second try for it would tell: an account without an
 * address, which nobody can log in to. Its rows are about as many as those of a real one. Nor is
 * the stranger's password kept: an administrator who enables it later gives nobody a login. */
static void keep_name(struct call *call, const struct account_create_ask *ask, struct slice subject)
{
    struct slice id = uuid_slice(&ask->user_id);
    uint8_t random[NO_PASSWORD_BYTES];
    char password[1 + BASE64URL_TEXT_BYTES(NO_PASSWORD_BYTES)] = "!"; /* Django's mark */

    random_bytes(random, sizeof(random));
    base64url_encode(random, sizeof(random), password + 1);
    user_save(call, &ask->user_id,
              &(struct user_row){.subject = subject,
                                 .username = ask->username,
                                 .username_key = ask->username_key,
                                 .password = slice_of_text(password),
                                 .date_joined = ask->now});
    row_put(call, TABLE_USERS_BY_NAME, ask->username_key, id);
    row_put(call, TABLE_USERS_BY_SUBJECT, subject, id);
    call->env->tally.users++;
}

static void conceal_signup(struct call *call, const struct account_create_ask *ask,
                           const struct uuid *owner, struct slice subject, struct letters *letters)
{
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
    if (!ids_are_free(call, ask, subject))
        return STORE_REFUSED;
    if (call->failure == 0 && names->concealed)
        conceal_signup(call, ask, &names->owner, subject, &letters);
    else if (call->failure == 0)
        put_account(call, ask, job, subject);
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

/* ---- a login's first half ---------------------------------------------------------------------
 */

enum store_status credentials_on_request(struct call *call)
{
    struct credentials_ask ask;
    struct uuid user_id;
    struct row storage;
    struct user_row user;

    if (!credentials_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    /* The address first: a name with a Unicode domain can look like one and have another key. */
    if (!user_find(call, TABLE_USERS_BY_SUBJECT, ask.subject, &user_id) &&
        !user_find(call, TABLE_USERS_BY_EMAIL, ask.email_key, &user_id) &&
        !user_find(call, TABLE_USERS_BY_NAME, ask.username_key, &user_id))
        return STORE_NOT_FOUND;
    if (!user_load(call, &user_id, &storage, &user))
        return STORE_NOT_FOUND;
    const bool known = ask.peer.len > 0 && session_knows_peer(call, &user_id, ask.peer, ask.now);
    credentials_answer_pack(&call->answer, &(struct credentials_answer){
                                               .user_id = user_id,
                                               .subject = user.subject,
                                               .password = user.password,
                                               .active = user.active,
                                               .email_verified = user.email_verified,
                                               .password_changed = user.password_changed,
                                               .known_peer = known,
                                           });
    return STORE_OK;
}

/* ---- after a login: the same password, hashed as today ----------------------------------------
 */

/* Only in the place of the form that was checked: whoever changed the password meanwhile keeps it,
 * and of two logins at once one wins. */
enum store_status password_rehash_on_request(struct call *call)
{
    struct password_rehash_ask ask;
    struct row storage;
    struct user_row user;

    if (!password_rehash_ask_unpack(call->packed, &ask) || ask.old_password.len == 0 ||
        ask.new_password.len == 0)
        return STORE_REFUSED;
    if (!user_load(call, &ask.user_id, &storage, &user) || !user.active)
        return STORE_NOT_FOUND;
    if (user.password.len != ask.old_password.len ||
        !secret_equal(user.password.at, ask.old_password.at, ask.old_password.len))
        return STORE_SPENT;
    user.password = ask.new_password;
    user_save(call, &ask.user_id, &user);
    audit_add(call, AUDIT_PASSWORD_REHASHED, &ask.user_id, (struct slice){0});
    return STORE_OK;
}

/* ---- me ---------------------------------------------------------------------------------------
 */

enum store_status user_on_request(struct call *call)
{
    struct user_ask ask;
    struct uuid user_id;
    struct row storage;
    struct user_row user;
    wall_ms expires = 0;

    if (!user_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!user_find(call, TABLE_USERS_BY_SUBJECT, ask.subject, &user_id) ||
        !user_load(call, &user_id, &storage, &user))
        return STORE_NOT_FOUND;
    if (!ask.has_session && user_outdates(&user, ask.issued))
        return STORE_SPENT;
    if (ask.has_session && !session_stands(call, &ask.session_id, &user_id, ask.now, &expires))
        return STORE_SPENT;
    user_answer_pack(&call->answer, &(struct user_answer){
                                        .user_id = user_id,
                                        .subject = user.subject,
                                        .username = user.username,
                                        .email = user.email,
                                        .active = user.active,
                                        .email_verified = user.email_verified,
                                        .date_joined = user.date_joined,
                                        .last_login = user.last_login,
                                        .session_expires = expires,
                                    });
    return STORE_OK;
}
