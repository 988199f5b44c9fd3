/* Upkeep: rows whose time is over leave in small steps, so that the database does not grow for ever
 * and no step is felt. */
#ifndef GATEPOST_STORE_PURGE_H
#define GATEPOST_STORE_PURGE_H

#include "rows.h"

/* A place that rolls over sessions, proofs, idempotency keys and letters, round and round. */
struct purge {
    uint32_t stage; /* which of them */
    size_t key_len; /* where it stopped */
    uint8_t key[KEY_MAX_BYTES + 1];
    uint64_t credit; /* rows to look at: grows with the writes, so upkeep keeps up with them */
    mono_ns stepped;
};

/* Nothing was written for a while, yet time passes. */
MUST_USE bool purge_is_due(const struct purge *purge, mono_ns now);

/* In the open transaction, after the writes of a batch. */
void purge_step(struct purge *purge, struct call *call, uint64_t writes);

#endif
