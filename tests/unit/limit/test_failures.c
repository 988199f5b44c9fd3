/* How long a key waits after failures. */
#include "limit_rig.h"

static struct limits *limits;

static int up(void **state)
{
    if (rig_up(state) != 0)
        return -1;
    limits = rig_open(0, 0);
    return 0;
}

static int down(void **state)
{
    limits_close(&limits);
    return rig_down(state);
}

/* 0: it may go on. */
static uint32_t wait_at(const char *key, mono_ns now, struct limit_try *try_out)
{
    uint32_t wait_s = 0;

    if (limit_try_begin(limits, slice_of_text(key), now, try_out, &wait_s))
        return 0;
    assert_true(wait_s > 0);
    return wait_s;
}

static void test_the_first_failures_are_free_then_each_waits_twice_as_long(void **state)
{
    (void)state;
    static const uint32_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct limit_try try;
    mono_ns now = NOW;

    for (unsigned i = 0; i < GROWTH.free; i++) {
        assert_int_equal(wait_at("anna", now, &try), 0);
        assert_int_equal(try.failures, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        assert_int_equal(wait_at("anna", now, &try), waits[i]);
        assert_int_equal(wait_at("anna", now, &try), waits[i]); /* to be refused costs nothing */
        now += waits[i] * NS_PER_S - NS_PER_S / 8;
        assert_int_equal(wait_at("anna", now, &try), 1);
        now += NS_PER_S / 8 + NS_PER_S / 16;
        assert_int_equal(wait_at("anna", now, &try), 0);
    }
    assert_int_equal(wait_at("otto", now, &try), 0);
}

static void test_who_was_right_has_no_failures_any_more(void **state)
{
    (void)state;
    struct limit_try try;

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < GROWTH.free; i++) {
            assert_int_equal(wait_at("anna", NOW, &try), 0);
            assert_int_equal(try.failures, i);
        }
        limit_try_right(limits, &try);
    }
}

static void test_a_try_that_nobody_decided_is_as_if_it_had_not_been(void **state)
{
    (void)state;
    struct limit_try tries[3];
    struct limit_try try;
    const mono_ns later = NOW + 2 * NS_PER_S;

    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(wait_at("anna", NOW, &try), 0);
        limit_try_undo(limits, &try, NOW);
    }
    /* Not the last one: one less all the same. */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(wait_at("anna", NOW, &tries[i]), 0);
    limit_try_undo(limits, &tries[0], later);
    assert_int_equal(wait_at("anna", later, &try), 0);
    assert_int_equal(try.failures, 2);
    /* The time that it had set goes with it. */
    assert_int_equal(wait_at("anna", later, &try), 1);
    assert_int_equal(wait_at("anna", later + 2 * NS_PER_S, &try), 0);
    assert_int_equal(try.failures, 3);
    limit_try_undo(limits, &try, later + 2 * NS_PER_S);
    assert_int_equal(wait_at("anna", later + 2 * NS_PER_S, &try), 0);
    assert_int_equal(try.failures, 3);
}

static void test_quiet_time_takes_failures_off_one_by_one(void **state)
{
    (void)state;
    struct limit_try try;
    mono_ns now = NOW;

    for (unsigned i = 0; i < 6; i++) {
        now += 10 * NS_PER_S;
        assert_int_equal(wait_at("anna", now, &try), 0);
    }
    /* The sixth asks for eight seconds; three times max_s after that three are left. */
    now += (8 + 3 * GROWTH.max_s + 1) * NS_PER_S;
    assert_int_equal(wait_at("anna", now, &try), 0);
    assert_int_equal(try.failures, 3);
    assert_int_equal(wait_at("anna", now + 10 * GROWTH.max_s * NS_PER_S, &try), 0);
    assert_int_equal(try.failures, 0);
}

/* What the defaults of the configuration let an attacker do in a day, who never stops: an account
 * has two names. */
static void test_an_attacker_has_less_than_a_hundred_tries_a_day(void **state)
{
    (void)state;
    const struct limit_growth defaults = {.free = 10, .first_s = 1, .max_s = 3600};
    const struct limit_rate none[LIMIT_KINDS] = {0};
    struct limits *real = limits_open(segment, none, &defaults);
    unsigned tries = 0;
    uint32_t wait_s = 0;
    struct limit_try try;

    for (mono_ns now = NOW; now < NOW + 86400 * NS_PER_S;) {
        if (limit_try_begin(real, SLICE_LITERAL("anna"), now, &try, &wait_s))
            tries++;
        else
            now += wait_s * NS_PER_S;
    }
    assert_in_range(2 * tries, 50, 99);
    /* Or waits for one to be taken off, each time: that is slower still. */
    tries = 0;
    for (mono_ns now = NOW; now < NOW + 86400 * NS_PER_S; now += 3601 * NS_PER_S)
        tries += limit_try_begin(real, SLICE_LITERAL("otto"), now, &try, &wait_s);
    assert_in_range(tries, 1, 50);
    limits_close(&real);
}

static void test_the_count_has_an_end_and_the_delay_too(void **state)
{
    (void)state;
    const struct limit_growth quick = {.free = 200, .first_s = 1, .max_s = 1};
    const struct limit_rate none[LIMIT_KINDS] = {0};
    struct limits *real = limits_open(segment, none, &quick);
    mono_ns now = NOW;
    struct limit_try try;
    uint32_t wait_s = 0;

    for (unsigned i = 0; i < 200; i++)
        assert_true(limit_try_begin(real, SLICE_LITERAL("anna"), now, &try, &wait_s));
    for (unsigned i = 0; i < 300; i++) {
        assert_false(limit_try_begin(real, SLICE_LITERAL("anna"), now, &try, &wait_s));
        assert_int_equal(wait_s, 1);
        now += NS_PER_S + NS_PER_S / 16;
        assert_true(limit_try_begin(real, SLICE_LITERAL("anna"), now, &try, &wait_s));
        assert_true(try.failures <= 255);
    }
    limits_close(&real);
}

static void test_a_clock_that_is_a_moment_behind_is_not_made_to_wait(void **state)
{
    (void)state;
    struct limit_try try;
    const mono_ns tick = NS_PER_S / 16;

    assert_int_equal(wait_at("anna", NOW + tick, &try), 0);
    assert_int_equal(wait_at("anna", NOW, &try), 0);
    assert_int_equal(try.failures, 1);
}

static void test_without_a_number_nothing_is_counted(void **state)
{
    (void)state;
    const struct limit_growth none = {0};
    const struct limit_rate no_rates[LIMIT_KINDS] = {0};
    struct limits *off = limits_open(segment, no_rates, &none);
    struct limit_try try;
    uint32_t wait_s;

    for (unsigned i = 0; i < 1000; i++)
        assert_true(limit_try_begin(off, SLICE_LITERAL("anna"), NOW, &try, &wait_s));
    limit_try_right(off, &try);
    limit_try_undo(off, &try, NOW);
    limits_close(&off);
}

static void test_many_names_push_out_those_that_are_nearest_to_their_end(void **state)
{
    (void)state;
    char text[16];
    struct limit_try try;
    uint32_t wait_s;
    mono_ns now = NOW;

    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(wait_at("anna", now, &try), 0);
        now += i < 2 ? 0 : (2U << (i - 2)) * NS_PER_S;
    }
    for (unsigned i = 0; i < 2 * FAILURE_SETS * LIMIT_WAYS; i++)
        assert_true(limit_try_begin(limits, rig_key(i, text), now, &try, &wait_s));
    assert_true(limits_evictions(limits) > FAILURE_SETS);
    now += 2 * NS_PER_S;
    assert_int_equal(wait_at("anna", now, &try), 0);
    assert_int_equal(try.failures, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
        TEST(test_the_first_failures_are_free_then_each_waits_twice_as_long),
        TEST(test_who_was_right_has_no_failures_any_more),
        TEST(test_a_try_that_nobody_decided_is_as_if_it_had_not_been),
        TEST(test_quiet_time_takes_failures_off_one_by_one),
        TEST(test_an_attacker_has_less_than_a_hundred_tries_a_day),
        TEST(test_the_count_has_an_end_and_the_delay_too),
        TEST(test_a_clock_that_is_a_moment_behind_is_not_made_to_wait),
        TEST(test_without_a_number_nothing_is_counted),
        TEST(test_many_names_push_out_those_that_are_nearest_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
