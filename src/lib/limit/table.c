/* Sets of words: who stands where, who goes when there is no room; and the view of a process.
 *
 * Invariant: a key has one word in its set. Its first word is the one thing that a single swap
 * cannot decide: two processes may see two ways free (a word's time ended in between) and both
 * insert. So who inserted looks again, and takes its word back when it sees another. Insertion and
 * second look are sequentially consistent: of two that collide, at least one sees the other. A
 * process that dies between the two leaves a second word, and those who read the set add both up:
 * the limit holds, and the second word ends with its time.
 * All other steps are one relaxed swap of one word: nothing else is read on the strength of it. */
#include <stdlib.h>

#include "limit_layout.h"

#include "gatepost/layout.h"
#include "gatepost/siphash.h"

#include "gatepost/secret.h"

void limit_look(const struct limit_set *set, uint64_t tag, const struct limit_reading *reading,
                struct limit_look *look_out)
{
    uint64_t least = UINT64_MAX;

    *look_out = (struct limit_look){0};
    for (unsigned i = 0; i < LIMIT_WAYS; i++) {
        const uint64_t word = atomic_load_explicit(&set->way[i], memory_order_seq_cst);
        const uint64_t life = reading->life(reading, word);
        look_out->word[i] = word;
        if (life > 0 && limit_tag(word) == tag)
            look_out->own[look_out->owns++] = i;
        if (life < least) {
            least = life;
            look_out->room = i;
            look_out->room_is_taken = life > 0;
        }
    }
}

uint32_t limit_alive(const struct limit_set *sets, uint32_t count,
                     const struct limit_reading *reading)
{
    uint32_t alive = 0;

    for (uint32_t i = 0; i < count; i++) {
        for (unsigned way = 0; way < LIMIT_WAYS; way++) {
            const uint64_t word = atomic_load_explicit(&sets[i].way[way], memory_order_relaxed);
            alive += word != 0 && reading->life(reading, word) > 0;
        }
    }
    return alive;
}

bool limit_swap(struct limit_set *set, unsigned way, uint64_t old, uint64_t new)
{
    return atomic_compare_exchange_strong_explicit(&set->way[way], &old, new, memory_order_seq_cst,
                                                   memory_order_relaxed);
}

bool limit_insert(struct limits *limits, struct limit_set *set, uint64_t tag,
                  const struct limit_reading *reading, const struct limit_look *look, uint64_t word)
{
    struct limit_look again;

    if (!limit_swap(set, look->room, look->word[look->room], word))
        return false;
    limit_look(set, tag, reading, &again);
    /* When it cannot be taken back, somebody has built on it: then it stays, and both count. */
    if (again.owns > 1 && limit_swap(set, look->room, word, 0))
        return false;
    if (look->room_is_taken)
        atomic_fetch_add_explicit(&limits->evictions, 1, memory_order_relaxed);
    return true;
}

uint64_t limit_hash(const struct limits *limits, uint8_t kind, struct slice key)
{
    uint8_t bytes[1 + LIMIT_KEY_MAX_BYTES] = {kind};

    BUG_ON(key.len > LIMIT_KEY_MAX_BYTES);
    if (key.len > 0)
        memcpy(bytes + 1, key.at, key.len);
    return siphash(limits->key, bytes, 1 + key.len);
}

/* ---- a process's view ---------------------------------------------------------------------------
 */

uint64_t limits_layout(void)
{
    const uint64_t shape[] = {
        LIMIT_KINDS,
        LIMIT_WAYS,
        RATE_SETS,
        FAILURE_SETS,
        TAG_BITS,
        sizeof(struct limits_shared),
        offsetof(struct limits_shared, rates),
    };
    uint64_t layout = LAYOUT_BEGIN;

    for (size_t i = 0; i < ARRAY_LEN(shape); i++)
        layout = layout_fold(layout, shape[i]);
    return layout;
}

void limits_init(struct segment *segment)
{
    struct limits_shared *shared = segment_limits(segment);

    random_bytes(shared->key, sizeof(shared->key));
}

struct limits *limits_open(struct segment *segment, const struct limit_rate *rates,
                           const struct limit_growth *growth)
{
    struct limits *limits = xcalloc(1, sizeof(*limits));

    for (unsigned i = 0; i < LIMIT_KINDS; i++) {
        BUG_ON(rates[i].count > LIMIT_COUNT_MAX || rates[i].period_s > LIMIT_PERIOD_MAX_S ||
               rates[i].count > (uint64_t)rates[i].period_s * LIMIT_PER_SECOND_MAX);
        limits->rates[i] = rates[i];
    }
    BUG_ON(growth->free > LIMIT_FAILURES_MAX || growth->max_s > LIMIT_FAILURE_WAIT_MAX ||
           growth->first_s > growth->max_s || (growth->free > 0 && growth->first_s == 0));
    limits->growth = *growth;
    limits->shared = segment_limits(segment);
    memcpy(limits->key, limits->shared->key, sizeof(limits->key));
    return limits;
}

void limits_close(struct limits **limits)
{
    free(*limits);
    *limits = NULL;
}

uint64_t limits_evictions(struct limits *limits)
{
    return atomic_exchange_explicit(&limits->evictions, 0, memory_order_relaxed);
}

struct limits_fill limits_fill(const struct limits *limits, mono_ns now)
{
    return (struct limits_fill){.rates = rates_alive(limits, now),
                                .rates_max = RATE_SETS * LIMIT_WAYS,
                                .failures = failures_alive(limits, now),
                                .failures_max = FAILURE_SETS * LIMIT_WAYS};
}
