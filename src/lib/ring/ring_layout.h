/* The bytes of the segment, and what a process keeps of it in its own memory. Private to lib/ring.
 *
 * Shape: header | board | slots | lanes | limits | epochs | notes, and in test builds | fault rows.
 * Sizes are fixed at creation; a process trusts the copies in its own struct segment and never
 * reads a size from the shared bytes. What two processes write lies 128 bytes apart: current CPUs
 * fetch cache lines of 64 in pairs. */
#ifndef GATEPOST_RING_LAYOUT_H
#define GATEPOST_RING_LAYOUT_H

#include <stdatomic.h>

#include "checksum.h"
#include "gatepost/epochs.h"
#include "gatepost/lane.h"
#include "gatepost/notes.h"
#include "gatepost/segment.h"

#define SEGMENT_MAGIC          0x74736f7065746167ULL /* "gatepost" in a little-endian dump */
#define SEGMENT_LAYOUT_VERSION 6U                    /* raised by what segment_layout misses */
#define SEGMENT_SEATS_MAX      1024U
#define APART                  128

/* Written once by the master, before the first fork. A new binary that takes the segment over
 * must find its own values here, or make a new segment. */
struct segment_header {
    uint64_t magic;
    uint32_t layout_version;
    uint32_t header_bytes;
    uint32_t board_words;
    uint32_t slot_bytes;
    uint32_t counters;
    uint32_t lane_bytes; /* with its positions */
    uint32_t seats;
    uint32_t slots;
    uint64_t bytes;     /* of the whole segment */
    uint64_t faults_at; /* offset of the fault rows; 0 in a release */
    uint32_t faults;
    uint32_t limit_bytes;
    uint64_t limits_at; /* offset of lib/limit's tables */
    uint64_t layout;    /* segment_stamp */
    uint8_t unused[48];
};

/* One line each: the store writes some of them with every request, workers poll others. */
struct board_cell {
    _Alignas(64) _Atomic uint64_t value;
};

/* The master writes tenancy, incarnation and roles, each closer its own word. */
struct seat_shared {
    _Atomic uint64_t tenancy; /* generation << 2 | enum seat_state: both change in one store */
    _Atomic uint64_t incarnation;
    _Atomic uint64_t closed[2]; /* by enum seat_closer: the last generation that one gave up */
    _Atomic uint64_t roles;     /* of the tenant; written like incarnation */
};

struct slot_shared {
    _Alignas(APART) _Atomic uint32_t asleep; /* 1: its owner is about to wait, or waits */
    _Alignas(APART) _Atomic uint64_t life;   /* enum life_phase << 56 | number of signs */
    _Alignas(APART) struct seat_shared seat; /* of a slot that is a seat */
    _Alignas(APART) _Atomic uint64_t counters[SEGMENT_COUNTERS];
};

/* Positions count bytes since creation and never go back; modulo LANE_BYTES they are offsets.
 * tail - head is what waits: a multiple of 8, at most LANE_BYTES. */
struct lane_shared {
    _Alignas(APART) _Atomic uint64_t tail; /* the producer's: end of what is visible */
    _Alignas(APART) _Atomic uint64_t head; /* the consumer's: end of what is taken */
    _Alignas(APART) _Atomic uint32_t space_wanted;
    _Alignas(APART) uint8_t bytes[LANE_BYTES];
};

/* A record: this, the payload, zero to seven bytes of padding. It starts at a multiple of 8, so
 * that this part never wraps; the payload may. */
struct record_header {
    uint32_t len;
    uint32_t checksum;
};

/* A line that asked for attention (gatepost/notes.h). */
#define NOTE_WORDS 63
struct note_shared {
    _Atomic uint64_t number; /* 1, 2, ...; 0 while it is written */
    _Atomic uint64_t words[NOTE_WORDS];
};

struct notes_shared {
    _Alignas(APART) _Atomic uint64_t next; /* notes so far */
    _Alignas(APART) struct note_shared place[NOTES_MAX];
};

/* A fault point's row (gatepost/fault.h). Tests in other languages write it: the offsets stay. */
struct fault_shared {
    char name[32];
    char match[32];          /* acts only where the point's bytes hold this; "" is everywhere */
    _Atomic uint64_t hits;   /* since the start, armed or not */
    _Atomic uint64_t fired;  /* since it was armed */
    _Atomic uint64_t value;  /* of the action */
    _Atomic int64_t skip;    /* hits to let pass */
    _Atomic int64_t times;   /* how often it acts after that */
    _Atomic uint32_t pid;    /* of the one process that is meant; 0: any */
    uint32_t can_fail;       /* 1: takes FAULT_FAIL */
    _Atomic uint32_t action; /* enum fault_action; written last by who arms it */
    uint8_t unused[12];
};

_Static_assert(sizeof(struct segment_header) == APART, "layout");
_Static_assert(sizeof(struct fault_shared) == 128, "layout");
_Static_assert(sizeof(struct board_cell) == 64, "layout");
_Static_assert(sizeof(struct note_shared) == 512 && NOTE_MAX_BYTES < NOTE_WORDS * 8, "layout");
_Static_assert(sizeof(struct seat_shared) == 40, "layout");
_Static_assert(offsetof(struct slot_shared, life) == 128, "layout");
_Static_assert(offsetof(struct slot_shared, seat) == 256, "layout");
_Static_assert(offsetof(struct slot_shared, counters) == 384, "layout");
_Static_assert(sizeof(struct slot_shared) == 384 + 8 * SEGMENT_COUNTERS, "layout");
_Static_assert(offsetof(struct lane_shared, head) == 128, "layout");
_Static_assert(offsetof(struct lane_shared, bytes) == 384, "layout");
_Static_assert(sizeof(struct lane_shared) == 384 + LANE_BYTES, "layout");
_Static_assert(sizeof(struct record_header) == 8, "a header that is 8 bytes never wraps");
_Static_assert(SEGMENT_LIMIT_BYTES % APART == 0 && sizeof(struct lane_shared) % APART == 0 &&
                   sizeof(struct slot_shared) % APART == 0,
               "what follows lies apart too");
_Static_assert((LANE_BYTES & (LANE_BYTES - 1)) == 0, "offsets are made with a mask");
_Static_assert(LANE_RECORD_MAX_BYTES + 16 <= LANE_BYTES / 2,
               "half a lane holds any record: lane_take wakes the producer there");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(_Atomic uint32_t) == 4, "plain words");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
               "a lock inside an atomic would die with its holder");

/* The master's own knowledge of a seat. It decides from this, and only publishes to the shared
 * words, so that a process gone mad cannot make the master give one seat to two. */
struct seat_record {
    enum seat_state state;
    uint64_t generation;
};

/* Looks at the far end of a lane that this process still owes (wake.c). */
struct lane_owed {
    bool sleeper; /* the producer: does the consumer sleep? */
    bool waiter;  /* the consumer: does the producer wait for room? */
};

struct segment {
    uint8_t *base; /* the mapping */
    size_t bytes;
    int fd;
    uint32_t seats;
    uint32_t slots;
    uint32_t lanes;
    struct board_cell *board;
    struct slot_shared *slot;
    struct lane_shared *lane;
    uint8_t *limits;          /* SEGMENT_LIMIT_BYTES, lib/limit's */
    _Atomic uint64_t *epochs; /* EPOCH_CELLS of them: epochs.c */
    struct notes_shared *notes;
    struct fault_shared *faults; /* behind them; none in a release */
    uint32_t fault_rows;
    struct seat_record *records; /* one a seat; the master's, stale in a child */
    checksum_fn checksum;        /* of records */
    struct lane_owed *owed;      /* one a lane; each member its end's owner's */
    bool *owes;                  /* one a slot: some lane's end of that slot owes a look */
    int *wake_fds;               /* one a slot, -1 before it is made */
};

/* Orders what this thread wrote before against what it reads after, for everybody: the one thing
 * that release and acquire do not give, and that both sides of a wake-up need (wake.c). */
static inline void ring_full_fence(void)
{
#ifdef __SANITIZE_THREAD__
    /* ThreadSanitizer cannot follow fences. A locked instruction does the same on the machines it
     * runs on, and what it checks, the data, is ordered by tail and head. */
    _Atomic uint32_t nobody = 0;
    atomic_fetch_add_explicit(&nobody, 1, memory_order_seq_cst);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* segment.c, for adopt.c: sizes and rows of worker_seats; the mapping of fd. */
struct segment *segment_plan(uint32_t worker_seats);
MUST_USE bool segment_map(struct segment *segment, struct err *err);
struct segment_header segment_header_of(const struct segment *segment);

/* Master only, and only for a seat that all who used its lanes have closed. */
void lane_reset(struct lane_shared *shared);

/* fault.c: how many rows this program's points need; gives them their rows, which are zero; takes
 * them away when the segment goes. */
#ifdef GATEPOST_FAULTS
uint32_t fault_rows_needed(void);
void fault_attach(struct fault_shared *rows, uint32_t count);
void fault_join(struct fault_shared *rows, uint32_t count); /* rows that are filled already */
void fault_detach(const struct fault_shared *rows);
#else
static inline uint32_t fault_rows_needed(void)
{
    return 0;
}
static inline void fault_attach(struct fault_shared *rows, uint32_t count)
{
    (void)rows;
    (void)count;
}
static inline void fault_join(struct fault_shared *rows, uint32_t count)
{
    (void)rows;
    (void)count;
}
static inline void fault_detach(const struct fault_shared *rows)
{
    (void)rows;
}
#endif

/* NULL for the mail lane of the mailer's own seat, which does not exist. */
struct lane_shared *segment_lane(const struct segment *segment, uint32_t slot, enum lane_kind kind);

/* lane.c: whose slot pushes into that lane, and whose takes from it. */
uint32_t lane_producer(const struct segment *segment, uint32_t slot, enum lane_kind kind);
uint32_t lane_consumer(const struct segment *segment, uint32_t slot, enum lane_kind kind);

/* wake.c: wakes the slot's process if it is seen to sleep; without a fence. */
void wake_sleeper(struct segment *segment, uint32_t slot);

#endif
