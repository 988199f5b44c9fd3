/* Sessions: one for each login, refreshed by rotating tokens. */
#ifndef GATEPOST_STORE_SESSIONS_H
#define GATEPOST_STORE_SESSIONS_H

#include "record.h"
#include "rows.h"

/* Is there such a session of that user, and has it not expired? */
MUST_USE bool session_stands(struct call *call, const struct uuid *session_id,
                             const struct uuid *user_id, wall_ms now);

/* Was one of the user's newest sessions, SESSIONS_LOOKED_AT at most, opened from that address or,
 * with IPv6, from its /64, and does it stand? */
#define SESSIONS_LOOKED_AT 16
MUST_USE bool session_knows_peer(struct call *call, const struct uuid *user_id, struct slice peer,
                                 wall_ms now);

/* The record's slices point into storage. Returns false when there is no such session. */
MUST_USE bool session_load(struct call *call, const struct uuid *session_id, struct row *storage,
                           struct session_row *session_out);

/* The next session of a user in the order of ids, from *session_id on, which it becomes; false:
 * there is none. Those that have expired are among them. */
MUST_USE bool session_next(struct call *call, const struct uuid *user_id, struct uuid *session_id);

/* Ends one of the user's sessions: row and index entry. Returns false when there is no such one. */
MUST_USE bool session_end(struct call *call, const struct uuid *user_id,
                          const struct uuid *session_id);

/* Deletes a session's index entry; the caller deletes the row. */
void session_unlist(struct call *call, const struct uuid *user_id, const struct uuid *session_id);

/* Ends the user's sessions but keep (NULL: all of them). Returns how many. */
size_t sessions_end(struct call *call, const struct uuid *user_id, const struct uuid *keep);

#endif
