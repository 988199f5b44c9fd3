/* When the next try comes, and when it is told that letters are late. */
#include "mailer/alarm.h"
#include "mailer/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FOREVER_MS INT64_MAX

static const uint32_t randoms[] = {0, 1, 0x7fff, 0xffff, 0xffffffff};
static const struct sched usual = {
    .first_s = 10, .max_s = 900, .greylist_s = {60, 120, 300}, .greylist_tries = 3};

static void test_the_wait_doubles_with_jitter_up_to_its_limit(void **state)
{
    (void)state;
    for (uint32_t tries = 0; tries < 100; tries++) {
        uint64_t full_s = tries < 7 ? 10ULL << tries : 900;
        if (full_s > 900)
            full_s = 900;
        for (size_t i = 0; i < ARRAY_LEN(randoms); i++) {
            uint64_t wait_ms = sched_backoff_ms(10, 900, tries, randoms[i]);
            assert_in_range(wait_ms, full_s * 750, full_s * 1250);
            assert_int_equal(sched_wait_ms(&usual, false, tries, FOREVER_MS, randoms[i]), wait_ms);
        }
        assert_int_equal(sched_backoff_ms(10, 900, tries, 0), full_s * 750);
        assert_int_equal(sched_backoff_ms(10, 900, tries, 0xffff), full_s * 1250);
    }
    assert_in_range(sched_backoff_ms(100, 1, UINT32_MAX, 0xffff), 750, 1250);
}

static void test_a_wait_takes_a_quarter_of_the_life_that_is_left_at_most(void **state)
{
    (void)state;
    for (int64_t left_ms = 8000; left_ms < 86400000; left_ms = left_ms * 5 / 4) {
        for (uint32_t tries = 0; tries < 30; tries++) {
            for (size_t i = 0; i < ARRAY_LEN(randoms); i++) {
                assert_true(sched_wait_ms(&usual, false, tries, left_ms, randoms[i]) <=
                            (uint64_t)left_ms / 4);
                assert_true(sched_wait_ms(&usual, true, tries, left_ms, randoms[i]) <=
                            (uint64_t)left_ms / 4);
            }
        }
    }
}

static void test_waits_that_life_bounds_are_spread_as_well(void **state)
{
    (void)state;
    assert_int_equal(sched_wait_ms(&usual, false, 20, 400000, 0), 75000);
    assert_int_equal(sched_wait_ms(&usual, false, 20, 400000, 0xffff), 100000);
}

static void test_a_reset_link_of_an_hour_is_tried_many_times_before_it_dies(void **state)
{
    int64_t left_ms = 3600000;
    uint32_t tries = 0;

    (void)state;
    for (; left_ms > 4000; tries++)
        left_ms -= (int64_t)sched_wait_ms(&usual, false, tries, left_ms, 0xffff);
    assert_in_range(tries, 20, 60);
    assert_true(left_ms > 0);
}

static void test_what_has_no_life_left_still_waits_a_little(void **state)
{
    (void)state;
    assert_int_equal(sched_wait_ms(&usual, false, 5, 0, 0), SCHED_WAIT_MIN_MS);
    assert_int_equal(sched_wait_ms(&usual, false, 5, -86400000, 0), SCHED_WAIT_MIN_MS);
    assert_int_equal(sched_wait_ms(&usual, true, 0, INT64_MIN, 0xffff), SCHED_WAIT_MIN_MS);
}

static void test_the_first_tries_after_a_greylisting_have_waits_of_their_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(randoms); i++) {
        assert_in_range(sched_wait_ms(&usual, true, 0, FOREVER_MS, randoms[i]), 60000, 66000);
        assert_in_range(sched_wait_ms(&usual, true, 1, FOREVER_MS, randoms[i]), 120000, 132000);
        assert_in_range(sched_wait_ms(&usual, true, 2, FOREVER_MS, randoms[i]), 300000, 330000);
        assert_int_equal(sched_wait_ms(&usual, true, 3, FOREVER_MS, randoms[i]),
                         sched_backoff_ms(10, 900, 3, randoms[i]));
    }
    assert_true(sched_is_greylisting(&usual, true, 2));
    assert_false(sched_is_greylisting(&usual, true, 3));
    assert_false(sched_is_greylisting(&usual, false, 0));
}

static void test_no_wait_is_longer_than_the_longest(void **state)
{
    const struct sched hasty = {.first_s = 1, .max_s = 2, .greylist_s = {60}, .greylist_tries = 1};
    const struct sched plain = {.first_s = 10, .max_s = 900};

    (void)state;
    assert_int_equal(sched_wait_ms(&hasty, true, 0, FOREVER_MS, 0), 2000);
    assert_int_equal(sched_wait_ms(&plain, true, 0, FOREVER_MS, 0), 7500);
}

static void test_lateness_is_told_once_and_at_each_doubling_and_when_it_is_over(void **state)
{
    struct alarm alarm = {.threshold_s = 300};
    unsigned told = 0;

    (void)state;
    assert_int_equal(alarm_look(&alarm, 299), ALARM_NONE);
    for (uint64_t age_s = 300; age_s < 86400; age_s++) {
        bool expected = age_s == 300 || age_s == 600 || age_s == 1200 || age_s == 2400 ||
                        age_s == 4800 || age_s == 9600 || age_s == 19200 || age_s == 38400 ||
                        age_s == 76800;
        enum alarm_news news = alarm_look(&alarm, age_s);
        assert_int_equal(news, expected ? ALARM_LATE : ALARM_NONE);
        told += news == ALARM_LATE;
    }
    assert_int_equal(told, 9);
    assert_int_equal(alarm_look(&alarm, 299), ALARM_OVER);
    assert_int_equal(alarm_look(&alarm, 0), ALARM_NONE);
    assert_int_equal(alarm_look(&alarm, 100000), ALARM_LATE); /* a jump is told once */
    assert_int_equal(alarm_look(&alarm, 100001), ALARM_NONE);
}

static void test_without_a_threshold_nothing_is_told(void **state)
{
    struct alarm alarm = {.threshold_s = 0};

    (void)state;
    assert_int_equal(alarm_look(&alarm, 1000000), ALARM_NONE);
    assert_int_equal(alarm_look(&alarm, 0), ALARM_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_wait_doubles_with_jitter_up_to_its_limit),
        cmocka_unit_test(test_a_wait_takes_a_quarter_of_the_life_that_is_left_at_most),
        cmocka_unit_test(test_waits_that_life_bounds_are_spread_as_well),
        cmocka_unit_test(test_a_reset_link_of_an_hour_is_tried_many_times_before_it_dies),
        cmocka_unit_test(test_what_has_no_life_left_still_waits_a_little),
        cmocka_unit_test(test_the_first_tries_after_a_greylisting_have_waits_of_their_own),
        cmocka_unit_test(test_no_wait_is_longer_than_the_longest),
        cmocka_unit_test(test_lateness_is_told_once_and_at_each_doubling_and_when_it_is_over),
        cmocka_unit_test(test_without_a_threshold_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
