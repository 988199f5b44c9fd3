/* Lanes over bytes that a mad process wrote: whatever stands there, a record that is taken is
 * within its bounds, nothing beyond the lane changes, and push and discard stay inside as well.
 *
 * Shape of an input: tail, head (8 bytes each, native), a byte of choices, then the lane's bytes
 * from offset 0 on. With choice bit 0 the first record gets a right checksum, by being
 * pushed; with bit 3 the seat gets its next tenant in the end, who fills the lane with good ones.
 */
#include <stdlib.h>

#include "lib/ring/ring_layout.h"

#define GUARD 0xa5

static struct segment *segment;

static void check_guard(const struct lane_shared *neighbour)
{
    static uint8_t intact[LANE_BYTES];

    if (intact[0] == 0)
        memset(intact, GUARD, sizeof(intact));
    BUG_ON(memcmp(neighbour->bytes, intact, sizeof(intact)) != 0);
    BUG_ON(atomic_load(&neighbour->tail) != 0 || atomic_load(&neighbour->head) != 0);
}

static void set_up(void)
{
    struct err err;

    segment = segment_create(1, &err);
    BUG_ON(!segment);
    memset(segment_lane(segment, 1, LANE_MAIL)->bytes, GUARD, LANE_BYTES);
    memset(segment_lane(segment, 1, LANE_ANSWER)->bytes, GUARD, LANE_BYTES);
}

/* Takes until there is nothing sane to take; a lane holds a bounded number of records. */
static void take_all(struct lane *lane)
{
    uint8_t *record = malloc(LANE_RECORD_MAX_BYTES); /* a heap block: ASan sees its ends */
    size_t taken = 0, len;

    while (lane_take(lane, record, &len) == LANE_RECORD) {
        BUG_ON(len == 0 || len > LANE_RECORD_MAX_BYTES);
        BUG_ON(++taken > LANE_BYTES / 16);
    }
    free(record);
}

/* The next tenant's lane works, whatever stood in it: what goes in comes out, in order. */
static void fill_and_empty(struct lane_shared *shared, struct slice bytes, uint8_t step)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES], taken[LANE_RECORD_MAX_BYTES];

    lane_reset(shared);
    struct lane producer = lane_open(segment, 1, LANE_ASK);
    struct lane consumer = lane_open(segment, 1, LANE_ASK);
    size_t pushed = 0, len;

    memcpy(record, bytes.at, bytes.len < sizeof(record) ? bytes.len : sizeof(record));
    for (;; pushed++) {
        record[0] = (uint8_t)pushed;
        if (!lane_push(&producer, record, 1 + pushed * step * 8 % LANE_RECORD_MAX_BYTES))
            break;
        BUG_ON(pushed > LANE_BYTES / 16);
    }
    BUG_ON(pushed < LANE_BYTES / LANE_RECORD_MAX_BYTES - 1);
    for (size_t i = 0; i < pushed; i++) {
        BUG_ON(lane_take(&consumer, taken, &len) != LANE_RECORD);
        record[0] = (uint8_t)i;
        BUG_ON(len != 1 + i * step * 8 % LANE_RECORD_MAX_BYTES || memcmp(taken, record, len) != 0);
    }
    BUG_ON(lane_take(&consumer, taken, &len) != LANE_EMPTY || !lane_has_room(&producer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t tail, head;

    if (!segment)
        set_up();
    if (size < 17)
        return 0;
    struct lane_shared *shared = segment_lane(segment, 1, LANE_ASK);
    const uint8_t choices = data[16];
    memcpy(&tail, data, 8);
    memcpy(&head, data + 8, 8);
    data += 17;
    size -= 17;
    if (size > LANE_BYTES)
        size = LANE_BYTES;

    memset(shared->bytes, 0, LANE_BYTES);
    memcpy(shared->bytes, data, size);
    atomic_store(&shared->tail, tail);
    atomic_store(&shared->head, head);
    struct lane lane = lane_open(segment, 1, LANE_ASK);
    if ((choices & 1) && size > 0) {
        const size_t len = size < LANE_RECORD_MAX_BYTES ? size : LANE_RECORD_MAX_BYTES;
        const bool was_sane = tail % 8 == 0 && head % 8 == 0 && tail == head;
        /* An empty lane takes any record, wherever its positions stand. */
        BUG_ON(!lane_push(&lane, data, len) && was_sane);
    }
    if (choices & 2)
        lane.far_position = tail ^ head; /* a handle from other times */
    take_all(&lane);
    if (choices & 4) {
        lane_discard(&lane);
        BUG_ON(lane_has_record(&lane) || lane_waiting_bytes(&lane) != 0);
    }
    BUG_ON(lane_waiting_bytes(&lane) > LANE_BYTES);
    (void)lane_has_room(&lane);
    if (choices & 8)
        fill_and_empty(shared, slice_of(data, size), choices >> 4);
    check_guard(segment_lane(segment, 1, LANE_MAIL));
    check_guard(segment_lane(segment, 1, LANE_ANSWER));
    return 0;
}
