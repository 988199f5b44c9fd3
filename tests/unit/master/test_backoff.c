/* The back-off's arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "master/backoff.h"

#define START (1000 * NS_PER_S)
#define YOUNG (50 * NS_PER_MS)

static void test_five_deaths_delay_nothing(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    for (unsigned i = 0; i < 5; i++) {
        backoff_count_death(&backoff, START + i * YOUNG, YOUNG);
        assert_true(backoff_permits(&backoff, START + i * YOUNG));
    }
}

static void test_the_sixth_death_within_ten_seconds_delays_by_100_ms(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    mono_ns now = START;
    for (unsigned i = 0; i < 6; i++)
        backoff_count_death(&backoff, now += NS_PER_S, YOUNG);
    assert_false(backoff_permits(&backoff, now + 99 * NS_PER_MS));
    assert_true(backoff_permits(&backoff, now + 100 * NS_PER_MS));
}

static void test_deaths_that_are_far_apart_delay_nothing(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    mono_ns now = START;
    for (unsigned i = 0; i < 100; i++) {
        backoff_count_death(&backoff, now += 2 * NS_PER_S + 1, YOUNG);
        assert_true(backoff_permits(&backoff, now));
    }
}

static void test_the_delay_doubles_up_to_ten_seconds(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    mono_ns now = START;
    for (unsigned i = 0; i < 6; i++)
        backoff_count_death(&backoff, now += YOUNG, YOUNG);
    mono_ns expected = 100 * NS_PER_MS;
    for (unsigned i = 0; i < 12; i++) {
        assert_true(backoff.delay_ns == expected);
        now = backoff.not_before_ns + YOUNG;
        backoff_count_death(&backoff, now, YOUNG);
        expected = expected * 2 < 10 * NS_PER_S ? expected * 2 : 10 * NS_PER_S;
    }
    assert_true(backoff.delay_ns == 10 * NS_PER_S);
}

static void test_ten_seconds_of_life_end_the_delay(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    mono_ns now = START;
    for (unsigned i = 0; i < 9; i++)
        backoff_count_death(&backoff, now += YOUNG, YOUNG);
    assert_false(backoff_permits(&backoff, now));
    now += 11 * NS_PER_S;
    backoff_count_death(&backoff, now, 10 * NS_PER_S);
    assert_true(backoff_permits(&backoff, now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_deaths_delay_nothing),
        cmocka_unit_test(test_the_sixth_death_within_ten_seconds_delays_by_100_ms),
        cmocka_unit_test(test_deaths_that_are_far_apart_delay_nothing),
        cmocka_unit_test(test_the_delay_doubles_up_to_ten_seconds),
        cmocka_unit_test(test_ten_seconds_of_life_end_the_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
