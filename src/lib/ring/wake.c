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
 * before it.
 *
 * A fence waits until all that was written has reached the other core, for a record some 50 ns. So
 * a push looks without one, which is right but for the moment in which the consumer falls asleep,
 * and notes that it owes a look: all that a turn owes is settled behind one fence, which
 * wake_prepare needs anyway. A take that makes room does the same for a producer that waits for
 * it. tests/model checks this, and variants without the order or without the second look.
 *
 * A producer killed between its tail and the eventfd, or before it settled, has swapped the word
 * or not; either way its consumer waits at most WAKE_WAIT_MAX_MS. That bound is the only rescue, so
 * no wait goes beyond.
 */
#include <errno.h>
#include <unistd.h>

#include "ring_layout.h"

void wake_sleeper(struct segment *segment, uint32_t slot)
{
    _Atomic uint32_t *asleep = &segment->slot[slot].asleep;
    const uint64_t one = 1;

    /* The plain load first: while the consumer is busy its producers share this line and nobody
     * takes it for writing. The swap decides who of several producers makes the system call. */
    if (atomic_load_explicit(asleep, memory_order_relaxed) == 0 ||
        atomic_exchange_explicit(asleep, 0, memory_order_relaxed) == 0)
        return;
    /* EAGAIN: the count is full, so the descriptor is readable as it should be. */
    while (write(segment->wake_fds[slot], &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

/* Behind a fence. Each member of what is owed belongs to its own end: in a test another thread is
 * the other. */
static void settle_lane(struct segment *segment, uint32_t slot, uint32_t seat, enum lane_kind kind)
{
    struct lane_shared *shared = segment_lane(segment, seat, kind);
    if (!shared)
        return;
    struct lane_owed *owed = &segment->owed[shared - segment->lane];
    const uint32_t producer = lane_producer(segment, seat, kind);
    const uint32_t consumer = lane_consumer(segment, seat, kind);

    if (producer == slot && owed->sleeper) {
        owed->sleeper = false;
        wake_sleeper(segment, consumer);
    }
    if (consumer == slot && owed->waiter) {
        owed->waiter = false;
        if (atomic_load_explicit(&shared->space_wanted, memory_order_relaxed) != 0)
            wake_sleeper(segment, producer);
    }
}

static void settle(struct segment *segment, uint32_t slot)
{
    const bool is_tenant = slot != SLOT_MAILER && slot < segment->seats;

    if (!segment->owes[slot])
        return;
    segment->owes[slot] = false;
    /* Store and mailer have an end in every seat's lanes. */
    for (uint32_t seat = is_tenant ? slot : 0; seat < (is_tenant ? slot + 1 : segment->seats);
         seat++) {
        for (enum lane_kind kind = LANE_MAIL; kind < LANE_KINDS; kind++)
            settle_lane(segment, slot, seat, kind);
    }
}

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
    settle(segment, slot);
}

void wake_done_unwoken(struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->slots);
    atomic_store_explicit(&segment->slot[slot].asleep, 0, memory_order_relaxed);
}

void wake_done(struct segment *segment, uint32_t slot)
{
    uint64_t wakes;

    wake_done_unwoken(segment, slot);
    /* Read it always, not only when somebody swapped the word: who swapped may write later, and a
     * count left behind would end every wait at once from then on. EAGAIN is the usual answer. */
    while (read(segment->wake_fds[slot], &wakes, sizeof(wakes)) < 0 && errno == EINTR)
        continue;
}

void wake_slot(struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->slots);
    ring_full_fence();
    wake_sleeper(segment, slot);
}

void wake_settle(struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->slots);
    if (!segment->owes[slot])
        return;
    ring_full_fence();
    settle(segment, slot);
}
