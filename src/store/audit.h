/* The audit trail: what happened to which account, in order. Rows are only added.
 *
 * Each row carries `chain`, SHA-256 of (the chain of the row before it, its own key, its own bytes
 * without the chain): a row that is changed, taken out or put in breaks the chain at its place.
 * Rows of version 1 have none; they count all the same, so that the first row of version 2 vouches
 * for those before it. The chain is no signature: who can write the files can make a new one. What
 * he cannot do is agree with an end (count, chain) that was noted elsewhere. */
#ifndef GATEPOST_STORE_AUDIT_H
#define GATEPOST_STORE_AUDIT_H

#include "record.h"
#include "rows.h"

#define AUDIT_KEY_BYTES        16
#define AUDIT_DETAIL_MAX_BYTES 64

/* What succeeded. user_id: all zero for an event without an account. */
void audit_add(struct call *call, enum audit_event event, const struct uuid *user_id,
               struct slice peer);

/* With a result, and a word on why or which. Never what somebody typed as name or password. */
void audit_add_detail(struct call *call, enum audit_event event, const struct uuid *user_id,
                      struct slice peer, enum audit_result result, struct slice detail);

/* A row of any version; of version 1 without a chain. Slices point into packed. */
MUST_USE bool audit_read(struct slice packed, struct audit_row *row_out);

/* What the chain is behind a row. packed: of any version. */
void audit_chain_step(uint8_t chain[AUDIT_CHAIN_BYTES], struct slice key, struct slice packed);

/* Where an account's rows are listed: user id and key of the row -> nothing. */
void audit_index(struct call *call, const struct uuid *user_id, struct slice key);

MUST_USE bool audit_is_indexed(struct call *call, const struct uuid *user_id, struct slice key);

/* At the start: where the trail ends, so that the next row goes on behind it. */
void audit_find_end(struct call *call);

#endif
