/* Who sits where: FREE -> LIVE(g) -> DEAD(g) -> closed by store and mailer -> FREE(g + 1).
 *
 * Invariant: a seat's lanes are reset only when nobody uses them: the tenant was reaped before
 * seat_bury, and store and mailer have each said that they stopped. A closer that dies first is
 * waited for: its successor closes all DEAD seats before it serves.
 * The master decides from its own records; the shared words only tell the others. */
#include <errno.h>
#include <sys/random.h>

#include "ring_layout.h"

#define LOOKS_MAX 8

static uint64_t tenancy_of(struct seat_record record)
{
    return record.generation << 2 | (uint64_t)record.state;
}

struct seat_view seat_look(const struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->seats);
    struct seat_shared *seat = &segment->slot[slot].seat;
    struct seat_view view = {.state = SEAT_FREE};

    /* Acquire pairs with the release in publish: who sees LIVE sees the incarnation, the roles
     * and the reset lanes. The second look is for a reader that has no part in closing (the seat
     * may be given away between two loads); bounded, because a mad process may write here for ever.
     */
    for (int i = 0; i < LOOKS_MAX; i++) {
        uint64_t tenancy = atomic_load_explicit(&seat->tenancy, memory_order_acquire);
        uint64_t incarnation = atomic_load_explicit(&seat->incarnation, memory_order_acquire);
        uint64_t roles = atomic_load_explicit(&seat->roles, memory_order_acquire);
        view.generation = tenancy >> 2;
        if (tenancy != atomic_load_explicit(&seat->tenancy, memory_order_relaxed))
            continue;
        if ((tenancy & 3) == SEAT_FREE || (tenancy & 3) > SEAT_DEAD || incarnation == 0)
            break;
        view.state = (enum seat_state)(tenancy & 3);
        view.incarnation = incarnation;
        view.roles = (uint8_t)roles;
        break;
    }
    return view;
}

static void publish(struct segment *segment, uint32_t slot)
{
    atomic_store_explicit(&segment->slot[slot].seat.tenancy, tenancy_of(segment->records[slot]),
                          memory_order_release);
}

/* Never 0, which means nobody on the board. */
static uint64_t random_incarnation(void)
{
    uint64_t value = 0;

    while (value == 0) {
        ssize_t got = getrandom(&value, sizeof(value), 0);
        BUG_ON(got != (ssize_t)sizeof(value) && errno != EINTR);
        if (got != (ssize_t)sizeof(value))
            value = 0;
    }
    return value;
}

static void take(struct segment *segment, uint32_t slot, uint8_t roles)
{
    /* The release on the incarnation keeps a reader that sees it from pairing it with the
     * tenancy before: its second look finds FREE at the latest. */
    atomic_store_explicit(&segment->slot[slot].seat.incarnation, random_incarnation(),
                          memory_order_release);
    atomic_store_explicit(&segment->slot[slot].seat.roles, roles, memory_order_release);
    life_enter(segment, slot, LIFE_STARTING);
    segment->records[slot].state = SEAT_LIVE;
    publish(segment, slot);
}

bool seat_take(struct segment *segment, uint8_t roles, uint32_t *slot_out)
{
    for (uint32_t slot = SLOT_MAILER + 1; slot < segment->seats; slot++) {
        if (segment->records[slot].state == SEAT_FREE) {
            take(segment, slot, roles);
            *slot_out = slot;
            return true;
        }
    }
    return false;
}

bool seat_take_mailer(struct segment *segment)
{
    if (segment->records[SLOT_MAILER].state != SEAT_FREE)
        return false;
    take(segment, SLOT_MAILER, SEAT_MAILER);
    return true;
}

void seat_bury(struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->seats || segment->records[slot].state != SEAT_LIVE);
    segment->records[slot].state = SEAT_DEAD;
    publish(segment, slot);
    wake_slot(segment, segment_store_slot(segment));
    wake_slot(segment, SLOT_MAILER);
}

void seat_close(struct segment *segment, uint32_t slot, uint64_t generation,
                enum seat_closer closer)
{
    BUG_ON(slot >= segment->seats || closer > SEAT_CLOSED_BY_MAILER);
    /* Release: whatever this process did with the lanes came before. */
    atomic_store_explicit(&segment->slot[slot].seat.closed[closer], generation,
                          memory_order_release);
    wake_slot(segment, segment_master_slot(segment));
}

static bool closed_by(const struct segment *segment, uint32_t slot, enum seat_closer closer)
{
    /* Acquire: pairs with seat_close, so that the reset comes after the closer's last use. */
    return atomic_load_explicit(&segment->slot[slot].seat.closed[closer], memory_order_acquire) ==
           segment->records[slot].generation;
}

bool seat_recycle(struct segment *segment, uint32_t slot)
{
    BUG_ON(slot >= segment->seats);
    struct seat_record *record = &segment->records[slot];

    if (record->state != SEAT_DEAD || !closed_by(segment, slot, SEAT_CLOSED_BY_STORE))
        return false;
    if (slot != SLOT_MAILER && !closed_by(segment, slot, SEAT_CLOSED_BY_MAILER))
        return false;
    for (enum lane_kind kind = LANE_MAIL; kind < LANE_KINDS; kind++) {
        struct lane_shared *shared = segment_lane(segment, slot, kind);
        if (shared)
            lane_reset(shared);
    }
    record->generation++;
    record->state = SEAT_FREE;
    publish(segment, slot);
    return true;
}
