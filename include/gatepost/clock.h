/* The two clocks. Deadlines, intervals and ages of things in memory use the monotonic one;
 * what is stored, sent or shown uses the wall clock. They are never mixed. */
#ifndef GATEPOST_CLOCK_H
#define GATEPOST_CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t mono_ns; /* CLOCK_MONOTONIC, the same in every process of the machine */
typedef int64_t wall_ms;  /* milliseconds since 1970 UTC */

/* when + more, or the end of time: when may be anything that somebody wrote. */
static inline wall_ms wall_add(wall_ms when, wall_ms more)
{
    wall_ms sum;

    if (__builtin_add_overflow(when, more, &sum))
        return more > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

mono_ns clock_mono_ns(void);
wall_ms clock_wall_ms(void);
/* How far the wall clock is into that millisecond, in 4096ths of it. Returns false when it is
 * another one by now. */
_Bool clock_wall_fraction(wall_ms when, uint32_t *fraction_out);

/* Wall less monotonic: stays what it is until somebody sets the wall clock. */
int64_t clock_offset_ms(void);

/* "2026-11-23T14:51:47.123Z"; 25 bytes with the NUL. */
#define CLOCK_ISO_BYTES 25
void clock_iso(wall_ms when, char text_out[CLOCK_ISO_BYTES]);

/* Reads "2026-11-23", with "T14:51" or " 14:51", ":47", ".123456", and "Z", "+01:00" or "+0100"
 * behind; without an offset it is UTC. Years from 1970 on. Returns false for any other text. */
_Bool clock_read_iso(const char *text, size_t len, wall_ms *when_out);

#endif
