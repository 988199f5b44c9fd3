/* Proofs: that a letter's reader owns its address. The secret half is not here (docs/design.md 4).
 *
 * Invariant: a user has at most one proof of each purpose, the one that the user row names: what is
 * deleted with the account would not be found otherwise, and a proof can hold an address. */
#ifndef GATEPOST_STORE_PROOFS_H
#define GATEPOST_STORE_PROOFS_H

#include "record.h"
#include "rows.h"

/* A row of any version. The record's slices point into packed. */
MUST_USE bool proof_read(struct slice packed, struct proof_row *proof_out);

/* The record's slices point into storage. Returns false when there is no such proof. */
MUST_USE bool proof_load(struct call *call, const struct uuid *proof_id, struct row *storage,
                         struct proof_row *proof_out);
void proof_save(struct call *call, const struct uuid *proof_id, const struct proof_row *proof);
/* Returns false when there is one with that id, which stays as it is. */
MUST_USE bool proof_add(struct call *call, const struct uuid *proof_id,
                        const struct proof_row *proof);

/* The proof of that purpose if it is good now: STORE_OK, STORE_NOT_FOUND or STORE_SPENT. */
MUST_USE enum store_status proof_find(struct call *call, const struct uuid *proof_id,
                                      uint8_t purpose, wall_ms now, struct row *storage,
                                      struct proof_row *proof_out);

/* Where a user row names its proof of a purpose with a link. */
struct uuid *proof_of_user(struct user_row *user, uint8_t purpose);

/* An open proof of that user becomes void, and its letter, if it still waits, is withdrawn: it
 * would carry a dead link. The caller saves the user row. */
void proof_void(struct call *call, struct user_row *user, uint8_t purpose);

/* The letter of the user's proof of that purpose is withdrawn, if it still waits; the proof stays
 * as it is: what it proves is known by other means. */
void proof_withdraw(struct call *call, struct user_row *user, uint8_t purpose);

/* A new proof in the place of the earlier one, whose letter is withdrawn if it waits. The caller
 * saves the user row. */
void proof_begin(struct call *call, struct user_row *user, const struct uuid *proof_id,
                 const struct proof_row *proof);

#endif
