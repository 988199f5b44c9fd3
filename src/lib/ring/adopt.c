/* A segment that outlives its master: what the old one gives, and how the new one takes it.
 *
 * Invariant: who adopts changes nothing until everything fits. Children that live use the segment
 * all the while. Its sizes are worked out anew and compared: what the shared bytes say is believed
 * of nobody. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "gatepost/layout.h"
#include "gatepost/segment_parts.h"
#include "ring_layout.h"

uint64_t segment_layout(void)
{
    const uint64_t shape[] = {
        SEGMENT_MAGIC,
        SEGMENT_LAYOUT_VERSION,
        sizeof(struct segment_header),
        sizeof(struct board_cell),
        BOARD_WORDS,
        sizeof(struct seat_shared),
        sizeof(struct slot_shared),
        offsetof(struct slot_shared, life),
        offsetof(struct slot_shared, seat),
        offsetof(struct slot_shared, counters),
        SEGMENT_COUNTERS,
        sizeof(struct lane_shared),
        offsetof(struct lane_shared, head),
        offsetof(struct lane_shared, space_wanted),
        offsetof(struct lane_shared, bytes),
        LANE_KINDS,
        LANE_BYTES,
        LANE_RECORD_MAX_BYTES,
        sizeof(struct record_header),
        EPOCH_CELLS,
        SEGMENT_LIMIT_BYTES,
        LIFE_PHASES,
        SEAT_WORKER | SEAT_ADMIN | SEAT_MAILER,
        sizeof(struct fault_shared),
        fault_rows_needed(),
    };
    uint64_t layout = LAYOUT_BEGIN;

    for (size_t i = 0; i < ARRAY_LEN(shape); i++)
        layout = layout_fold(layout, shape[i]);
    return layout;
}

void segment_stamp(struct segment *segment, uint64_t layout)
{
    ((struct segment_header *)(void *)segment->base)->layout = layout;
}

void segment_give(const struct segment *segment, struct segment_parts *parts_out)
{
    struct segment_parts parts = {
        .fd = segment->fd,
        .worker_seats = segment->seats - 1,
        .wake_fds = xcalloc(segment->slots, sizeof(*parts.wake_fds)),
        .seats = xcalloc(segment->seats, sizeof(*parts.seats)),
    };

    memcpy(parts.wake_fds, segment->wake_fds, segment->slots * sizeof(*parts.wake_fds));
    for (uint32_t slot = 0; slot < segment->seats; slot++)
        parts.seats[slot] =
            (struct seat_part){segment->records[slot].state, segment->records[slot].generation};
    *parts_out = parts;
}

void segment_parts_fini(struct segment_parts *parts)
{
    free(parts->wake_fds);
    free(parts->seats);
    *parts = (struct segment_parts){.fd = -1};
}

static bool fits(const struct segment *segment, uint64_t layout)
{
    struct segment_header mine = segment_header_of(segment);

    mine.layout = layout;
    return memcmp(segment->base, &mine, sizeof(mine)) == 0;
}

void segment_leave(struct segment **segment)
{
    for (uint32_t slot = 0; slot < (*segment)->slots; slot++)
        (*segment)->wake_fds[slot] = -1;
    (*segment)->fd = -1;
    segment_close(segment);
}

struct segment *segment_adopt(const struct segment_parts *parts, uint64_t layout, struct err *err)
{
    struct stat file;

    if (parts->worker_seats == 0 || parts->worker_seats > SEGMENT_SEATS_MAX) {
        err_set(err, "shared memory: it cannot have %u seats", (unsigned)parts->worker_seats);
        return NULL;
    }
    struct segment *segment = segment_plan(parts->worker_seats);
    segment->fd = parts->fd;
    if (fstat(parts->fd, &file) != 0 || file.st_size != (off_t)segment->bytes) {
        err_set(err, "shared memory: what is handed over has another size");
        segment_leave(&segment);
        return NULL;
    }
    if (!segment_map(segment, err) || !fits(segment, layout)) {
        if (segment->base != NULL)
            err_set(err, "shared memory: what is handed over has another layout");
        segment_leave(&segment);
        return NULL;
    }
    for (uint32_t slot = 0; slot < segment->slots; slot++)
        segment->wake_fds[slot] = parts->wake_fds[slot];
    for (uint32_t slot = 0; slot < segment->seats; slot++)
        segment->records[slot] =
            (struct seat_record){parts->seats[slot].state, parts->seats[slot].generation};
    fault_join(segment->faults, segment->fault_rows);
    return segment;
}
