/* Waking the process that sleeps, and only that one.
 *
 * Two processes each write one word and then read the other's:
 *
 *     producer: tail := new    FENCE    asleep?  -> then wake
 *     consumer: asleep := 1    FENCE    tail?    -> then do not wait
 *
 * Release and acquire let each read overtake the write before it (x86 does that too: the write
 * sits in the store buffer), and then both see the old value: the record is there, nobody wakes,
 * the consumer sleeps. The sequentially consistent fence on both sides forbids it: one fence comes
 * first in the single order of all such fences, and the other side's read sees what was written
 * before it. tests/model checks this, and the variant without the order.
 *
 * A producer killed between its tail and the eventfd has swapped the word or not; either way its
 * consumer waits at most WAKE_WAIT_MAX_MS. That bound is the only rescue, so no wait goes beyond.
 */
#include <errno.h>
#include <unistd.h>

#include "ring_layout.h"

int wake_fd(const struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->slots);
    return segment->wake_fds[slot];
}

void wake_prepare(struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->slots);
    atomic_store_explicit(&segment->slot[slot].asleep, 1, memory_order_relaxed);
    ring_full_fence();
}

void wake_done(struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->slots);
    uint64_t wakes;

    atomic_store_explicit(&segment->slot[slot].asleep, 0, memory_order_relaxed);
    /* Read it always, not only when somebody swapped the word: who swapped may write later, and a
     * count left behind would end every wait at once from then on. EAGAIN is the usual answer. */
    while (read(segment->wake_fds[slot], &wakes, sizeof(wakes)) < 0 && errno == EINTR)
        continue;
}

void wake_slot(struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->slots);
    _Atomic uint32_t *asleep = &segment->slot[slot].asleep;
    const uint64_t one = 1;

    ring_full_fence();
    /* The plain load first: while the consumer is busy its producers share this line and nobody
     * takes it for writing. The swap decides who of several producers makes the system call. */
    if (atomic_load_explicit(asleep, memory_order_relaxed) == 0 ||
        atomic_exchange_explicit(asleep, 0, memory_order_relaxed) == 0)
        return;
    /* EAGAIN: the count is full, so the descriptor is readable as it should be. */
    while (write(segment->wake_fds[slot], &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}
