/* A segment that outlives the image of the master that made it (src/master/takeover.c). */
#ifndef GATEPOST_SEGMENT_PARTS_H
#define GATEPOST_SEGMENT_PARTS_H

#include "gatepost/segment.h"

/* The shape of the segment as a number (gatepost/layout.h). The stamp: what two processes that
 * share a segment must agree on; the master writes it before its first fork (src/master/layout.c).
 */
uint64_t segment_layout(void);
void segment_stamp(struct segment *segment, uint64_t layout);

/* What a master that is replaced in place leaves its successor: descriptors, and what it alone
 * knows of the seats. */
struct segment_parts {
    int fd;
    uint32_t worker_seats; /* as segment_create was told */
    int *wake_fds;         /* one a slot, worker_seats + 3 of them */
    struct seat_part {
        enum seat_state state;
        uint64_t generation;
    } * seats; /* worker_seats + 1 */
};
void segment_give(const struct segment *segment, struct segment_parts *parts_out); /* heap arrays */
void segment_parts_fini(struct segment_parts *parts);

/* Who calls it: the successor. Maps a segment that lives; nothing in it is changed. Returns NULL
 * when it is not one of this layout and these sizes; the descriptors are the caller's then. */
MUST_USE struct segment *segment_adopt(const struct segment_parts *parts, uint64_t layout,
                                       struct err *err);
/* segment_close but for the descriptors, which stay open. */
void segment_leave(struct segment **segment);

#endif
