/* The bytes of the tables of limits. Private to lib/limit.
 *
 * Shape: the key, a word for each global limit, sets of rates, sets of failures. A set is one cache
 * line of eight words (ways); a key belongs to one set and may stand in any way of it. A word holds
 * all that is known of a key, so that one compare-and-swap changes it from one state to another:
 *
 *   rates     tag 20 bits | theoretical arrival time, 44 bits in 1/64 ms
 *   failures  tag 20 bits | failures, 8 bits | time until which to wait, 36 bits in 1/16 s
 *
 * 0 is a free word, and so is one whose time is over: nobody has to clean up. Times are those of
 * the monotonic clock, which all processes share, cut to their bits: compared by their difference,
 * so that going round (after 8.7 and 136 years) means nothing. Set and tag are 32 bits or more of a
 * keyed hash: two living keys share a word with a chance of 8 in a million for a full set, and
 * nobody can look for a key that shares one with somebody else's.
 *
 * What is read may be any bytes. Nothing follows from them but a time, which is cut to the longest
 * that the limit in question can have asked for. */
#ifndef LIMIT_LAYOUT_H
#define LIMIT_LAYOUT_H

#include <stdatomic.h>

#include "gatepost/limit.h"

#define LIMIT_WAYS   8
#define RATE_SETS    32768U /* 2 MiB: 262,144 keys */
#define FAILURE_SETS 16384U /* 1 MiB: 131,072 keys */
#define TAG_BITS     20

/* A swap fails only because another one succeeded, on the same word, in the few nanoseconds between
 * our look and our swap: so many times in a row never happens. If it does, the answer is no. */
#define LIMIT_TRIES_MAX 128

struct limit_set {
    _Alignas(64) _Atomic uint64_t way[LIMIT_WAYS];
};

struct limit_global {
    _Alignas(128) _Atomic uint64_t word;
};

struct limits_shared {
    uint64_t key[2]; /* written once, before the first fork */
    struct limit_global global[LIMIT_KINDS];
    _Alignas(128) struct limit_set rates[RATE_SETS];
    struct limit_set failures[FAILURE_SETS];
};

_Static_assert(sizeof(struct limit_set) == 64, "a set is a cache line");
_Static_assert(sizeof(struct limits_shared) <= SEGMENT_LIMIT_BYTES, "layout");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock inside an atomic would die with its holder");

/* How a table reads its words. */
struct limit_reading {
    unsigned time_bits;
    uint64_t now;
    /* How long a word still means something, in the table's unit; 0: it is free. */
    uint64_t (*life)(const struct limit_reading *reading, uint64_t word);
    uint64_t horizon; /* no life is longer: what claims to be is free */
    uint64_t step;    /* failures: what takes one off */
};

struct limits {
    struct limits_shared *shared;
    uint64_t key[2]; /* copied at the start: what is shared may be overwritten */
    struct limit_rate rates[LIMIT_KINDS];
    struct limit_growth growth;
    _Atomic uint64_t evictions; /* of this process */
};

/* Where a key stands in its set. */
struct limit_look {
    unsigned owns;             /* words of this key: 1, and 2 while two insertions collide */
    unsigned own[LIMIT_WAYS];  /* their ways, lowest first */
    uint64_t word[LIMIT_WAYS]; /* every word of the set, as it was read */
    unsigned room;             /* the way that a new word would take */
    bool room_is_taken;        /* by another key, which is forgotten */
};

/* table.c. limit_alive: words that mean something. */
uint32_t limit_alive(const struct limit_set *sets, uint32_t count,
                     const struct limit_reading *reading);
void limit_look(const struct limit_set *set, uint64_t tag, const struct limit_reading *reading,
                struct limit_look *look_out);
/* Puts a first word of the key where look found room. Returns false when the set has changed: look
 * again. */
MUST_USE bool limit_insert(struct limits *limits, struct limit_set *set, uint64_t tag,
                           const struct limit_reading *reading, const struct limit_look *look,
                           uint64_t word);
bool limit_swap(struct limit_set *set, unsigned way, uint64_t old, uint64_t new);
uint64_t limit_hash(const struct limits *limits, uint8_t kind, struct slice key);

/* rates.c, failures.c: keys that have a word. */
uint32_t rates_alive(const struct limits *limits, mono_ns now);
uint32_t failures_alive(const struct limits *limits, mono_ns now);

static inline uint64_t limit_tag(uint64_t word)
{
    return word >> (64 - TAG_BITS);
}

/* From now to a word's time: past times are huge. */
static inline uint64_t limit_until(const struct limit_reading *reading, uint64_t word)
{
    return (word - reading->now) & ((1ULL << reading->time_bits) - 1);
}

#endif
