/* Sessions: session_open, session_refresh, session_check.
 * Tables: sessions, sessions_by_user: a session and its entry there always change together. */
#include "sessions.h"

#include <arpa/inet.h>

#include "audit.h"
#include "requests.h"
#include "users.h"

#define DIGEST_BYTES 32U

bool session_load(struct call *call, const struct uuid *session_id, struct row *storage,
                  struct session_row *session_out)
{
    if (!row_get(call, TABLE_SESSIONS, uuid_slice(session_id), storage))
        return false;
    if (session_row_unpack(row_slice(storage), session_out))
        return true;
    row_unreadable(call, TABLE_SESSIONS, uuid_slice(session_id));
    return false;
}

static void session_save(struct call *call, const struct uuid *session_id,
                         const struct session_row *session)
{
    uint8_t bytes[512];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    session_row_pack(&packer, session);
    BUG_ON(packer.overflow);
    row_put(call, TABLE_SESSIONS, uuid_slice(session_id), packer_slice(&packer));
}

static struct slice index_key(const struct uuid *user_id, const struct uuid *session_id,
                              uint8_t bytes[2 * UUID_BYTES])
{
    memcpy(bytes, user_id->bytes, UUID_BYTES);
    memcpy(bytes + UUID_BYTES, session_id->bytes, UUID_BYTES);
    return slice_of(bytes, 2 * UUID_BYTES);
}

static void session_list(struct call *call, const struct uuid *user_id,
                         const struct uuid *session_id)
{
    uint8_t bytes[2 * UUID_BYTES];

    row_put(call, TABLE_SESSIONS_BY_USER, index_key(user_id, session_id, bytes), (struct slice){0});
}

void session_unlist(struct call *call, const struct uuid *user_id, const struct uuid *session_id)
{
    uint8_t bytes[2 * UUID_BYTES];

    (void)row_delete(call, TABLE_SESSIONS_BY_USER, index_key(user_id, session_id, bytes));
}

bool session_next(struct call *call, const struct uuid *user_id, struct uuid *session_id)
{
    uint8_t bytes[2 * UUID_BYTES];
    struct walk walk;

    walk_open(&walk, call, TABLE_SESSIONS_BY_USER, index_key(user_id, session_id, bytes));
    bool found = walk_next(&walk) && walk.key_len == sizeof(bytes) &&
                 memcmp(walk.key, user_id->bytes, UUID_BYTES) == 0;
    if (found)
        memcpy(session_id->bytes, walk.key + UUID_BYTES, UUID_BYTES);
    walk_close(&walk);
    return found;
}

bool session_end(struct call *call, const struct uuid *user_id, const struct uuid *session_id)
{
    struct row storage;
    struct session_row session;

    if (!session_load(call, session_id, &storage, &session) ||
        !uuid_equal(&session.user_id, user_id))
        return false;
    (void)row_delete(call, TABLE_SESSIONS, uuid_slice(session_id));
    session_unlist(call, user_id, session_id);
    return true;
}

size_t sessions_end(struct call *call, const struct uuid *user_id, const struct uuid *keep)
{
    struct walk walk;
    size_t ended = 0;

    walk_open(&walk, call, TABLE_SESSIONS_BY_USER, uuid_slice(user_id));
    while (walk_next(&walk)) {
        struct uuid session_id;

        if (walk.key_len != 2 * UUID_BYTES) {
            row_unreadable(call, TABLE_SESSIONS_BY_USER, walk_key(&walk));
            break;
        }
        if (memcmp(walk.key, user_id->bytes, UUID_BYTES) != 0)
            break;
        memcpy(session_id.bytes, walk.key + UUID_BYTES, UUID_BYTES);
        if (keep != NULL && uuid_equal(&session_id, keep))
            continue;
        walk_delete(&walk);
        (void)row_delete(call, TABLE_SESSIONS, uuid_slice(&session_id));
        ended++;
    }
    walk_close(&walk);
    return ended;
}

bool session_stands(struct call *call, const struct uuid *session_id, const struct uuid *user_id,
                    wall_ms now)
{
    struct row storage;
    struct session_row session;

    return session_load(call, session_id, &storage, &session) && session.expires > now &&
           uuid_equal(&session.user_id, user_id);
}

/* Addresses as the worker writes them: the same, or in the same /64, which is one subscriber's. */
static bool same_client(struct slice a, struct slice b)
{
    char a_text[INET6_ADDRSTRLEN];
    char b_text[INET6_ADDRSTRLEN];
    uint8_t a_bytes[16];
    uint8_t b_bytes[16];

    if (slice_equal(a, b))
        return true;
    return slice_to_text(a, a_text, sizeof(a_text)) && slice_to_text(b, b_text, sizeof(b_text)) &&
           inet_pton(AF_INET6, a_text, a_bytes) == 1 && inet_pton(AF_INET6, b_text, b_bytes) == 1 &&
           memcmp(a_bytes, b_bytes, 8) == 0;
}

bool session_knows_peer(struct call *call, const struct uuid *user_id, struct slice peer,
                        wall_ms now)
{
    static const struct uuid highest = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                         0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    uint8_t bytes[2 * UUID_BYTES];
    struct walk walk;
    bool known = false;

    walk_open(&walk, call, TABLE_SESSIONS_BY_USER, index_key(user_id, &highest, bytes));
    for (int i = 0; i < SESSIONS_LOOKED_AT && !known && walk_back(&walk); i++) {
        struct slice key = walk_key(&walk);
        struct row storage;
        struct session_row session;
        struct uuid session_id;

        if (key.len != sizeof(bytes) || memcmp(key.at, user_id->bytes, UUID_BYTES) != 0)
            break;
        memcpy(session_id.bytes, key.at + UUID_BYTES, UUID_BYTES);
        known = session_load(call, &session_id, &storage, &session) && session.expires > now &&
                same_client(session.peer, peer);
    }
    walk_close(&walk);
    return known;
}

static bool active_user(struct call *call, const struct uuid *user_id, struct row *storage,
                        struct user_row *user_out)
{
    return user_load(call, user_id, storage, user_out) && user_out->active;
}

/* ---- login ------------------------------------------------------------------------------------
 */

enum store_status session_open_on_request(struct call *call)
{
    struct session_open_ask ask;
    struct row storage;
    struct user_row user;

    if (!session_open_ask_unpack(call->packed, &ask) || ask.jti_digest.len != DIGEST_BYTES)
        return STORE_REFUSED;
    if (!active_user(call, &ask.user_id, &storage, &user))
        return STORE_NOT_FOUND;
    if (row_exists(call, TABLE_SESSIONS, uuid_slice(&ask.session_id)))
        return STORE_REFUSED;
    if (call->failure != 0)
        return STORE_BUSY;

    session_save(call, &ask.session_id,
                 &(struct session_row){.user_id = ask.user_id,
                                       .jti_digest = ask.jti_digest,
                                       .created = ask.now,
                                       .used = ask.now,
                                       .expires = ask.expires,
                                       .peer = ask.peer,
                                       .user_agent = ask.user_agent});
    session_list(call, &ask.user_id, &ask.session_id);
    user.last_login = ask.now;
    user_save(call, &ask.user_id, &user);
    audit_add(call, AUDIT_SESSION_OPENED, &ask.user_id, ask.peer);
    return STORE_OK;
}

/* ---- refresh: the old token is spent, a new one takes its place
 * ---------------------------------- */

/* A refresh token that was made elsewhere with the same key: its first use here makes its session.
 */
static enum store_status adopt(struct call *call, const struct session_refresh_ask *ask)
{
    struct uuid user_id;
    struct row storage;
    struct user_row user;

    if (row_exists(call, TABLE_SESSIONS, uuid_slice(&ask->session_id)))
        return STORE_SPENT;
    if (!user_find(call, TABLE_USERS_BY_SUBJECT, ask->subject, &user_id) ||
        !active_user(call, &user_id, &storage, &user))
        return STORE_NOT_FOUND;
    if (call->failure != 0)
        return STORE_BUSY;

    session_save(call, &ask->session_id,
                 &(struct session_row){.user_id = user_id,
                                       .jti_digest = ask->new_jti_digest,
                                       .created = ask->now,
                                       .used = ask->now,
                                       .expires = ask->expires,
                                       .peer = ask->peer});
    session_list(call, &user_id, &ask->session_id);
    audit_add(call, AUDIT_SESSION_OPENED, &user_id, ask->peer);
    return STORE_OK;
}

enum store_status session_refresh_on_request(struct call *call)
{
    struct session_refresh_ask ask;
    struct row storage;
    struct row user_storage;
    struct session_row session;
    struct user_row user;

    if (!session_refresh_ask_unpack(call->packed, &ask) || ask.new_jti_digest.len != DIGEST_BYTES)
        return STORE_REFUSED;
    if (ask.adopt)
        return adopt(call, &ask);
    if (!session_load(call, &ask.session_id, &storage, &session) || session.expires <= ask.now ||
        !active_user(call, &session.user_id, &user_storage, &user) ||
        !slice_equal(user.subject, ask.subject))
        return STORE_NOT_FOUND;
    if (!slice_equal(session.jti_digest, ask.old_jti_digest))
        return STORE_SPENT;

    session.jti_digest = ask.new_jti_digest;
    session.used = ask.now;
    session.expires = ask.expires;
    session_save(call, &ask.session_id, &session);
    audit_add(call, AUDIT_SESSION_REFRESHED, &session.user_id, ask.peer);
    return STORE_OK;
}

/* ---- does it stand? ---------------------------------------------------------------------------
 */

enum store_status session_check_on_request(struct call *call)
{
    struct session_check_ask ask;
    struct row storage;
    struct row user_storage;
    struct session_row session;
    struct user_row user;

    if (!session_check_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (ask.adopted)
        return row_exists(call, TABLE_SESSIONS, uuid_slice(&ask.session_id)) ? STORE_SPENT
                                                                             : STORE_OK;
    if (!session_load(call, &ask.session_id, &storage, &session) || session.expires <= ask.now ||
        !active_user(call, &session.user_id, &user_storage, &user))
        return STORE_NOT_FOUND;
    if (ask.jti_digest.len > 0 && !slice_equal(session.jti_digest, ask.jti_digest))
        return STORE_SPENT;
    return STORE_OK;
}
