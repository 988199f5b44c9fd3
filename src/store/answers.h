/* What was answered: to a write, so that its repeat after a store's death is not carried out twice;
 * and under an Idempotency-Key, so that a client may retry for a day. */
#ifndef GATEPOST_STORE_ANSWERS_H
#define GATEPOST_STORE_ANSWERS_H

#include "rows.h"

#define IDEMPOTENCY_KEY_BYTES 32
#define IDEMPOTENCY_LIFE_MS   (24 * 3600 * 1000LL)

/* What became of that key; an empty key is NONE. */
enum store_replay idempotency_look(struct call *call, struct slice key, struct slice body,
                                   wall_ms now);
void idempotency_keep(struct call *call, struct slice key, struct slice body,
                      const struct uuid *user_id, wall_ms now);

/* One stored row: the answers to some writes of one asker that one transaction carried out. */
struct shelf_row {
    uint64_t first; /* sequence: the row's key */
    uint64_t last;  /* no answer in it is behind this sequence */
    uint8_t *bytes; /* owned; the row as stored, if a predecessor wrote it; else NULL */
    size_t len;
};

/* The stored answers of one asker, oldest first. What this store writes is never asked for again
 * while it lives, so only a predecessor's rows are kept in memory. */
struct shelf {
    uint64_t incarnation;
    struct shelf_row *rows; /* owned */
    size_t count;
    size_t max;
    size_t settled; /* of the rows: those before the open transaction */
    size_t leaving; /* of them: deleted by the open transaction */
};

void shelf_init(struct shelf *shelf, uint64_t incarnation);
void shelf_fini(struct shelf *shelf);

/* At the start: every stored row, handed to the shelf of its incarnation, or deleted when find
 * gives NULL for it. In a transaction of its own, committed by the caller. */
typedef struct shelf *(*shelf_find_fn)(void *context, uint64_t incarnation);
void shelves_load(struct call *call, shelf_find_fn find, void *context);

/* A predecessor's answer to that sequence. payload_out points into the shelf. */
MUST_USE bool shelf_look(const struct shelf *shelf, uint64_t sequence,
                         enum store_status *status_out, struct slice *payload_out);

/* In the open transaction: forgets what is wholly below acknowledged. */
void shelf_forget(struct call *call, struct shelf *shelf, uint64_t acknowledged);

/* In the open transaction: deletes everything (the asker is gone). */
void shelf_forget_all(struct call *call, struct shelf *shelf);

/* Answers of one asker on their way into a row. */
struct shelf_draft {
    uint64_t first;
    uint64_t last;
    struct packer packer;
    uint8_t bytes[7000];
};
void draft_begin(struct shelf_draft *draft);
void draft_add(struct call *call, struct shelf *shelf, struct shelf_draft *draft, uint64_t sequence,
               enum store_status status, struct slice payload);
void draft_put(struct call *call, struct shelf *shelf, struct shelf_draft *draft);

/* How the open transaction ended. */
void shelf_committed(struct shelf *shelf);
void shelf_aborted(struct shelf *shelf);

#endif
