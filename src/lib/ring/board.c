/* Single words that one process writes and others read: facts, life signs, counters.
 *
 * Invariant: no word needs another one to make sense, except where the reader comes after the
 * writer's death (BOARD_WORK_*), which orders everything. */
#include "ring_layout.h"

#define LIFE_PHASE_SHIFT 56

/* Release and acquire: who sees a new epoch or state also sees what led to it. */
uint64_t board_get(const struct segment *segment, enum board_word word)
{
    BUG_ON(word >= BOARD_WORDS);
    return atomic_load_explicit(&segment->board[word].value, memory_order_acquire);
}

void board_set(struct segment *segment, enum board_word word, uint64_t value)
{
    BUG_ON(word >= BOARD_WORDS);
    atomic_store_explicit(&segment->board[word].value, value, memory_order_release);
}

void board_add(struct segment *segment, enum board_word word, uint64_t value)
{
    BUG_ON(word >= BOARD_WORDS);
    atomic_fetch_add_explicit(&segment->board[word].value, value, memory_order_acq_rel);
}

/* Life words and counters are relaxed: nothing else is read on the strength of them. */
void life_enter(struct segment *segment, uint32_t slot, enum life_phase phase)
{
    BUG_ON(slot >= segment->slots || phase >= LIFE_PHASES);
    _Atomic uint64_t *life = &segment->slot[slot].life;
    const uint64_t signs = (1ULL << LIFE_PHASE_SHIFT) - 1;
    uint64_t old = atomic_load_explicit(life, memory_order_relaxed);
    uint64_t new;

    /* A swap, because another thread of the process may give a sign meanwhile. */
    do {
        new = (uint64_t)phase << LIFE_PHASE_SHIFT | ((old + 1) & signs);
    } while (!atomic_compare_exchange_weak_explicit(life, &old, new, memory_order_relaxed,
                                                    memory_order_relaxed));
}

void life_sign(struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->slots);
    atomic_fetch_add_explicit(&segment->slot[slot].life, 1, memory_order_relaxed);
}

uint64_t life_read(const struct segment *segment, uint32_t slot, enum life_phase *phase_out)
{
    BUG_ON(slot >= segment->slots);
    uint64_t life = atomic_load_explicit(&segment->slot[slot].life, memory_order_relaxed);
    uint64_t phase = life >> LIFE_PHASE_SHIFT;

    /* A phase that does not exist buys nobody time. */
    *phase_out = phase < LIFE_PHASES ? (enum life_phase)phase : LIFE_SERVING;
    return life;
}

static _Atomic uint64_t *counter_at(const struct segment *segment, uint32_t slot, uint32_t counter)
{
    BUG_ON(slot >= segment->slots || counter >= SEGMENT_COUNTERS);
    return &segment->slot[slot].counters[counter];
}

void counter_set(struct segment *segment, uint32_t slot, uint32_t counter, uint64_t value)
{
    atomic_store_explicit(counter_at(segment, slot, counter), value, memory_order_relaxed);
}

uint64_t counter_get(const struct segment *segment, uint32_t slot, uint32_t counter)
{
    return atomic_load_explicit(counter_at(segment, slot, counter), memory_order_relaxed);
}

void counter_add(struct segment *segment, uint32_t slot, uint32_t counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter_at(segment, slot, counter), value, memory_order_relaxed);
}

uint64_t counter_sum(const struct segment *segment, uint32_t counter)
{
    uint64_t sum = 0;

    for (uint32_t slot = 0; slot < segment->slots; slot++)
        sum += counter_get(segment, slot, counter);
    return sum;
}
