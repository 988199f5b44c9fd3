/* Times as texts: what other systems write is read, and what is none is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include <string.h>

#include "gatepost/base.h"
#include "gatepost/clock.h"

static void test_times_of_other_systems_are_read(void **state)
{
    static const struct {
        const char *text;
        const char *iso;
    } times[] = {
        {"2020-02-29", "2020-02-29T00:00:00.000Z"},
        {"2020-02-29T12:34", "2020-02-29T12:34:00.000Z"},
        {"2020-02-29T12:34:56Z", "2020-02-29T12:34:56.000Z"},
        {"2020-02-29 12:34:56.1", "2020-02-29T12:34:56.100Z"},
        {"2020-02-29T12:34:56.123999Z", "2020-02-29T12:34:56.123Z"},
        {"2020-02-29T00:30:00+01:00", "2020-02-28T23:30:00.000Z"},
        {"2020-12-31T23:30:00-0130", "2021-01-01T01:00:00.000Z"},
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char iso[CLOCK_ISO_BYTES];
        wall_ms when;

        assert_true(clock_read_iso(times[i].text, strlen(times[i].text), &when));
        clock_iso(when, iso);
        assert_string_equal(iso, times[i].iso);
    }
}

static void test_every_day_is_written_as_the_c_library_has_it(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 2932897; day += day < 200000 ? 1 : 17) { /* to the year 9999 */
        const wall_ms when = day * 86400000 + day * 7919 % 86400000;
        const time_t seconds = (time_t)(when / 1000);
        char expected[64];
        char text[CLOCK_ISO_BYTES];
        struct tm utc;

        gmtime_r(&seconds, &utc);
        snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                 utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                 utc.tm_sec, (int)(when % 1000));
        clock_iso(when, text);
        assert_string_equal(text, expected);
    }
}

static void test_what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2020",
        "2020-1-1",
        "2020-13-01",
        "2020-00-01",
        "2021-02-29",
        "2020-04-31",
        "2020-02-29T",
        "x020-02-29",
        "2020-02-29T2",
        "2020-02-29T24:00",
        "2020-02-29T12:60",
        "1969-12-31",
        "2020-02-29Z",
        "2020-02-29T12:34:",
        "2020-02-29T12:34:56.",
        "20200229",
        "yesterday",
        "2020-02-29T12:34Zx",
        "2020-02-29T12:34+1",
        "1970-01-01T00:00:00+01:00",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        wall_ms when = 7;

        if (clock_read_iso(bad[i], strlen(bad[i]), &when))
            fail_msg("\"%s\" was read", bad[i]);
        assert_int_equal(when, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_of_other_systems_are_read),
        cmocka_unit_test(test_every_day_is_written_as_the_c_library_has_it),
        cmocka_unit_test(test_what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
