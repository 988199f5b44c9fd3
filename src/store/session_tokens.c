/* What a refresh token does to its session: session_refresh, session_logout.
 *
 * A session is a family of refresh tokens, each the successor of the one before. One of them is
 * current; those that were spent within the grace time are kept with the time when they were, so
 * that parallel requests, and one that is repeated because its answer was lost, all get the same
 * successor. Whoever shows an older one has stolen it, or was stolen from: which of the two cannot
 * be known, so the family ends (RFC 9700 section 4.14.2).
 *
 * Invariant: no token leaves the list within the grace time. When the list is full the current
 * token is not spent but given back, so somebody who refreshes in a tight loop is not taken for a
 * thief by losing track of his own tokens. */
#include "accounts.h"
#include "audit.h"
#include "outbox.h"
#include "requests.h"
#include "sessions.h"
#include "users.h"

#define DIGEST_BYTES      32U
#define SPENT_MARK_BYTES  8U /* of a digest: enough to tell the tokens of one family apart */
#define SPENT_ENTRY_BYTES (SPENT_MARK_BYTES + 8U)
#define SPENT_MAX         32U

struct spent {
    uint8_t mark[SPENT_MARK_BYTES];
    wall_ms when;
};

/* ---- the list -----------------------------------------------------------------------------------
 */

/* Takes the next entry off the list. Returns false at its end. */
static bool spent_next(struct unpacker *list, struct spent *spent_out)
{
    if (list->bad || list->len < SPENT_ENTRY_BYTES)
        return false;
    unpack_raw(list, spent_out->mark, SPENT_MARK_BYTES);
    spent_out->when = (wall_ms)unpack_u64(list);
    return true;
}

static void spent_pack(struct packer *list, const void *digest, wall_ms when)
{
    pack_raw(list, digest, SPENT_MARK_BYTES);
    pack_u64(list, (uint64_t)when);
}

/* A time ahead is a clock that was set back since: so much, and no more, is forgiven either way.
 * Subtracted so that no time can overflow: it may be anything in a hostile ask. */
static bool within_grace(wall_ms when, const struct session_refresh_ask *ask)
{
    uint64_t apart =
        when > ask->now ? (uint64_t)when - (uint64_t)ask->now : (uint64_t)ask->now - (uint64_t)when;

    return apart < ask->grace_ms;
}

/* Was that token spent within the grace time, and when? successor_out: the mark of the token that
 * took its place: the next one of the list, or the session's own. */
static bool spent_find(const struct session_row *session, const struct session_refresh_ask *ask,
                       wall_ms *when_out, uint8_t successor_out[SPENT_MARK_BYTES])
{
    struct unpacker list = unpacker_over(session->spent);
    struct spent entry;
    struct spent next;

    while (spent_next(&list, &entry)) {
        if (memcmp(entry.mark, ask->old_jti_digest.at, SPENT_MARK_BYTES) != 0)
            continue;
        const void *successor =
            spent_next(&list, &next) ? next.mark : (const void *)session->jti_digest.at;
        memcpy(successor_out, successor, SPENT_MARK_BYTES);
        *when_out = entry.when;
        return within_grace(entry.when, ask);
    }
    return false;
}

/* Those that are within the grace time still. newest_out: when the last of them was spent. */
static void spent_keep(struct slice spent, const struct session_refresh_ask *ask,
                       struct packer *kept, wall_ms *newest_out)
{
    struct unpacker list = unpacker_over(spent);
    struct spent entry;

    while (spent_next(&list, &entry)) {
        if (!within_grace(entry.when, ask))
            continue;
        spent_pack(kept, entry.mark, entry.when);
        *newest_out = entry.when;
    }
}

/* ---- refresh ------------------------------------------------------------------------------------
 */

static void answer(struct call *call, wall_ms issued, bool unchanged, struct slice letter)
{
    session_refresh_answer_pack(&call->answer,
                                &(struct session_refresh_answer){
                                    .issued = issued, .unchanged = unchanged, .letter = letter});
}

/* A successor that is issued at the store's time lives as long as one issued at the asker's. */
static wall_ms expiry(const struct session_refresh_ask *ask, wall_ms issued)
{
    return (wall_ms)((uint64_t)issued + (uint64_t)ask->expires - (uint64_t)ask->now);
}

/* The token is spent when the store says so, not when it was asked: who waited for the store, and
 * then lost the answer, has all of the grace time to ask again. */
static enum store_status rotate(struct call *call, const struct session_refresh_ask *ask,
                                struct session_row *session)
{
    uint8_t bytes[SPENT_MAX * SPENT_ENTRY_BYTES];
    struct packer kept = packer_over(bytes, sizeof(bytes));
    wall_ms newest = session->created;

    spent_keep(session->spent, ask, &kept, &newest);
    session->used = ask->now;
    if (kept.len == kept.max) {
        session_save(call, &ask->session_id, session);
        answer(call, newest, true, slice_of(NULL, 0));
        return STORE_OK;
    }
    if (ask->grace_ms > 0)
        spent_pack(&kept, ask->old_jti_digest.at, call->now);
    session->spent = packer_slice(&kept);
    session->jti_digest = ask->new_jti_digest;
    session->expires = expiry(ask, call->now);
    session_save(call, &ask->session_id, session);
    audit_add(call, AUDIT_SESSION_REFRESHED, &session->user_id, ask->peer);
    answer(call, call->now, false, slice_of(NULL, 0));
    return STORE_OK;
}

/* Token and session are as if it had been opened here, and refreshed at once. */
static enum store_status adopt(struct call *call, const struct session_refresh_ask *ask)
{
    uint8_t bytes[SPENT_ENTRY_BYTES];
    struct packer spent = packer_over(bytes, sizeof(bytes));
    struct uuid user_id;
    struct row storage;
    struct user_row user;

    if (!user_find(call, TABLE_USERS_BY_SUBJECT, ask->subject, &user_id) ||
        !user_load(call, &user_id, &storage, &user) || !user.active ||
        user_outdates(&user, ask->token_issued))
        return STORE_NOT_FOUND;
    if (call->failure != 0)
        return STORE_BUSY;

    if (ask->grace_ms > 0)
        spent_pack(&spent, ask->old_jti_digest.at, call->now);
    session_add(call, &ask->session_id,
                &(struct session_row){.user_id = user_id,
                                      .jti_digest = ask->new_jti_digest,
                                      .spent = packer_slice(&spent),
                                      .created = ask->now,
                                      .used = ask->now,
                                      .expires = expiry(ask, call->now),
                                      .adopted_until = ask->token_expires,
                                      .peer = ask->peer},
                ask->sessions_max);
    audit_add(call, AUDIT_SESSION_OPENED, &user_id, ask->peer);
    answer(call, call->now, false, slice_of(NULL, 0));
    return STORE_OK;
}

static enum store_status end_family(struct call *call, const struct session_refresh_ask *ask,
                                    const struct session_row *session, struct user_row *user)
{
    struct letters letters = {0};

    if (!letter_is_new(call, &ask->job_id))
        return STORE_REFUSED;
    if (call->failure != 0)
        return STORE_BUSY;
    session_remove(call, &ask->session_id, session);
    if (user_may_have_notice(user, ask->letters_max, ask->window_s, ask->now))
        letter_notice(call, &letters, MAIL_TOKEN_REUSED, &ask->job_id, user, ask->now);
    user_save(call, &session->user_id, user);
    audit_add(call, AUDIT_TOKEN_REUSED, &session->user_id, ask->peer);
    answer(call, 0, false, letters_job(&letters, 0));
    return STORE_SPENT;
}

enum store_status session_refresh_on_request(struct call *call)
{
    struct session_refresh_ask ask;
    struct row storage;
    struct row user_storage;
    struct session_row session;
    struct user_row user;
    uint8_t successor[SPENT_MARK_BYTES];
    wall_ms when;

    if (!session_refresh_ask_unpack(call->packed, &ask) || ask.old_jti_digest.len != DIGEST_BYTES ||
        ask.new_jti_digest.len != DIGEST_BYTES)
        return STORE_REFUSED;
    if (ask.adopt && !row_exists(call, TABLE_SESSIONS, uuid_slice(&ask.session_id)))
        return adopt(call, &ask);
    if (!session_load(call, &ask.session_id, ask.now, &storage, &session) ||
        !user_load(call, &session.user_id, &user_storage, &user) || !user.active ||
        !slice_equal(user.subject, ask.subject))
        return STORE_NOT_FOUND;
    if (slice_equal(session.jti_digest, ask.old_jti_digest))
        return rotate(call, &ask, &session);
    if (!spent_find(&session, &ask, &when, successor))
        return end_family(call, &ask, &session, &user);
    /* A worker with another token.secret_file (a reload overlaps them) made up another successor:
     * nobody's, which would come back as a stolen one. */
    if (memcmp(successor, ask.new_jti_digest.at, SPENT_MARK_BYTES) != 0)
        return STORE_NOT_FOUND;
    answer(call, when, false, slice_of(NULL, 0));
    return STORE_OK;
}

/* ---- logout -------------------------------------------------------------------------------------
 */

enum store_status session_logout_on_request(struct call *call)
{
    struct session_logout_ask ask;
    struct row storage;
    struct row user_storage;
    struct session_row session;
    struct user_row user;
    struct uuid user_id;

    if (!session_logout_ask_unpack(call->packed, &ask))
        return STORE_REFUSED;
    if (!user_find(call, TABLE_USERS_BY_SUBJECT, ask.subject, &user_id) ||
        !user_load(call, &user_id, &user_storage, &user))
        return STORE_NOT_FOUND;
    if (ask.adopt && !row_exists(call, TABLE_SESSIONS, uuid_slice(&ask.session_id))) {
        session_mark_ended(call, &ask.session_id, ask.token_expires);
    } else {
        if (!session_load(call, &ask.session_id, ask.now, &storage, &session) ||
            !uuid_equal(&session.user_id, &user_id))
            return STORE_NOT_FOUND;
        session_remove(call, &ask.session_id, &session);
    }
    audit_add(call, AUDIT_LOGGED_OUT, &user_id, ask.peer);
    return STORE_OK;
}
