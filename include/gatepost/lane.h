/* A lane: a single-producer single-consumer ring of records in the shared segment.
 *
 * A record becomes visible by one release store of the tail, so a producer killed at any
 * instruction leaves nothing half-visible; head lives in the segment too, so a consumer's
 * successor goes on where it stopped. The reader copies a record out before it looks at it.
 * Source: Aeron's aeron_spsc_rb.c for the algorithm. */
#ifndef GATEPOST_LANE_H
#define GATEPOST_LANE_H

#include "gatepost/base.h"
#include "gatepost/segment.h"

#define LANE_RECORD_MAX_BYTES 16384
#define LANE_BYTES            131072

enum lane_kind {
    LANE_MAIL,   /* worker -> mailer: the mail job, as committed in the outbox */
    LANE_ASK,    /* worker, mailer -> store */
    LANE_ANSWER, /* store -> worker, mailer */
    LANE_KINDS
};

/* A process's handle on one end; plain memory, copied at will by its one owner thread. Good for
 * one tenant of the seat: open again when the generation changed. */
struct lane {
    struct segment *segment;
    struct lane_shared *shared;  /* private to lib/ring, like all that follows */
    struct slot_shared *sleeper; /* the consumer's slot */
    uint32_t (*checksum)(uint64_t position, uint8_t *to, const uint8_t *from, size_t len);
    struct lane_owed *owed;
    bool *producer_owes, *consumer_owes;
    uint32_t producer, consumer; /* slots */
    uint64_t far_position;       /* the other end's position when last looked: saves a cache miss */
};

struct lane lane_open(struct segment *segment, uint32_t slot, enum lane_kind kind);

/* Producer. Copies the record in, makes it visible and wakes the consumer if it is seen to sleep.
 * One that falls asleep in that very moment may not be seen: the caller's next wake_prepare or
 * wake_settle looks again, and who pushes calls one of them before long.
 * Returns false when there is no room; then the consumer that frees half the lane wakes this side.
 * len is 1 to LANE_RECORD_MAX_BYTES; anything else is a bug of the caller.
 * Cost: a copy and a checksum of the record, and neither a fence nor a system call while the
 * consumer is busy. */
MUST_USE bool lane_push(struct lane *lane, const void *record, size_t len);

enum lane_read {
    LANE_EMPTY,
    LANE_RECORD,
    LANE_BROKEN, /* positions, length or checksum make no sense: the producer has gone mad */
};

/* Producer that was refused: half the lane is free, so that any record fits? Used between
 * wake_prepare and the wait, as lane_has_record is: the wake-up may have come before. */
bool lane_has_room(const struct lane *lane);

/* Consumer. Copies the oldest record out, frees its room and wakes a producer that waits for it,
 * with the same reservation as lane_push.
 * A checksum over each record tells random damage from work; it is no defence against a forger,
 * so the copy is still validated by who reads it. */
MUST_USE enum lane_read lane_take(struct lane *lane, uint8_t record_out[LANE_RECORD_MAX_BYTES],
                                  size_t *len_out);

/* Consumer: something to take? One acquire load; used between wake_prepare and the wait. */
bool lane_has_record(const struct lane *lane);

/* Consumer: drops everything that waits. */
void lane_discard(struct lane *lane);

/* Either side, or a spectator: bytes that wait, headers included; 0 to LANE_BYTES. A snapshot. */
size_t lane_waiting_bytes(const struct lane *lane);

#endif
