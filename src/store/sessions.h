/* Sessions: one for each login, refreshed by rotating tokens. */
#ifndef GATEPOST_STORE_SESSIONS_H
#define GATEPOST_STORE_SESSIONS_H

#include "record.h"
#include "rows.h"

/* Unpacks a row of today's version or an earlier one. */
MUST_USE bool session_read(struct slice packed, struct session_row *session_out);

/* Is there such a session, and has it neither ended nor expired? The record's slices point into
 * storage. */
MUST_USE bool session_load(struct call *call, const struct uuid *session_id, wall_ms now,
                           struct row *storage, struct session_row *session_out);

/* Is there such a session of that user, and does it stand? When it expires is told. */
MUST_USE bool session_stands(struct call *call, const struct uuid *session_id,
                             const struct uuid *user_id, wall_ms now, wall_ms *expires_out);

/* Was one of the user's newest sessions, SESSIONS_LOOKED_AT at most, opened from that address or,
 * with IPv6, from its /64, and does it stand? */
#define SESSIONS_LOOKED_AT 16
MUST_USE bool session_knows_peer(struct call *call, const struct uuid *user_id, struct slice peer,
                                 wall_ms now);

void session_save(struct call *call, const struct uuid *session_id,
                  const struct session_row *session);

/* A new session with its index entry. The account's least recently used ones make room for it:
 * there are sessions_max afterwards (0: any number). */
void session_add(struct call *call, const struct uuid *session_id,
                 const struct session_row *session, uint32_t sessions_max);

/* Takes the session away with its index entry. Of an adopted one a mark is left until its token
 * expires: the token would make it anew. */
void session_remove(struct call *call, const struct uuid *session_id,
                    const struct session_row *session);

/* That mark, until then, of a session that there may never have been. */
void session_mark_ended(struct call *call, const struct uuid *session_id, wall_ms until);

/* The next session of a user in the order of ids, from *session_id on, which it becomes; false:
 * there is none. Those that have expired are among them. */
MUST_USE bool session_next(struct call *call, const struct uuid *user_id, struct uuid *session_id);

/* Ends one of the user's sessions. Returns false when there is no such one. */
MUST_USE bool session_end(struct call *call, const struct uuid *user_id,
                          const struct uuid *session_id);

/* Ends the user's sessions but keep (NULL: all of them). Returns how many. */
size_t sessions_end(struct call *call, const struct uuid *user_id, const struct uuid *keep);

#endif
