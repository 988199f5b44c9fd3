/* Administration: admin_list, admin_user, admin_user_add, admin_user_change, admin_user_delete.
 *
 * Invariant: what takes an account's right to be here (disabled, deleted, another password) ends
 * its sessions in the same transaction; every change leaves a row in the audit trail.
 * A list may be long: a page looks at LOOKS_MAX accounts at most, so that a search through a
 * million never holds up those who log in meanwhile. */
#include <stdlib.h>

#include "accounts.h"
#include "audit.h"
#include "proofs.h"
#include "requests.h"
#include "sessions.h"
#include "users.h"

#define PAGE_MAX_BYTES 14000 /* as large as `rows` of the answers */
#define LOOKS_MAX      256

/* ---- one account ------------------------------------------------------------------------------
 */

static enum store_status find_and_load(struct call *call, struct slice subject,
                                       struct slice username_key, struct slice email_key,
                                       struct uuid *user_id_out, struct row *storage,
                                       struct user_row *user_out)
{
    enum store_status status = user_find_any(call, subject, username_key, email_key, user_id_out);

    if (status == STORE_OK && !user_load(call, user_id_out, storage, user_out))
        return STORE_NOT_FOUND;
    return status;
}

/* Django's mark of a password that nobody has. */
static bool has_password(const struct user_row *user)
{
    return user->password.len > 0 && user->password.at[0] != '!';
}

static void pack_user(struct packer *packer, const struct user_row *user)
{
    admin_user_answer_pack(packer, &(struct admin_user_answer){
                                       .subject = user->subject,
                                       .username = user->username,
                                       .email = user->email,
                                       .active = user->active,
                                       .email_verified = user->email_verified,
                                       .has_password = has_password(user),
                                       .date_joined = user->date_joined,
                                       .last_login = user->last_login,
                                   });
}

enum store_status admin_user_on_request(struct call *call)
{
    struct admin_user_ask ask;
    struct uuid user_id;
    struct row storage;
    struct user_row user;

    if (!admin_user_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    enum store_status status = find_and_load(call, ask.subject, ask.username_key, ask.email_key,
                                             &user_id, &storage, &user);
    if (status == STORE_OK)
        pack_user(&call->answer, &user);
    return status;
}

/* ---- list -------------------------------------------------------------------------------------
 */

static bool contains(struct slice text, struct slice part)
{
    return part.len == 0 || memmem(text.at, text.len, part.at, part.len) != NULL;
}

/* One entry of users_by_subject. Returns false when the page is full. */
static bool list_one(struct call *call, struct slice entry, struct slice search,
                     struct packer *rows, uint32_t *count)
{
    uint8_t bytes[2048];
    struct packer row = packer_over(bytes, sizeof(bytes));
    struct uuid user_id;
    struct row storage;
    struct user_row user;

    if (entry.len != UUID_BYTES)
        return true;
    memcpy(user_id.bytes, entry.at, UUID_BYTES);
    if (!user_load(call, &user_id, &storage, &user) ||
        (!contains(user.username_key, search) && !contains(user.email_key, search)))
        return true;
    pack_user(&row, &user);
    BUG_ON(row.overflow);
    if (!page_add(rows, &row))
        return false;
    (*count)++;
    return true;
}

/* Returns true when there may be more behind it; next_out is where. */
static bool fill_page(struct call *call, const struct admin_list_ask *ask, struct packer *rows,
                      struct packer *next)
{
    struct walk *walk = xcalloc(1, sizeof(*walk));
    uint32_t count = 0;
    bool more = false;

    walk_open(walk, call, TABLE_USERS_BY_SUBJECT, ask->after);
    for (uint32_t looks = 0; walk_next(walk); looks++) {
        if (slice_equal(walk_key(walk), ask->after))
            continue;
        more = looks >= LOOKS_MAX || count >= ask->rows_max ||
               !list_one(call, row_slice(&walk->row), ask->search, rows, &count);
        if (more)
            break;
        next->len = 0;
        pack_raw(next, walk->key, walk->key_len);
    }
    walk_close(walk);
    free(walk);
    return more;
}

enum store_status admin_list_on_request(struct call *call)
{
    struct admin_list_ask ask;
    uint8_t bytes[PAGE_MAX_BYTES];
    uint8_t next_bytes[KEY_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));
    struct packer next = packer_over(next_bytes, sizeof(next_bytes));
    struct admin_list_answer answer;

    if (!admin_list_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    pack_raw(&next, ask.after.at, ask.after.len);
    answer.more = fill_page(call, &ask, &rows, &next);
    answer.next = packer_slice(&next);
    answer.rows = packer_slice(&rows);
    admin_list_answer_pack(&call->answer, &answer);
    return STORE_OK;
}

/* ---- add --------------------------------------------------------------------------------------
 */

enum store_status admin_user_add_on_request(struct call *call)
{
    struct admin_user_add_ask ask;
    struct admin_user_add_answer taken;
    char subject[UUID_TEXT_BYTES];

    if (!admin_user_add_ask_unpack(call->packed, &ask) || ask.username_key.len == 0 ||
        ask.email_key.len == 0 || ask.password.len == 0)
        return STORE_REFUSED;
    taken.username_taken = name_is_taken(call, ask.username_key, NULL);
    taken.email_taken = address_is_taken(call, ask.email_key, NULL);
    if (taken.username_taken || taken.email_taken) {
        admin_user_add_answer_pack(&call->answer, &taken);
        return STORE_DUPLICATE;
    }
    uuid_format(&ask.user_id, subject);
    if (row_exists(call, TABLE_USERS, uuid_slice(&ask.user_id)) ||
        row_exists(call, TABLE_USERS_BY_SUBJECT, slice_of_text(subject)))
        return STORE_REFUSED;
    if (call->failure != 0)
        return STORE_BUSY;

    const struct user_row user = {
        .subject = slice_of_text(subject),
        .username = ask.username,
        .username_key = ask.username_key,
        .email = ask.email,
        .email_key = ask.email_key,
        .password = ask.password,
        .active = ask.active != 0,
        .email_verified = ask.email_verified != 0,
        .date_joined = ask.now,
    };
    user_add(call, &ask.user_id, &user);
    audit_add(call, AUDIT_ADMIN_USER_ADDED, &ask.user_id, ask.peer);
    pack_user(&call->answer, &user);
    return STORE_OK;
}

/* ---- change -----------------------------------------------------------------------------------
 */

static void change_active(struct call *call, const struct admin_user_change_ask *ask,
                          const struct uuid *user_id, struct user_row *user)
{
    user->active = ask->active != 0;
    if (!user->active) {
        (void)sessions_end(call, user_id, NULL);
        proof_void(call, user, MAIL_RESET_PASSWORD);
        proof_void(call, user, MAIL_CHANGE_EMAIL);
    }
    audit_add(call, user->active ? AUDIT_ADMIN_USER_ENABLED : AUDIT_ADMIN_USER_DISABLED, user_id,
              ask->peer);
}

static void change_verified(struct call *call, const struct admin_user_change_ask *ask,
                            const struct uuid *user_id, struct user_row *user)
{
    user->email_verified = ask->email_verified != 0;
    if (user->email_verified)
        proof_withdraw(call, user, MAIL_VERIFY);
    audit_add(call,
              user->email_verified ? AUDIT_ADMIN_EMAIL_VERIFIED : AUDIT_ADMIN_EMAIL_UNVERIFIED,
              user_id, ask->peer);
}

static void change_password(struct call *call, const struct admin_user_change_ask *ask,
                            const struct uuid *user_id, struct user_row *user)
{
    account_set_password(call, user_id, user, ask->password, NULL, ask->now);
    audit_add(call, AUDIT_ADMIN_PASSWORD_SET, user_id, ask->peer);
}

static void change_username(struct call *call, const struct admin_user_change_ask *ask,
                            const struct uuid *user_id, struct user_row *user)
{
    account_rename(call, user_id, user, ask->new_username, ask->new_username_key);
    audit_add(call, AUDIT_ADMIN_USERNAME_SET, user_id, ask->peer);
}

static bool change_makes_sense(const struct admin_user_change_ask *ask)
{
    return ((ask->changes & ADMIN_CHANGE_PASSWORD) == 0 || ask->password.len > 0) &&
           ((ask->changes & ADMIN_CHANGE_USERNAME) == 0 ||
            (ask->new_username.len > 0 && ask->new_username_key.len > 0));
}

enum store_status admin_user_change_on_request(struct call *call)
{
    struct admin_user_change_ask ask;
    struct uuid user_id;
    struct row storage;
    struct user_row user;

    if (!admin_user_change_ask_unpack(call->packed, &ask) || !change_makes_sense(&ask))
        return STORE_REFUSED;
    enum store_status status = find_and_load(call, ask.subject, ask.username_key, ask.email_key,
                                             &user_id, &storage, &user);
    if (status != STORE_OK)
        return status;
    if ((ask.changes & ADMIN_CHANGE_USERNAME) != 0 &&
        name_is_taken(call, ask.new_username_key, &user_id)) {
        admin_user_add_answer_pack(&call->answer,
                                   &(struct admin_user_add_answer){.username_taken = 1});
        return STORE_DUPLICATE;
    }
    if (call->failure != 0)
        return STORE_BUSY;

    if ((ask.changes & ADMIN_CHANGE_ACTIVE) != 0)
        change_active(call, &ask, &user_id, &user);
    if ((ask.changes & ADMIN_CHANGE_VERIFIED) != 0)
        change_verified(call, &ask, &user_id, &user);
    if ((ask.changes & ADMIN_CHANGE_PASSWORD) != 0)
        change_password(call, &ask, &user_id, &user);
    if ((ask.changes & ADMIN_CHANGE_USERNAME) != 0)
        change_username(call, &ask, &user_id, &user);
    user_save(call, &user_id, &user);
    pack_user(&call->answer, &user);
    return STORE_OK;
}

enum store_status admin_user_delete_on_request(struct call *call)
{
    struct admin_user_delete_ask ask;
    struct uuid user_id;
    struct row storage;
    struct user_row user;

    if (!admin_user_delete_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    enum store_status status = find_and_load(call, ask.subject, ask.username_key, ask.email_key,
                                             &user_id, &storage, &user);
    if (status != STORE_OK)
        return status;
    if (call->failure != 0)
        return STORE_BUSY;
    account_remove(call, &user_id, &user);
    audit_add_detail(call, AUDIT_ADMIN_USER_DELETED, &user_id, ask.peer, AUDIT_DONE, user.subject);
    return STORE_OK;
}
