/* Accounts: credentials, password_rehash, user.
 * Tables: users, users_by_name, users_by_email, users_by_subject. */
#include "users.h"

#include "gatepost/secret.h"

#include "absent.h"
#include "audit.h"
#include "outbox.h"
#include "requests.h"
#include "sessions.h"
#include "suppressions.h"

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
        .letters_asked = old.letters_asked,
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

    if (key.len == 0 || absent_knows(call->env->absent, by, key))
        return false;
    if (!row_get(call, by, key, &row)) {
        /* Only what is committed: a transaction that comes to nothing brings its rows back. */
        if (call->txn == NULL && call->failure == 0)
            absent_note(call->env->absent, by, key);
        return false;
    }
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

static void user_list(struct call *call, const struct uuid *user_id, const struct user_row *user)
{
    struct slice id = uuid_slice(user_id);

    row_put(call, TABLE_USERS_BY_NAME, user->username_key, id);
    if (user->email_key.len > 0)
        row_put(call, TABLE_USERS_BY_EMAIL, user->email_key, id);
    call->env->tally.users++;
}

void user_add(struct call *call, const struct uuid *user_id, const struct user_row *user)
{
    user_save(call, user_id, user);
    row_put(call, TABLE_USERS_BY_SUBJECT, user->subject, uuid_slice(user_id));
    user_list(call, user_id, user);
}

bool user_add_new(struct call *call, const struct uuid *user_id, const struct user_row *user)
{
    uint8_t bytes[ROW_MAX_BYTES];
    struct slice id = uuid_slice(user_id);

    if (!row_put_new(call, TABLE_USERS, id, user_packed(user, bytes)))
        return false;
    if (!row_put_new(call, TABLE_USERS_BY_SUBJECT, user->subject, id)) {
        (void)row_delete(call, TABLE_USERS, id);
        return false;
    }
    user_list(call, user_id, user);
    return true;
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
    user_answer_pack(&call->answer,
                     &(struct user_answer){
                         .user_id = user_id,
                         .subject = user.subject,
                         .username = user.username,
                         .email = user.email,
                         .language = user.language,
                         .active = user.active,
                         .email_verified = user.email_verified,
                         .email_bounced = suppression_is_bounce(call, user.email_key),
                         .date_joined = user.date_joined,
                         .last_login = user.last_login,
                         .session_expires = expires,
                     });
    return STORE_OK;
}
