/* See clock.h. */
#include "gatepost/clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

mono_ns clock_mono_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (mono_ns)now.tv_sec * NS_PER_S + (mono_ns)now.tv_nsec;
}

/* And how many nanoseconds of that millisecond are over. */
static wall_ms look_at_wall(uint32_t *over_ns_out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    *over_ns_out = (uint32_t)(now.tv_nsec % (long)NS_PER_MS);
    return (wall_ms)now.tv_sec * 1000 + (wall_ms)(now.tv_nsec / (long)NS_PER_MS);
}

wall_ms clock_wall_ms(void)
{
    uint32_t over_ns;

    return look_at_wall(&over_ns);
}

bool clock_wall_fraction(wall_ms when, uint32_t *fraction_out)
{
    uint32_t over_ns;

    if (look_at_wall(&over_ns) != when)
        return false;
    *fraction_out = (uint32_t)((uint64_t)over_ns * 4096 / NS_PER_MS);
    return true;
}

int64_t clock_offset_ms(void)
{
    return clock_wall_ms() - (int64_t)(clock_mono_ns() / NS_PER_MS);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

#define MS_PER_DAY 86400000

struct date {
    uint32_t year, month, day;
};

/* Of days since 1970-01-01. Years begin in March here, so that the leap day is a year's last one,
 * and in eras of 400 years, which all have as many days. strftime and snprintf took 20 times as
 * long, and an answer has several times in it. Source: Howard Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms", civil_from_days. */
static struct date date_of(uint32_t days)
{
    const uint32_t since = days + 719468; /* since 0000-03-01 */
    const uint32_t era = since / 146097;
    const uint32_t of_era = since % 146097;
    const uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const uint32_t month = (5 * of_year + 2) / 153; /* from March */

    return (struct date){
        .year = era * 400 + year + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
    };
}

static void put_digits(char *text_out, size_t count, uint32_t number)
{
    while (count-- > 0) {
        text_out[count] = (char)('0' + number % 10);
        number /= 10;
    }
}

void clock_iso(wall_ms when, char text_out[CLOCK_ISO_BYTES])
{
    /* Four-digit years only: the format has no other, and the array no room. */
    const wall_ms last = 253402300799999; /* 9999-12-31T23:59:59.999Z */
    wall_ms shown = when < 0 ? 0 : when > last ? last : when;
    const uint32_t ms_of_day = (uint32_t)(shown % MS_PER_DAY);
    const struct date date = date_of((uint32_t)(shown / MS_PER_DAY));

    memcpy(text_out, "0000-00-00T00:00:00.000Z", CLOCK_ISO_BYTES);
    put_digits(text_out, 4, date.year);
    put_digits(text_out + 5, 2, date.month);
    put_digits(text_out + 8, 2, date.day);
    put_digits(text_out + 11, 2, ms_of_day / 3600000);
    put_digits(text_out + 14, 2, ms_of_day / 60000 % 60);
    put_digits(text_out + 17, 2, ms_of_day / 1000 % 60);
    put_digits(text_out + 20, 3, ms_of_day % 1000);
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
