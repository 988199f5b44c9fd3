/* Accounts that change: password_reset, password_change, account_change, account_delete.
 *
 * Each is one transaction with the letter that tells of it and its audit row. Whoever had to show
 * the password is asked for the stored form that was checked: if it is another one by now, the
 * check was of no worth, and nothing happens. */
#include "accounts.h"

#include "gatepost/secret.h"

#include "audit.h"
#include "outbox.h"
#include "proofs.h"
#include "requests.h"
#include "sessions.h"
#include "suppressions.h"
#include "users.h"

/* Another's than own's. */
static bool is_anothers(struct call *call, enum table by, struct slice key, const struct uuid *own)
{
    struct uuid user_id;

    return user_find(call, by, key, &user_id) && (own == NULL || !uuid_equal(&user_id, own));
}

bool name_is_taken(struct call *call, struct slice username_key, const struct uuid *own)
{
    if (is_anothers(call, TABLE_USERS_BY_NAME, username_key, own))
        return true;
    return username_key.len > 0 && memchr(username_key.at, '@', username_key.len) != NULL &&
           is_anothers(call, TABLE_USERS_BY_EMAIL, username_key, own);
}

bool address_is_taken(struct call *call, struct slice email_key, const struct uuid *own)
{
    return is_anothers(call, TABLE_USERS_BY_EMAIL, email_key, own) ||
           is_anothers(call, TABLE_USERS_BY_NAME, email_key, own);
}

bool user_may_have_letter(struct user_row *user, uint32_t letters_max, uint32_t window_s,
                          wall_ms now)
{
    wall_ms window_ms = (wall_ms)window_s * 1000;

    /* A window from the future is a clock that was set back: it counts for nothing. */
    if (user->letters_since > now || wall_add(user->letters_since, window_ms) <= now) {
        user->letters_since = now;
        user->letters_asked = 0;
    }
    if (letters_max != 0 && user->letters_asked >= letters_max)
        return false;
    user->letters_asked++;
    return true;
}

bool user_may_have_notice(struct user_row *user, uint32_t letters_max, uint32_t window_s,
                          wall_ms now)
{
    return user->email_verified || user_may_have_letter(user, letters_max, window_s, now);
}

/* The first letter of its window, or none: the others stay for what the owner asks for. */
static bool attempt_is_due(struct user_row *owner, const struct attempt *attempt)
{
    return user_may_have_letter(owner, attempt->letters_max != 0 ? 1 : 0, attempt->window_s,
                                attempt->now);
}

void owner_tell(struct call *call, const struct attempt *attempt, struct letters *letters)
{
    struct row storage;
    struct user_row owner;

    audit_add(call, AUDIT_SIGNUP_CONCEALED, &attempt->owner_id, attempt->peer);
    if (!user_load(call, &attempt->owner_id, &storage, &owner) || !attempt_is_due(&owner, attempt))
        return;
    user_save(call, &attempt->owner_id, &owner);
    letter_notice(call, letters, MAIL_SIGNUP_ATTEMPT, &attempt->job_id, &owner, attempt->now);
}

static bool password_is(const struct user_row *user, struct slice encoded)
{
    return encoded.len > 0 && user->password.len == encoded.len &&
           secret_equal(user->password.at, encoded.at, encoded.len);
}

void account_move(struct call *call, const struct uuid *user_id, struct user_row *user,
                  struct slice email, struct slice email_key)
{
    if (user->email_key.len > 0)
        (void)row_delete(call, TABLE_USERS_BY_EMAIL, user->email_key);
    row_put(call, TABLE_USERS_BY_EMAIL, email_key, uuid_slice(user_id));
    proof_void(call, user, MAIL_VERIFY);
    proof_void(call, user, MAIL_RESET_PASSWORD);
    user->email = email;
    user->email_key = email_key;
}

void account_rename(struct call *call, const struct uuid *user_id, struct user_row *user,
                    struct slice username, struct slice username_key)
{
    (void)row_delete(call, TABLE_USERS_BY_NAME, user->username_key);
    row_put(call, TABLE_USERS_BY_NAME, username_key, uuid_slice(user_id));
    user->username = username;
    user->username_key = username_key;
}

void account_set_password(struct call *call, const struct uuid *user_id, struct user_row *user,
                          struct slice encoded, const struct uuid *keep, wall_ms now)
{
    user->password = encoded;
    user->password_changed =
        now > user->password_changed ? now : wall_add(user->password_changed, 1);
    proof_void(call, user, MAIL_RESET_PASSWORD);
    proof_void(call, user, MAIL_CHANGE_EMAIL);
    (void)sessions_end(call, user_id, keep);
}

void account_remove(struct call *call, const struct uuid *user_id, struct user_row *user)
{
    static const uint8_t linked[] = {MAIL_VERIFY, MAIL_RESET_PASSWORD, MAIL_CHANGE_EMAIL};

    for (size_t i = 0; i < ARRAY_LEN(linked); i++) {
        proof_void(call, user, linked[i]);
        (void)row_delete(call, TABLE_PROOFS, uuid_slice(proof_of_user(user, linked[i])));
    }
    (void)sessions_end(call, user_id, NULL);
    (void)row_delete(call, TABLE_USERS_BY_NAME, user->username_key);
    if (user->email_key.len > 0)
        (void)row_delete(call, TABLE_USERS_BY_EMAIL, user->email_key);
    (void)row_delete(call, TABLE_USERS_BY_SUBJECT, user->subject);
    (void)row_delete(call, TABLE_USERS, uuid_slice(user_id));
    letters_forget(call, user->email_key);
    call->env->tally.users--;
}

/* ---- a forgotten password -----------------------------------------------------------------------
 */

enum store_status password_reset_on_request(struct call *call)
{
    struct password_reset_ask ask;
    struct row storage;
    struct row user_storage;
    struct proof_row proof;
    struct user_row user;
    struct letters letters = {0};

    if (!password_reset_ask_unpack(call->packed, &ask) || ask.password.len == 0 ||
        !letter_is_new(call, &ask.job_id))
        return STORE_REFUSED;
    enum store_status status =
        proof_find(call, &ask.proof_id, MAIL_RESET_PASSWORD, ask.now, &storage, &proof);
    if (status != STORE_OK)
        return status;
    if (!user_load(call, &proof.user_id, &user_storage, &user) || !user.active)
        return STORE_NOT_FOUND;
    if (call->failure != 0)
        return STORE_BUSY;

    proof.state = PROOF_USED;
    proof_save(call, &ask.proof_id, &proof);
    letter_withdraw(call, &proof.job_id);
    account_set_password(call, &proof.user_id, &user, ask.password, NULL, ask.now);
    user.email_verified = 1; /* the link was read at the address */
    proof_withdraw(call, &user, MAIL_VERIFY);
    user_save(call, &proof.user_id, &user);
    suppression_disprove(call, user.email_key);
    letter_notice(call, &letters, MAIL_PASSWORD_CHANGED, &ask.job_id, &user, ask.now);
    audit_add(call, AUDIT_PASSWORD_RESET, &proof.user_id, ask.peer);
    letters_answer_with(call, &letters);
    return STORE_OK;
}

/* ---- the bearer's own changes ------------------------------------------------------------------
 */

enum store_status password_change_on_request(struct call *call)
{
    struct password_change_ask ask;
    struct row storage;
    struct user_row user;
    struct letters letters = {0};

    if (!password_change_ask_unpack(call->packed, &ask) || ask.new_password.len == 0 ||
        !letter_is_new(call, &ask.job_id))
        return STORE_REFUSED;
    if (!user_load(call, &ask.user_id, &storage, &user) || !user.active)
        return STORE_NOT_FOUND;
    if (!password_is(&user, ask.old_password))
        return STORE_SPENT;
    account_set_password(call, &ask.user_id, &user, ask.new_password,
                         ask.keeps_session ? &ask.kept_session : NULL, ask.now);
    if (user_may_have_notice(&user, ask.letters_max, ask.window_s, ask.now))
        letter_notice(call, &letters, MAIL_PASSWORD_CHANGED, &ask.job_id, &user, ask.now);
    user_save(call, &ask.user_id, &user);
    audit_add(call, AUDIT_PASSWORD_CHANGED, &ask.user_id, ask.peer);
    letters_answer_with(call, &letters);
    return STORE_OK;
}

/* Another account has that address, and the asker is not to know: its owner is told, and nobody
 * gets a link. */
static void conceal_move(struct call *call, const struct account_change_ask *ask,
                         struct letters *letters)
{
    struct attempt attempt = {.job_id = ask->job_id,
                              .letters_max = ask->letters_max,
                              .window_s = ask->window_s,
                              .peer = ask->peer,
                              .now = ask->now};

    if (user_find(call, TABLE_USERS_BY_EMAIL, ask->email_key, &attempt.owner_id))
        owner_tell(call, &attempt, letters);
}

static void send_link(struct call *call, const struct account_change_ask *ask,
                      const struct user_row *user, struct letters *letters)
{
    letter_write(call, letters,
                 &(struct mail_job){.job_id = ask->job_id,
                                    .purpose = MAIL_CHANGE_EMAIL,
                                    .proof_id = ask->proof_id,
                                    .to = ask->email,
                                    .username = user->username,
                                    .language = user->language,
                                    .created = ask->now,
                                    .expires = ask->proof_expires});
}

/* The link goes to the new address, a notice to the old one. Whatever the asker can see of it is
 * the same for an address that is taken: the earlier link is void, the notice comes, the trail says
 * so. */
static void ask_for_move(struct call *call, const struct account_change_ask *ask,
                         struct user_row *user, bool taken, struct letters *letters)
{
    proof_begin(call, user, &ask->proof_id,
                &(struct proof_row){.user_id = ask->user_id,
                                    .purpose = MAIL_CHANGE_EMAIL,
                                    .state = PROOF_OPEN,
                                    .expires = ask->proof_expires,
                                    .job_id = ask->job_id,
                                    .email = ask->email,
                                    .email_key = ask->email_key});
    if (taken)
        conceal_move(call, ask, letters);
    else
        send_link(call, ask, user, letters);
    letter_notice(call, letters, MAIL_EMAIL_CHANGE_ASKED, &ask->notice_job_id, user, ask->now);
    audit_add(call, AUDIT_EMAIL_CHANGE_ASKED, &ask->user_id, ask->peer);
}

static bool change_makes_sense(struct call *call, const struct account_change_ask *ask)
{
    if (ask->email.len > 0 &&
        (!letter_is_new(call, &ask->job_id) || !letter_is_new(call, &ask->notice_job_id) ||
         uuid_equal(&ask->job_id, &ask->notice_job_id) ||
         row_exists(call, TABLE_PROOFS, uuid_slice(&ask->proof_id))))
        return false;
    return (ask->username.len > 0) == (ask->username_key.len > 0) &&
           (ask->email.len > 0) == (ask->email_key.len > 0) &&
           (ask->email.len > 0) == (ask->old_password.len > 0);
}

/* Until the window of letters ends: at least 1. user_may_have_letter said no, so the window began
 * and has not ended: now - letters_since is less than its length. */
static uint32_t letters_wait_s(const struct user_row *user, const struct account_change_ask *ask)
{
    uint64_t gone_s = (uint64_t)(ask->now - user->letters_since) / 1000;
    uint64_t wait_s = ask->window_s + 1ULL - gone_s;

    return wait_s < UINT32_MAX ? (uint32_t)wait_s : UINT32_MAX;
}

static void answer_change(struct call *call, struct account_change_answer *answer,
                          const struct letters *letters)
{
    answer->first = letters_job(letters, 0);
    answer->second = letters_job(letters, 1);
    account_change_answer_pack(&call->answer, answer);
}

enum store_status account_change_on_request(struct call *call)
{
    struct account_change_ask ask;
    struct account_change_answer answer = {0};
    struct row storage;
    struct user_row user;
    struct letters letters = {0};

    if (!account_change_ask_unpack(call->packed, &ask) || !change_makes_sense(call, &ask))
        return STORE_REFUSED;
    if (!user_load(call, &ask.user_id, &storage, &user) || !user.active)
        return STORE_NOT_FOUND;
    if (ask.email.len > 0 && !password_is(&user, ask.old_password))
        return STORE_SPENT;
    bool taken = ask.email.len > 0 && address_is_taken(call, ask.email_key, &ask.user_id);
    answer.username_taken =
        ask.username.len > 0 && name_is_taken(call, ask.username_key, &ask.user_id);
    answer.email_taken = taken && !ask.conceal;
    if (ask.email.len > 0 && !user_may_have_letter(&user, ask.letters_max, ask.window_s, ask.now))
        answer.letters_wait_s = letters_wait_s(&user, &ask);
    if (answer.username_taken || answer.email_taken || answer.letters_wait_s > 0) {
        answer_change(call, &answer, &letters);
        return STORE_DUPLICATE;
    }
    if (call->failure != 0)
        return STORE_BUSY;

    if (ask.username.len > 0) {
        account_rename(call, &ask.user_id, &user, ask.username, ask.username_key);
        audit_add(call, AUDIT_USERNAME_CHANGED, &ask.user_id, ask.peer);
    }
    if (ask.sets_language)
        user.language = ask.language; /* of the letters below, too */
    if (ask.email.len > 0)
        ask_for_move(call, &ask, &user, taken, &letters);
    user_save(call, &ask.user_id, &user);
    answer_change(call, &answer, &letters);
    return STORE_OK;
}

enum store_status account_delete_on_request(struct call *call)
{
    struct account_delete_ask ask;
    struct row storage;
    struct user_row user;
    struct letters letters = {0};

    if (!account_delete_ask_unpack(call->packed, &ask) || !letter_is_new(call, &ask.job_id))
        return STORE_REFUSED;
    if (!user_load(call, &ask.user_id, &storage, &user))
        return STORE_NOT_FOUND;
    if (!password_is(&user, ask.old_password))
        return STORE_SPENT;
    account_remove(call, &ask.user_id, &user);
    letter_notice(call, &letters, MAIL_ACCOUNT_DELETED, &ask.job_id, &user, ask.now);
    audit_add_detail(call, AUDIT_ACCOUNT_DELETED, &ask.user_id, ask.peer, AUDIT_DONE, user.subject);
    letters_answer_with(call, &letters);
    return STORE_OK;
}
