/* Accounts that are moved in and out: accounts_import, accounts_export.
 *
 * A request holds many accounts, each of which is added or not by itself; all of them are looked at
 * before the first is put, so that a request that makes no sense changes nothing. An import that
 * was cut short is sent again from its beginning: what is there already is told as unchanged. */
#include <stdlib.h>

#include "accounts.h"
#include "audit.h"
#include "requests.h"
#include "users.h"

#define ROWS_MAX       1000U
#define PAGE_MAX_BYTES 14000 /* as large as `rows` of the answer */

/* ---- in -----------------------------------------------------------------------------------------
 */

static bool makes_sense(const struct moved_account *account)
{
    return account->username.len > 0 && account->username_key.len > 0 &&
           (account->email.len > 0) == (account->email_key.len > 0) && account->password.len > 0;
}

/* Takes the next row. Returns false when there is none, or it makes no sense. */
static bool next_account(struct unpacker *rows, struct moved_account *account_out)
{
    if (rows->len == 0)
        return false;
    if (moved_account_unpack(unpack_slice(rows, PAGE_MAX_BYTES), account_out) && !rows->bad &&
        makes_sense(account_out))
        return true;
    rows->bad = true;
    return false;
}

static bool all_make_sense(struct slice packed)
{
    struct unpacker rows = unpacker_over(packed);
    struct moved_account account;
    size_t count = 0;

    while (next_account(&rows, &account))
        count++;
    return unpacker_done(&rows) && count <= ROWS_MAX;
}

/* Is the account that was found the one that is to be added? */
static bool is_same(struct call *call, const struct uuid *user_id,
                    const struct moved_account *account)
{
    struct row storage;
    struct user_row user;

    return user_load(call, user_id, &storage, &user) &&
           slice_equal(user.username_key, account->username_key) &&
           slice_equal(user.email_key, account->email_key);
}

static uint8_t look_for(struct call *call, const struct moved_account *account,
                        struct slice subject)
{
    struct uuid found;
    uint8_t result = 0;

    if (user_find(call, TABLE_USERS_BY_SUBJECT, subject, &found)) {
        if (is_same(call, &found, account))
            return IMPORT_UNCHANGED;
        result |= IMPORT_ID_TAKEN;
    } else if (account->subject.len == 0 &&
               user_find(call, TABLE_USERS_BY_NAME, account->username_key, &found) &&
               is_same(call, &found, account)) {
        return IMPORT_UNCHANGED;
    }
    if (name_is_taken(call, account->username_key, NULL))
        result |= IMPORT_NAME_TAKEN;
    if (account->email_key.len > 0 && address_is_taken(call, account->email_key, NULL))
        result |= IMPORT_EMAIL_TAKEN;
    return result;
}

static void add_account(struct call *call, const struct moved_account *account,
                        struct slice subject, struct slice peer)
{
    const struct user_row user = {
        .subject = subject,
        .username = account->username,
        .username_key = account->username_key,
        .email = account->email,
        .email_key = account->email_key,
        .password = account->password,
        .active = account->active != 0,
        .email_verified = account->email_verified != 0 && account->email_key.len > 0,
        .date_joined = account->date_joined,
        .last_login = account->last_login,
        .language = account->language,
        .extra = account->extra,
    };

    user_add(call, &account->user_id, &user);
    audit_add(call, AUDIT_IMPORTED, &account->user_id, peer);
}

static uint8_t import_account(struct call *call, const struct accounts_import_ask *ask,
                              const struct moved_account *account)
{
    char text[UUID_TEXT_BYTES];
    struct slice subject = account->subject;

    if (subject.len == 0) {
        uuid_format(&account->user_id, text);
        subject = slice_of_text(text);
    }
    uint8_t result = look_for(call, account, subject);
    if (result == 0 && row_exists(call, TABLE_USERS, uuid_slice(&account->user_id)))
        result = IMPORT_ID_TAKEN;
    if (result == 0 && !ask->dry_run && call->failure == 0)
        add_account(call, account, subject, ask->peer);
    return result;
}

enum store_status accounts_import_on_request(struct call *call)
{
    struct accounts_import_ask ask;
    struct moved_account account;
    uint8_t bytes[ROWS_MAX];
    struct packer results = packer_over(bytes, sizeof(bytes));

    if (!accounts_import_ask_unpack(call->packed, &ask) || !all_make_sense(ask.rows))
        return STORE_REFUSED;

    struct unpacker rows = unpacker_over(ask.rows);
    while (next_account(&rows, &account))
        pack_u8(&results, import_account(call, &ask, &account));
    accounts_import_answer_pack(
        &call->answer, &(struct accounts_import_answer){.results = packer_slice(&results)});
    return STORE_OK;
}

/* ---- out ----------------------------------------------------------------------------------------
 */

/* Returns false when it did not fit. */
static bool list_account(const struct uuid *user_id, const struct user_row *user,
                         struct packer *rows)
{
    uint8_t bytes[ROW_MAX_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    moved_account_pack(&packer, &(struct moved_account){
                                    .user_id = *user_id,
                                    .subject = user->subject,
                                    .username = user->username,
                                    .email = user->email,
                                    .password = user->password,
                                    .active = user->active,
                                    .email_verified = user->email_verified,
                                    .date_joined = user->date_joined,
                                    .last_login = user->last_login,
                                    .language = user->language,
                                    .extra = user->extra,
                                });
    return page_add(rows, &packer);
}

static void fill_page(struct call *call, struct walk *walk, struct packer *rows)
{
    while (walk_next(walk)) {
        struct uuid user_id;
        struct user_row user;

        if (walk->key_len != UUID_BYTES || !user_read(row_slice(&walk->row), &user)) {
            row_unreadable(call, TABLE_USERS, walk_key(walk));
            return;
        }
        memcpy(user_id.bytes, walk->key, UUID_BYTES);
        if (!list_account(&user_id, &user, rows))
            return;
    }
}

enum store_status accounts_export_on_request(struct call *call)
{
    struct accounts_export_ask ask;
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));

    if (!accounts_export_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (uuid_step(&ask.after)) {
        struct walk *walk = xcalloc(1, sizeof(*walk));

        walk_open(walk, call, TABLE_USERS, uuid_slice(&ask.after));
        fill_page(call, walk, &rows);
        walk_close(walk);
        free(walk);
    }
    accounts_export_answer_pack(&call->answer,
                                &(struct accounts_export_answer){.rows = packer_slice(&rows)});
    return STORE_OK;
}
