/* The shared-memory segment: who sits where, facts that processes tell one another, life signs.
 *
 * Created by the master before the first fork and inherited; no name remains in /dev/shm. It holds
 * no pointers, and no secret but the key that scatters clients over the tables of limits.
 * Everything read from it is treated as hostile by who reads it. A slot is a process's place in the
 * segment: slot 0 is the mailer's, the next ones are the workers' (the seats), then come the store
 * and the master, which have no lanes of their own. Source: Varnish's heritage.h for what is
 * inherited, docs/design.md section 2 for the protocol. */
#ifndef GATEPOST_SEGMENT_H
#define GATEPOST_SEGMENT_H

#include "gatepost/base.h"
#include "gatepost/clock.h"
#include "gatepost/err.h"

struct segment; /* this process's mapping and its wake-up descriptors */

#define SLOT_MAILER 0U

/* Who calls it: the master. worker_seats: most workers that may exist at once, reloads included.
 * Errors: no room in /dev/shm (a sentence, never a SIGBUS later), no descriptors. */
MUST_USE struct segment *segment_create(uint32_t worker_seats, struct err *err);
void segment_close(struct segment **segment);

int segment_fd(const struct segment *segment);
uint32_t segment_seats(const struct segment *segment); /* mailer's and workers': slots 0..n-1 */
uint32_t segment_store_slot(const struct segment *segment);
uint32_t segment_master_slot(const struct segment *segment);
uint32_t segment_slots(const struct segment *segment); /* all of them */

/* Room for lib/limit's tables, zero when it is made. Aligned to 128 bytes. */
#define SEGMENT_LIMIT_BYTES (3U * 1024 * 1024 + 4096)
void *segment_limits(const struct segment *segment);

/* Seats: FREE -> LIVE -> DEAD -> closed by store and mailer -> FREE, one generation up.
 * The mailer's own seat needs the store's closing only. */
enum seat_state { SEAT_FREE, SEAT_LIVE, SEAT_DEAD };
enum seat_closer { SEAT_CLOSED_BY_STORE, SEAT_CLOSED_BY_MAILER };

/* What a tenant is there for, as bits: the store answers each only what is for it
 * (store_requests.def). */
enum seat_role { SEAT_WORKER = 1, SEAT_ADMIN = 2, SEAT_MAILER = 4 };

struct seat_view {
    enum seat_state state;
    uint8_t roles; /* bits of enum seat_role; 0 of a free seat */
    uint64_t generation;
    uint64_t incarnation; /* random, names this tenant in the store's answers; never 0 */
};

struct seat_view seat_look(const struct segment *segment, uint32_t slot);

/* The master alone: give a free seat that is not the mailer's, to a worker or to the admin process;
 * give the mailer's seat; declare the reaped tenant dead and wake store and mailer; free the seat
 * once it is closed. */
MUST_USE bool seat_take(struct segment *segment, uint8_t roles, uint32_t *slot_out);
static inline MUST_USE bool seat_take_worker(struct segment *segment, uint32_t *slot_out)
{
    return seat_take(segment, SEAT_WORKER, slot_out);
}
MUST_USE bool seat_take_mailer(struct segment *segment);
void seat_bury(struct segment *segment, uint32_t slot);
bool seat_recycle(struct segment *segment, uint32_t slot);

/* Store and mailer: "I have stopped using the lanes of that tenant." */
void seat_close(struct segment *segment, uint32_t slot, uint64_t generation,
                enum seat_closer closer);

/* Wake-up. A consumer calls wake_prepare, looks at its lanes once more, waits for wake_fd with a
 * bound of WAKE_WAIT_MAX_MS, then calls wake_done. wake_slot costs a system call only when the
 * slot's process is asleep. */
#define WAKE_WAIT_MAX_MS 500
int wake_fd(const struct segment *segment, uint32_t slot);
void wake_prepare(struct segment *segment, uint32_t slot);
void wake_done(struct segment *segment, uint32_t slot);
/* Instead of wake_done, where there is nothing to read: the wait said that wake_fd is not readable,
 * or there was none. Without a system call; a wake-up that comes late ends the next wait at once.
 */
void wake_done_unwoken(struct segment *segment, uint32_t slot);
void wake_slot(struct segment *segment, uint32_t slot);
/* For a process that goes on for long without a wake_prepare: whoever was told of a record or of
 * room (lane.h) and fell asleep unseen is woken. Costs a fence, and only after a push or a take. */
void wake_settle(struct segment *segment, uint32_t slot);

/* The board: one 64-bit word for each fact. The writer is named; all may read. */
enum board_word {
    BOARD_STORE_EPOCH,         /* store: counts the stores of this segment; 0 before the first */
    BOARD_STORE_CONDEMNED,     /* store: 1 after a failed fsync; no store starts again */
    BOARD_DISK,                /* store: 0 enough, 1 no sign-ups, 2 no writes */
    BOARD_DISK_FREE_BYTES,     /* store: as of its last look */
    BOARD_STORE_WAITS,         /* store: 1 while it cannot answer for want of room on the disk */
    BOARD_WORK_INCARNATION,    /* store: whose write it is carrying out, 0 between writes */
    BOARD_WORK_SEQUENCE,       /* store: and which */
    BOARD_SUSPECT_INCARNATION, /* store: the request in work when its predecessor died */
    BOARD_SUSPECT_SEQUENCE,
    BOARD_SUSPECT_DEATHS, /* store: how many it was in work at */
    BOARD_MAIL_LANE_FULL, /* workers, by board_add: pushes that found a mail lane full */
    BOARD_MAILER_READY,   /* mailer: generation of its seat when it began to serve */
    BOARD_OUTBOX_PENDING, /* store: rows */
    BOARD_OUTBOX_DEAD,    /* store: rows */
    BOARD_OUTBOX_SENT,    /* store: rows */
    BOARD_SUPPRESSIONS,   /* store: rows */
    BOARD_MAIL_PAUSED,    /* store: 1 while an operator wants nothing new sent */
    BOARD_MAIL_ORDERS,    /* store: grows when an operator made letters due, or resumed */
    BOARD_MAIL_STOPS,     /* store: grows when letters that waited were suppressed or cancelled */
    BOARD_USERS,          /* store: rows */
    BOARD_BACKED_UP,      /* store: when the newest backup was made, s since 1970; 0: never */
    BOARD_LOGS_KEPT,      /* store: log files that only wait for a backup */
    BOARD_CONFIG_GENERATION, /* master: 1, then one more for each reload */
    BOARD_CONFIG_MS,         /* master: wall clock, when the configuration in force took effect */
    BOARD_RELOAD_REFUSED,    /* master: 1 when the last reload was refused */
    BOARD_STARTED_MS,        /* master: wall clock */
    BOARD_TLS_EXPIRES_S,     /* workers: end of http.tls_cert, since 1970; 0 without one */
    BOARD_WORDS
};

uint64_t board_get(const struct segment *segment, enum board_word word);
void board_set(struct segment *segment, enum board_word word, uint64_t value);
void board_add(struct segment *segment, enum board_word word, uint64_t value);

/* Life signs. How long a process may go without one depends on its phase (table in proc). */
enum life_phase {
    LIFE_STARTING,
    LIFE_RECOVERING,
    LIFE_SERVING,
    LIFE_FLUSHING,
    LIFE_DRAINING,
    LIFE_PHASES
};
void life_enter(struct segment *segment, uint32_t slot, enum life_phase phase); /* also a sign */
void life_sign(struct segment *segment, uint32_t slot);
uint64_t life_read(const struct segment *segment, uint32_t slot, enum life_phase *phase_out);

/* Room for metrics: SEGMENT_COUNTERS words a slot, written by that slot's process alone. What is
 * added to is never reset, so that a total is a sum over slots, the dead included. */
#define SEGMENT_COUNTERS 768
void counter_set(struct segment *segment, uint32_t slot, uint32_t counter, uint64_t value);
uint64_t counter_get(const struct segment *segment, uint32_t slot, uint32_t counter);
void counter_add(struct segment *segment, uint32_t slot, uint32_t counter, uint64_t value);
uint64_t counter_sum(const struct segment *segment, uint32_t counter);

#endif
