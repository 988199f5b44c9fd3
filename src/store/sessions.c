/* Sessions: their rows, and session_open, session_check, session_list, session_end.
 * Tables: sessions, sessions_by_user: a session and its entry there always change together; what is
 * left of an ended one has no entry. */
#include "sessions.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "audit.h"
#include "requests.h"
#include "users.h"

#define DIGEST_BYTES    32U
#define INDEX_KEY_BYTES (2 * UUID_BYTES)

/* More than token.sessions_max can be: how many of an account are looked at for one to end. */
#define SESSIONS_LOOK_MAX 1024U

/* A page as large as the answer's `rows` may be. */
#define PAGE_MAX_BYTES 15000

bool session_read(struct slice packed, struct session_row *session_out)
{
    struct session_row_1 old;

    if (session_row_unpack(packed, session_out))
        return true;
    if (!session_row_1_unpack(packed, &old))
        return false;
    *session_out = (struct session_row){
        .user_id = old.user_id,
        .jti_digest = old.jti_digest,
        .created = old.created,
        .used = old.used,
        .expires = old.expires,
        .peer = old.peer,
        .user_agent = old.user_agent,
    };
    return true;
}

bool session_load(struct call *call, const struct uuid *session_id, wall_ms now,
                  struct row *storage, struct session_row *session_out)
{
    if (!row_get(call, TABLE_SESSIONS, uuid_slice(session_id), storage))
        return false;
    if (session_read(row_slice(storage), session_out))
        return !session_out->ended && session_out->expires > now;
    row_unreadable(call, TABLE_SESSIONS, uuid_slice(session_id));
    return false;
}

bool session_stands(struct call *call, const struct uuid *session_id, const struct uuid *user_id,
                    wall_ms now, wall_ms *expires_out)
{
    struct row storage;
    struct session_row session;

    if (!session_load(call, session_id, now, &storage, &session) ||
        !uuid_equal(&session.user_id, user_id))
        return false;
    *expires_out = session.expires;
    return true;
}

void session_save(struct call *call, const struct uuid *session_id,
                  const struct session_row *session)
{
    uint8_t bytes[1024];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    session_row_pack(&packer, session);
    BUG_ON(packer.overflow);
    row_put(call, TABLE_SESSIONS, uuid_slice(session_id), packer_slice(&packer));
}

static struct slice index_key(const struct uuid *user_id, const struct uuid *session_id,
                              uint8_t bytes[INDEX_KEY_BYTES])
{
    memcpy(bytes, user_id->bytes, UUID_BYTES);
    memcpy(bytes + UUID_BYTES, session_id->bytes, UUID_BYTES);
    return slice_of(bytes, INDEX_KEY_BYTES);
}

/* The next of the user's sessions, behind what walk_open was given. */
static bool next_of_user(struct walk *walk, const struct uuid *user_id, struct uuid *session_id_out)
{
    if (!walk_next(walk))
        return false;
    if (walk->key_len != INDEX_KEY_BYTES) {
        row_unreadable(walk->call, TABLE_SESSIONS_BY_USER, walk_key(walk));
        return false;
    }
    memcpy(session_id_out->bytes, walk->key + UUID_BYTES, UUID_BYTES);
    return memcmp(walk->key, user_id->bytes, UUID_BYTES) == 0;
}

void session_mark_ended(struct call *call, const struct uuid *session_id, wall_ms until)
{
    session_save(call, session_id,
                 &(struct session_row){.expires = until, .adopted_until = until, .ended = 1});
}

/* The row; the index entry is the caller's. */
static void row_remove(struct call *call, const struct uuid *session_id,
                       const struct session_row *session)
{
    if (session->adopted_until > call->now)
        session_mark_ended(call, session_id, session->adopted_until);
    else
        (void)row_delete(call, TABLE_SESSIONS, uuid_slice(session_id));
}

void session_remove(struct call *call, const struct uuid *session_id,
                    const struct session_row *session)
{
    uint8_t bytes[INDEX_KEY_BYTES];

    (void)row_delete(call, TABLE_SESSIONS_BY_USER, index_key(&session->user_id, session_id, bytes));
    row_remove(call, session_id, session);
}

bool session_next(struct call *call, const struct uuid *user_id, struct uuid *session_id)
{
    uint8_t bytes[INDEX_KEY_BYTES];
    struct walk walk;

    walk_open(&walk, call, TABLE_SESSIONS_BY_USER, index_key(user_id, session_id, bytes));
    bool found = next_of_user(&walk, user_id, session_id);
    walk_close(&walk);
    return found;
}

bool session_end(struct call *call, const struct uuid *user_id, const struct uuid *session_id)
{
    struct row storage;
    struct session_row session;

    if (!session_load(call, session_id, INT64_MIN, &storage, &session) ||
        !uuid_equal(&session.user_id, user_id))
        return false;
    session_remove(call, session_id, &session);
    return true;
}

size_t sessions_end(struct call *call, const struct uuid *user_id, const struct uuid *keep)
{
    struct walk walk;
    struct row storage;
    struct session_row session;
    struct uuid session_id;
    size_t ended = 0;

    walk_open(&walk, call, TABLE_SESSIONS_BY_USER, uuid_slice(user_id));
    while (next_of_user(&walk, user_id, &session_id)) {
        if (keep != NULL && uuid_equal(&session_id, keep))
            continue;
        walk_delete(&walk);
        /* Expired ones too: the purge takes its time. */
        if (session_load(call, &session_id, INT64_MIN, &storage, &session))
            row_remove(call, &session_id, &session);
        ended++;
    }
    walk_close(&walk);
    return ended;
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
    uint8_t bytes[INDEX_KEY_BYTES];
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
        known = session_load(call, &session_id, now, &storage, &session) &&
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

/* ---- a new one ----------------------------------------------------------------------------------
 */

struct aged {
    struct uuid session_id;
    wall_ms used;
};

static int by_use(const void *a, const void *b)
{
    const wall_ms left = ((const struct aged *)a)->used;
    const wall_ms right = ((const struct aged *)b)->used;

    return (left > right) - (left < right);
}

/* Those that were not used for longest, until fewer than max are left. */
static void end_oldest(struct call *call, struct aged *all, size_t count, size_t max)
{
    struct row storage;
    struct session_row session;

    for (size_t i = 0; i < count; i++) {
        if (session_load(call, &all[i].session_id, INT64_MIN, &storage, &session))
            all[i].used = session.used;
    }
    qsort(all, count, sizeof(*all), by_use);
    for (size_t i = 0; i + max <= count; i++) {
        if (!session_load(call, &all[i].session_id, INT64_MIN, &storage, &session))
            continue;
        session_remove(call, &all[i].session_id, &session);
        audit_add(call, AUDIT_SESSION_ENDED, &session.user_id, session.peer);
    }
}

static void make_room(struct call *call, const struct uuid *user_id, size_t max)
{
    struct aged all[SESSIONS_LOOK_MAX];
    struct walk walk;
    size_t count = 0;

    walk_open(&walk, call, TABLE_SESSIONS_BY_USER, uuid_slice(user_id));
    while (count < ARRAY_LEN(all) && next_of_user(&walk, user_id, &all[count].session_id))
        all[count++].used = INT64_MIN;
    walk_close(&walk);
    if (max > 0 && count >= max)
        end_oldest(call, all, count, max);
}

void session_add(struct call *call, const struct uuid *session_id,
                 const struct session_row *session, uint32_t sessions_max)
{
    uint8_t bytes[INDEX_KEY_BYTES];

    make_room(call, &session->user_id, sessions_max);
    session_save(call, session_id, session);
    row_put(call, TABLE_SESSIONS_BY_USER, index_key(&session->user_id, session_id, bytes),
            (struct slice){0});
}

enum store_status session_open_on_request(struct call *call)
{
    struct session_open_ask ask;
    struct row storage;
    struct user_row user;

    if (!session_open_ask_unpack(call->packed, &ask) || ask.jti_digest.len != DIGEST_BYTES)
        return STORE_REFUSED;
    /* A password that was changed while a login with the old one was being hashed opens nothing. */
    if (!active_user(call, &ask.user_id, &storage, &user) ||
        user.password_changed != ask.password_changed)
        return STORE_NOT_FOUND;
    if (row_exists(call, TABLE_SESSIONS, uuid_slice(&ask.session_id)))
        return STORE_REFUSED;
    if (call->failure != 0)
        return STORE_BUSY;

    session_add(call, &ask.session_id,
                &(struct session_row){.user_id = ask.user_id,
                                      .jti_digest = ask.jti_digest,
                                      .created = ask.now,
                                      .used = ask.now,
                                      .expires = ask.expires,
                                      .peer = ask.peer,
                                      .user_agent = ask.user_agent},
                ask.sessions_max);
    user.last_login = ask.now;
    user_save(call, &ask.user_id, &user);
    audit_add(call, AUDIT_SESSION_OPENED, &ask.user_id, ask.peer);
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
    if (!session_load(call, &ask.session_id, ask.now, &storage, &session) ||
        !active_user(call, &session.user_id, &user_storage, &user))
        return STORE_NOT_FOUND;
    if (ask.jti_digest.len > 0 && !slice_equal(session.jti_digest, ask.jti_digest))
        return STORE_SPENT;
    return STORE_OK;
}

/* ---- those of an account ------------------------------------------------------------------------
 */

/* Returns false when the page is full. */
static bool list_item(struct packer *rows, const struct uuid *session_id,
                      const struct session_row *session)
{
    uint8_t bytes[512];
    struct packer row = packer_over(bytes, sizeof(bytes));

    session_item_pack(&row, &(struct session_item){.session_id = *session_id,
                                                   .created = session->created,
                                                   .used = session->used,
                                                   .expires = session->expires,
                                                   .peer = session->peer,
                                                   .user_agent = session->user_agent});
    return page_add(rows, &row);
}

enum store_status session_list_on_request(struct call *call)
{
    struct session_list_ask ask;
    uint8_t from[INDEX_KEY_BYTES];
    uint8_t bytes[PAGE_MAX_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));
    struct walk walk;
    struct row storage;
    struct session_row session;
    struct uuid session_id;
    bool more = false;

    if (!session_list_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    walk_open(&walk, call, TABLE_SESSIONS_BY_USER, index_key(&ask.user_id, &ask.after, from));
    while (!more && next_of_user(&walk, &ask.user_id, &session_id)) {
        if (!uuid_equal(&session_id, &ask.after) &&
            session_load(call, &session_id, ask.now, &storage, &session))
            more = !list_item(&rows, &session_id, &session);
    }
    walk_close(&walk);
    session_list_answer_pack(
        &call->answer, &(struct session_list_answer){.more = more, .rows = packer_slice(&rows)});
    return STORE_OK;
}

enum store_status session_end_on_request(struct call *call)
{
    struct session_end_ask ask;
    struct row storage;
    struct session_row session;

    if (!session_end_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (ask.all) {
        if (sessions_end(call, &ask.user_id, &ask.session_id) > 0)
            audit_add(call, AUDIT_SESSION_ENDED, &ask.user_id, ask.peer);
        return STORE_OK;
    }
    if (!session_load(call, &ask.session_id, ask.now, &storage, &session) ||
        !uuid_equal(&session.user_id, &ask.user_id))
        return STORE_NOT_FOUND;
    session_remove(call, &ask.session_id, &session);
    audit_add(call, AUDIT_SESSION_ENDED, &ask.user_id, ask.peer);
    return STORE_OK;
}
