/* A single-producer single-consumer ring of records between two processes.
 *
 * Invariants: only the producer writes tail, and only after the bytes before it; only the consumer
 * writes head, and only after it copied the bytes before it. So whoever is killed, wherever, the
 * bytes in head..tail are whole records. Every offset is masked and every length checked against
 * what waits before it is used: the other side may write anything at any time, and the worst it
 * gets is a lane that is full for ever or LANE_BROKEN.
 * Story: push (is there room, else say that some is wanted; write; publish; wake) and take (is
 * there a record, is it sane; copy; check the copy; free; wake who waits for room). */
#include "checksum.h"
#include "gatepost/fault.h"
#include "ring_layout.h"

#define OFFSET_MASK ((uint64_t)LANE_BYTES - 1)

static uint64_t record_bytes(uint64_t len)
{
    return sizeof(struct record_header) + ((len + 7) & ~(uint64_t)7);
}

/* Into the lane and out of it; each gives the checksum of what it copied. One record a lap lies
 * across the lane's end. */
static uint32_t copy_in(const struct lane *lane, uint64_t position, const uint8_t *from, size_t len)
{
    const size_t offset = (size_t)(position + sizeof(struct record_header)) & OFFSET_MASK;
    const size_t first = LANE_BYTES - offset;

    if (len <= first)
        return lane->checksum(position, lane->shared->bytes + offset, from, len);
    memcpy(lane->shared->bytes + offset, from, first);
    memcpy(lane->shared->bytes, from + first, len - first);
    return lane->checksum(position, NULL, from, len);
}

static uint32_t copy_out(const struct lane *lane, uint64_t position, uint8_t *to, size_t len)
{
    const size_t offset = (size_t)(position + sizeof(struct record_header)) & OFFSET_MASK;
    const size_t first = LANE_BYTES - offset;

    if (len <= first)
        return lane->checksum(position, to, lane->shared->bytes + offset, len);
    memcpy(to, lane->shared->bytes + offset, first);
    memcpy(to + first, lane->shared->bytes, len - first);
    return lane->checksum(position, NULL, to, len);
}

uint32_t lane_producer(const struct segment *segment, uint32_t slot, enum lane_kind kind)
{
    return kind == LANE_ANSWER ? segment_store_slot(segment) : slot;
}

uint32_t lane_consumer(const struct segment *segment, uint32_t slot, enum lane_kind kind)
{
    switch (kind) {
    case LANE_MAIL:
        return SLOT_MAILER;
    case LANE_ASK:
        return segment_store_slot(segment);
    case LANE_ANSWER:
        return slot;
    case LANE_KINDS:
        break;
    }
    BUG_ON(true);
    return 0;
}

struct lane lane_open(struct segment *segment, uint32_t slot, enum lane_kind kind)
{
    struct lane_shared *shared = segment_lane(segment, slot, kind);
    const uint32_t producer = lane_producer(segment, slot, kind);
    const uint32_t consumer = lane_consumer(segment, slot, kind);

    BUG_ON(!shared);
    /* head serves both ends at first: to a producer it is the far position, to a consumer it says
     * that nothing is known to wait. */
    return (struct lane){
        .segment = segment,
        .shared = shared,
        .sleeper = &segment->slot[consumer],
        .checksum = segment->checksum,
        .owed = &segment->owed[shared - segment->lane],
        .producer_owes = &segment->owes[producer],
        .consumer_owes = &segment->owes[consumer],
        .producer = producer,
        .consumer = consumer,
        .far_position = atomic_load_explicit(&shared->head, memory_order_acquire),
    };
}

void lane_reset(struct lane_shared *shared)
{
    /* Positions go on instead of back to 0: with a handle of the last tenant, used against the
     * rules, old bytes stay old. Relaxed: the seat's new tenancy is released after this. */
    uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_relaxed) & ~(uint64_t)7;

    atomic_store_explicit(&shared->tail, tail, memory_order_relaxed);
    atomic_store_explicit(&shared->head, tail, memory_order_relaxed);
    atomic_store_explicit(&shared->space_wanted, 0, memory_order_relaxed);
}

/* Room for so many bytes, going by where head was last seen. A head that makes no sense is none. */
static bool has_room(const struct lane *lane, uint64_t tail, uint64_t need)
{
    uint64_t used = tail - lane->far_position;

    return used <= LANE_BYTES && LANE_BYTES - used >= need;
}

static bool look_for_room(struct lane *lane, uint64_t tail, uint64_t need)
{
    /* Acquire: pairs with the release of head in lane_take; the consumer has copied what this
     * side is about to overwrite. */
    lane->far_position = atomic_load_explicit(&lane->shared->head, memory_order_acquire);
    return has_room(lane, tail, need);
}

/* Full: leave word, then look again, since the consumer may have made room before it could see the
 * word. The fence stands between write and read on both sides, as in wake.c. */
static bool ask_for_room(struct lane *lane, uint64_t tail, uint64_t need)
{
    atomic_store_explicit(&lane->shared->space_wanted, 1, memory_order_relaxed);
    ring_full_fence();
    return look_for_room(lane, tail, need);
}

/* The producer alone writes the word, so it stays until a push went through. Were the consumer to
 * clear it when it wakes, it could do so for room that its older view of tail only promises, and
 * the producer, finding too little, would sleep with nobody left to wake it. */
static void stop_asking(struct lane *lane)
{
    if (atomic_load_explicit(&lane->shared->space_wanted, memory_order_relaxed) != 0)
        atomic_store_explicit(&lane->shared->space_wanted, 0, memory_order_relaxed);
}

bool lane_push(struct lane *lane, const void *record, size_t len)
{
    BUG_ON(len == 0 || len > LANE_RECORD_MAX_BYTES);
    struct lane_shared *shared = lane->shared;
    const uint64_t need = record_bytes(len);
    /* Relaxed: this side alone writes it. Not kept in the handle: handles are copied. */
    const uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_relaxed);

    if (tail % 8 != 0)
        return false; /* not ours any more: somebody overwrote it */
    if (!has_room(lane, tail, need) && !look_for_room(lane, tail, need) &&
        !ask_for_room(lane, tail, need))
        return false;

    const struct record_header header = {(uint32_t)len, copy_in(lane, tail, record, len)};
    memcpy(shared->bytes + (tail & OFFSET_MASK), &header, sizeof(header));
    /* Release: the record's bytes before the position that shows them. Killed before this line,
     * the producer has written nothing; after it, everything. */
    FAULT("lane.record_half");
    atomic_store_explicit(&shared->tail, tail + need, memory_order_release);
    stop_asking(lane);
    FAULT("lane.before_wake");
    /* As in tell_room: what is seen now is seen at once; what counts is the look that is owed. */
    lane->owed->sleeper = *lane->producer_owes = true;
    if (atomic_load_explicit(&lane->sleeper->asleep, memory_order_relaxed) != 0)
        wake_sleeper(lane->segment, lane->consumer);
    return true;
}

/* The consumer's half of ask_for_room, after head was stored. It wakes at half a lane, not at the
 * first byte: else a full lane would cost a wake-up for each record. A producer that found no
 * room saw more than half a lane in use, so a take that crosses the half is still to come.
 * Without a fence, which would wait for head's way to the other core, for each record: the look
 * that counts is owed, and comes with the next wake_prepare or wake_settle (wake.c). */
static void tell_room(struct lane *lane, uint64_t used)
{
    if (used > LANE_BYTES / 2)
        return;
    lane->owed->waiter = *lane->consumer_owes = true;
    if (atomic_load_explicit(&lane->shared->space_wanted, memory_order_relaxed) != 0)
        wake_sleeper(lane->segment, lane->producer);
}

enum lane_read lane_take(struct lane *lane, uint8_t record_out[LANE_RECORD_MAX_BYTES],
                         size_t *len_out)
{
    struct lane_shared *shared = lane->shared;
    /* Relaxed: this side alone writes it. */
    const uint64_t head = atomic_load_explicit(&shared->head, memory_order_relaxed);
    uint64_t used = lane->far_position - head;

    if (used == 0 || used > LANE_BYTES) {
        /* Acquire: pairs with the release in lane_push, the record's bytes are there. */
        lane->far_position = atomic_load_explicit(&shared->tail, memory_order_acquire);
        used = lane->far_position - head;
    }
    if (used == 0)
        return LANE_EMPTY;
    if (used > LANE_BYTES || used % 8 != 0 || head % 8 != 0)
        return LANE_BROKEN;

    /* One read: what is checked is what is used, whatever the producer writes now. The empty asm
     * keeps the compiler from reading the shared bytes a second time instead of the copy. */
    uint64_t word;
    struct record_header header;
    memcpy(&word, shared->bytes + (head & OFFSET_MASK), sizeof(word));
    __asm__("" : "+r"(word));
    memcpy(&header, &word, sizeof(header));
    if (header.len == 0 || header.len > LANE_RECORD_MAX_BYTES || record_bytes(header.len) > used)
        return LANE_BROKEN;
    if (copy_out(lane, head, record_out, header.len) != header.checksum)
        return LANE_BROKEN;

    FAULT("lane.copied");
    /* Release: the copy was made before the producer may write there again. */
    const uint64_t next = head + record_bytes(header.len);
    atomic_store_explicit(&shared->head, next, memory_order_release);
    tell_room(lane, lane->far_position - next);
    *len_out = header.len;
    return LANE_RECORD;
}

bool lane_has_record(const struct lane *lane)
{
    return atomic_load_explicit(&lane->shared->tail, memory_order_acquire) !=
           atomic_load_explicit(&lane->shared->head, memory_order_relaxed);
}

bool lane_has_room(const struct lane *lane)
{
    return lane_waiting_bytes(lane) <= LANE_BYTES / 2;
}

void lane_discard(struct lane *lane)
{
    lane->far_position = atomic_load_explicit(&lane->shared->tail, memory_order_acquire);
    atomic_store_explicit(&lane->shared->head, lane->far_position, memory_order_release);
    tell_room(lane, 0);
}

size_t lane_waiting_bytes(const struct lane *lane)
{
    uint64_t used = atomic_load_explicit(&lane->shared->tail, memory_order_relaxed) -
                    atomic_load_explicit(&lane->shared->head, memory_order_relaxed);

    return used <= LANE_BYTES ? (size_t)used : LANE_BYTES;
}
