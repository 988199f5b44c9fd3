/* Identifiers: UUID version 7 (RFC 9562 section 5.7), time-ordered, so that new rows go to the
 * right edge of their tree. */
#ifndef GATEPOST_UUID_H
#define GATEPOST_UUID_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

#define UUID_BYTES      16
#define UUID_TEXT_BYTES 37 /* 8-4-4-4-12 lower-case hex and the NUL */

struct uuid {
    uint8_t bytes[UUID_BYTES];
};

/* 48 bits of the wall clock, 12 of how far it is into that millisecond (section 6.2, method 3), so
 * that what is drawn later sorts later, whoever drew it; 62 random bits. now: clock_wall_ms, just
 * looked at; of another time the 12 bits are random, too. Any thread; fork-safe. */
struct uuid uuid_new(wall_ms now);

void uuid_format(const struct uuid *uuid, char text_out[UUID_TEXT_BYTES]);

/* Reads that form, in either case. Returns false for any other text. */
MUST_USE bool uuid_parse(struct slice text, struct uuid *uuid_out);

/* The one behind it in the order of bytes: where a page begins. Returns false, with the id
 * unchanged, behind the last one. */
MUST_USE bool uuid_step(struct uuid *uuid);

static inline bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, UUID_BYTES) == 0;
}

#endif
