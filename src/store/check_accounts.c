/* See check_rows.h: accounts and what leads to them, sessions, proofs, answers. */
#include "check_rows.h"

#include "proofs.h"
#include "record.h"
#include "sessions.h"
#include "users.h"

#define INDEX_KEY_BYTES (2 * UUID_BYTES)

/* ---- accounts -----------------------------------------------------------------------------------
 */

static bool leads_to(struct checking *checking, enum table by, struct slice key,
                     const struct uuid *user_id)
{
    struct row found;

    return row_get(&checking->call, by, key, &found) &&
           slice_equal(row_slice(&found), uuid_slice(user_id));
}

void check_user(struct checking *checking)
{
    struct user_row user;
    struct uuid id;

    if (!check_is_id(walk_key(&checking->walk), &id) ||
        !user_read(row_slice(&checking->walk.row), &user)) {
        check_tell(checking, "cannot be read");
        return;
    }
    checking->tally.users++;
    if (!leads_to(checking, TABLE_USERS_BY_NAME, user.username_key, &id))
        check_tell(checking, "is not found by its user name");
    if (user.email_key.len > 0 && !leads_to(checking, TABLE_USERS_BY_EMAIL, user.email_key, &id))
        check_tell(checking, "is not found by its address");
    if (!leads_to(checking, TABLE_USERS_BY_SUBJECT, user.subject, &id))
        check_tell(checking, "is not found by its subject");
}

/* An entry of one of the three lists. */
void check_way(struct checking *checking)
{
    const enum table by = checking->walk.table;
    struct user_row user;
    struct uuid id;

    if (!check_is_id(row_slice(&checking->walk.row), &id)) {
        check_tell(checking, "cannot be read");
        return;
    }
    if (!row_get(&checking->call, TABLE_USERS, uuid_slice(&id), &checking->row) ||
        !user_read(row_slice(&checking->row), &user)) {
        check_tell(checking, "leads to no account");
        return;
    }
    const struct slice key = by == TABLE_USERS_BY_NAME    ? user.username_key
                             : by == TABLE_USERS_BY_EMAIL ? user.email_key
                                                          : user.subject;
    if (!slice_equal(key, walk_key(&checking->walk)))
        check_tell(checking, "leads to an account that has another");
}

/* ---- sessions, proofs, answers ------------------------------------------------------------------
 */

void check_session(struct checking *checking)
{
    uint8_t bytes[INDEX_KEY_BYTES];
    struct session_row session;
    struct uuid id;

    if (!check_is_id(walk_key(&checking->walk), &id) ||
        !session_read(row_slice(&checking->walk.row), &session)) {
        check_tell(checking, "cannot be read");
        return;
    }
    if (session.ended)
        return; /* a mark: it is in no list */
    memcpy(bytes, session.user_id.bytes, UUID_BYTES);
    memcpy(bytes + UUID_BYTES, id.bytes, UUID_BYTES);
    if (!row_exists(&checking->call, TABLE_SESSIONS_BY_USER, slice_of(bytes, sizeof(bytes))))
        check_tell(checking, "is missing from its account's list");
    if (!row_exists(&checking->call, TABLE_USERS, uuid_slice(&session.user_id)))
        check_tell(checking, "is of an account that is not there");
}

void check_session_entry(struct checking *checking)
{
    const struct slice key = walk_key(&checking->walk);
    struct session_row session;

    if (key.len != INDEX_KEY_BYTES) {
        check_tell(checking, "cannot be read");
        return;
    }
    if (!row_get(&checking->call, TABLE_SESSIONS, slice_of(key.at + UUID_BYTES, UUID_BYTES),
                 &checking->row) ||
        !session_read(row_slice(&checking->row), &session) || session.ended ||
        memcmp(session.user_id.bytes, key.at, UUID_BYTES) != 0)
        check_tell(checking, "leads to no session of that account");
}

void check_proof(struct checking *checking)
{
    struct proof_row proof;
    struct uuid id;

    if (!check_is_id(walk_key(&checking->walk), &id) ||
        !proof_read(row_slice(&checking->walk.row), &proof))
        check_tell(checking, "cannot be read");
    else if (!row_exists(&checking->call, TABLE_USERS, uuid_slice(&proof.user_id)))
        check_tell(checking, "is of an account that is not there");
}

void check_answer(struct checking *checking)
{
    const struct slice key = walk_key(&checking->walk);
    struct idempotency_row idempotency;
    struct answers_row answers;
    const bool good =
        key.len > 0 &&
        ((key.at[0] == 'I' &&
          idempotency_row_unpack(row_slice(&checking->walk.row), &idempotency)) ||
         (key.at[0] == 'A' && answers_row_unpack(row_slice(&checking->walk.row), &answers)));

    if (!good)
        check_tell(checking, "cannot be read");
}
