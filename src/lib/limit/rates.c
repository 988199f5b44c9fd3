/* How often: the generic cell rate algorithm.
 *
 * A key's word says when it would have come to rest if it had kept to its rate exactly (the
 * theoretical arrival time). One that is due moves that time on by the period divided by the count;
 * nobody may be ahead of the clock by more than count times that. So a key that was quiet may come
 * `count` times at once, and then as often as the rate says: no windows, no edges.
 *
 * The cost of one is rounded down to 1/64 ms: with at most 1,000 a second the rate is exceeded by
 * at most 1.6 %, the count at once by nothing. */
#include "limit_layout.h"

#define UNIT_NS    (NS_PER_MS / 64)
#define UNITS_IN_S 64000ULL
#define TIME_BITS  (64 - TAG_BITS)
#define TIME_MASK  ((1ULL << TIME_BITS) - 1)
#define HORIZON    (LIMIT_PERIOD_MAX_S * UNITS_IN_S)

_Static_assert(HORIZON < 1ULL << (TIME_BITS - 1), "the past is longer than the future");

struct rate {
    uint64_t cost;  /* of one */
    uint64_t burst; /* most that a key may be ahead of the clock */
};

static uint64_t life(const struct limit_reading *reading, uint64_t word)
{
    const uint64_t ahead = limit_until(reading, word);

    return ahead <= reading->horizon ? ahead : 0;
}

static struct limit_reading read_at(mono_ns now)
{
    return (struct limit_reading){
        .time_bits = TIME_BITS, .now = now / UNIT_NS & TIME_MASK, .life = life, .horizon = HORIZON};
}

uint32_t rates_alive(const struct limits *limits, mono_ns now)
{
    const struct limit_reading reading = read_at(now);

    return limit_alive(limits->shared->rates, RATE_SETS, &reading);
}

static struct rate rate_of(const struct limit_rate *rate)
{
    const uint64_t cost = rate->period_s * UNITS_IN_S / rate->count;

    return (struct rate){.cost = cost, .burst = cost * rate->count};
}

/* A word may be ahead by more than this limit allows, when it was written by another rate or by
 * nobody in his senses. */
static uint64_t ahead_of(const struct limit_reading *reading, uint64_t word,
                         const struct rate *rate)
{
    const uint64_t ahead = reading->life(reading, word);

    return ahead < rate->burst ? ahead : rate->burst;
}

static bool refuse(uint64_t units, uint32_t *wait_s_out)
{
    const uint64_t wait_s = (units + UNITS_IN_S - 1) / UNITS_IN_S;

    *wait_s_out = wait_s > 0 ? (uint32_t)wait_s : 1;
    return false;
}

static uint64_t word_of(const struct limit_reading *reading, uint64_t tag, uint64_t ahead)
{
    return tag << TIME_BITS | ((reading->now + ahead) & TIME_MASK);
}

static bool take_global(_Atomic uint64_t *cell, const struct limit_reading *reading,
                        const struct rate *rate, uint32_t *wait_s_out)
{
    uint64_t word = atomic_load_explicit(cell, memory_order_relaxed);

    for (int i = 0; i < LIMIT_TRIES_MAX; i++) {
        const uint64_t ahead = ahead_of(reading, word, rate);
        if (ahead + rate->cost > rate->burst)
            return refuse(ahead + rate->cost - rate->burst, wait_s_out);
        if (atomic_compare_exchange_strong_explicit(cell, &word,
                                                    word_of(reading, 0, ahead + rate->cost),
                                                    memory_order_relaxed, memory_order_relaxed))
            return true;
    }
    return refuse(0, wait_s_out);
}

/* Of a key: two words of it are added up. */
static uint64_t ahead_in_all(const struct limit_reading *reading, const struct limit_look *look,
                             const struct rate *rate)
{
    uint64_t ahead = 0;

    for (unsigned k = 0; k < look->owns; k++)
        ahead += ahead_of(reading, look->word[look->own[k]], rate);
    return ahead;
}

static bool take_keyed(struct limits *limits, uint64_t hash, const struct limit_reading *reading,
                       const struct rate *rate, uint32_t *wait_s_out)
{
    struct limit_set *set = &limits->shared->rates[hash % RATE_SETS];
    const uint64_t tag = limit_tag(hash);
    struct limit_look look;

    for (int i = 0; i < LIMIT_TRIES_MAX; i++) {
        limit_look(set, tag, reading, &look);
        const uint64_t ahead = ahead_in_all(reading, &look, rate);
        if (ahead + rate->cost > rate->burst)
            return refuse(ahead + rate->cost - rate->burst, wait_s_out);
        if (look.owns == 0) {
            if (limit_insert(limits, set, tag, reading, &look, word_of(reading, tag, rate->cost)))
                return true;
            continue;
        }
        const uint64_t old = look.word[look.own[0]];
        const uint64_t new = word_of(reading, tag, ahead_of(reading, old, rate) + rate->cost);
        if (limit_swap(set, look.own[0], old, new))
            return true;
    }
    return refuse(0, wait_s_out);
}

bool limit_take(struct limits *limits, enum limit_kind kind, struct slice key, mono_ns now,
                uint32_t *wait_s_out)
{
    const struct limit_reading reading = read_at(now);

    BUG_ON(kind >= LIMIT_KINDS);
    if (limits->rates[kind].count == 0)
        return true;
    const struct rate rate = rate_of(&limits->rates[kind]);
    if (kind >= LIMIT_SIGNUP_GLOBAL)
        return take_global(&limits->shared->global[kind].word, &reading, &rate, wait_s_out);
    return take_keyed(limits, limit_hash(limits, (uint8_t)kind, key), &reading, &rate, wait_s_out);
}

bool limit_has_room(struct limits *limits, enum limit_kind kind, struct slice key, mono_ns now,
                    uint32_t *wait_s_out)
{
    const struct limit_reading reading = read_at(now);
    struct limit_look look;

    BUG_ON(kind >= LIMIT_SIGNUP_GLOBAL);
    if (limits->rates[kind].count == 0)
        return true;
    const struct rate rate = rate_of(&limits->rates[kind]);
    const uint64_t hash = limit_hash(limits, (uint8_t)kind, key);
    limit_look(&limits->shared->rates[hash % RATE_SETS], limit_tag(hash), &reading, &look);
    const uint64_t ahead = ahead_in_all(&reading, &look, &rate);
    return ahead + rate.cost <= rate.burst || refuse(ahead + rate.cost - rate.burst, wait_s_out);
}
