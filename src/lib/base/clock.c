/* See clock.h. */
#include "gatepost/clock.h"

#include <stdbool.h>
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

bool clock_wall_fraction(wall_ms when, uint32_t *fraction_out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if ((wall_ms)now.tv_sec * 1000 + (wall_ms)(now.tv_nsec / (long)NS_PER_MS) != when)
        return false;
    *fraction_out = (uint32_t)((uint64_t)(now.tv_nsec % (long)NS_PER_MS) * 4096 / NS_PER_MS);
    return true;
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

/* ---- reading ------------------------------------------------------------------------------------
 */

struct cursor {
    const char *at;
    size_t left;
};

static bool take(struct cursor *cursor, char c)
{
    if (cursor->left == 0 || *cursor->at != c)
        return false;
    cursor->at++;
    cursor->left--;
    return true;
}

static bool take_digits(struct cursor *cursor, size_t count, int most, int *number_out)
{
    int number = 0;

    for (size_t i = 0; i < count; i++) {
        if (cursor->left == 0 || *cursor->at < '0' || *cursor->at > '9')
            return false;
        number = number * 10 + (*cursor->at - '0');
        cursor->at++;
        cursor->left--;
    }
    *number_out = number;
    return number <= most;
}

/* Milliseconds; what is finer is dropped. */
static bool take_fraction(struct cursor *cursor, int *ms_out)
{
    int ms = 0;
    int digits = 0;
    int digit;

    for (; take_digits(cursor, 1, 9, &digit); digits++) {
        if (digits < 3)
            ms = ms * 10 + digit;
    }
    for (int i = digits; i < 3; i++)
        ms *= 10;
    *ms_out = ms;
    return digits > 0;
}

static bool take_offset(struct cursor *cursor, int *minutes_out)
{
    int hours;
    int minutes;
    bool east;

    *minutes_out = 0;
    if (cursor->left == 0 || take(cursor, 'Z'))
        return true;
    east = take(cursor, '+');
    if ((!east && !take(cursor, '-')) || !take_digits(cursor, 2, 23, &hours))
        return false;
    (void)take(cursor, ':');
    if (!take_digits(cursor, 2, 59, &minutes))
        return false;
    *minutes_out = (hours * 60 + minutes) * (east ? 1 : -1);
    return true;
}

static bool take_time(struct cursor *cursor, struct tm *utc, int *ms_out, int *offset_out)
{
    *ms_out = 0;
    if (!take_digits(cursor, 2, 23, &utc->tm_hour) || !take(cursor, ':') ||
        !take_digits(cursor, 2, 59, &utc->tm_min))
        return false;
    if (take(cursor, ':') && (!take_digits(cursor, 2, 60, &utc->tm_sec) ||
                              (take(cursor, '.') && !take_fraction(cursor, ms_out))))
        return false;
    return take_offset(cursor, offset_out);
}

_Bool clock_read_iso(const char *text, size_t len, wall_ms *when_out)
{
    struct cursor cursor = {text, len};
    struct tm utc = {0};
    int month;
    int ms = 0;
    int offset = 0;

    if (!take_digits(&cursor, 4, 9999, &utc.tm_year) || utc.tm_year < 1970 || !take(&cursor, '-') ||
        !take_digits(&cursor, 2, 12, &month) || month == 0 || !take(&cursor, '-') ||
        !take_digits(&cursor, 2, 31, &utc.tm_mday) || utc.tm_mday == 0)
        return false;
    if ((take(&cursor, 'T') || take(&cursor, ' ')) && !take_time(&cursor, &utc, &ms, &offset))
        return false;
    if (cursor.left > 0)
        return false;
    utc.tm_year -= 1900;
    utc.tm_mon = month - 1;
    struct tm date = {.tm_year = utc.tm_year, .tm_mon = utc.tm_mon, .tm_mday = utc.tm_mday};
    (void)timegm(&date);
    if (date.tm_mday != utc.tm_mday) /* the 31st of a month that has 30 */
        return false;
    time_t seconds = timegm(&utc);
    wall_ms when = ((wall_ms)seconds - (wall_ms)offset * 60) * 1000 + ms;
    if (when < 0)
        return false;
    *when_out = when;
    return true;
}
