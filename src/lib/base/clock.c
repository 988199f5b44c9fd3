/* See clock.h. */
#include "gatepost/clock.h"

#include <stdio.h>
#include <time.h>

mono_ns clock_mono_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (mono_ns)now.tv_sec * NS_PER_S + (mono_ns)now.tv_nsec;
}

wall_ms clock_wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (wall_ms)now.tv_sec * 1000 + (wall_ms)(now.tv_nsec / (long)NS_PER_MS);
}

int64_t clock_offset_ms(void)
{
    return clock_wall_ms() - (int64_t)(clock_mono_ns() / NS_PER_MS);
}

void clock_iso(wall_ms when, char text_out[CLOCK_ISO_BYTES])
{
    /* Four-digit years only: the format has no other, and the array no room. */
    const wall_ms last = 253402300799999; /* 9999-12-31T23:59:59.999Z */
    wall_ms shown = when < 0 ? 0 : when > last ? last : when;
    time_t seconds = (time_t)(shown / 1000);
    struct tm utc;
    char date[21];

    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text_out, CLOCK_ISO_BYTES, "%.19s.%03uZ", date, (unsigned)(shown % 1000));
}
