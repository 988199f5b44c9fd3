/* How often a key may come: alone, against others, with time and with nonsense in the table. */
#include "limit_rig.h"

static void test_as_many_as_the_rate_says_come_at_once_and_then_one_by_one(void **state)
{
    (void)state;
    static const struct limit_rate rates[] = {{30, 60},  {7, 60},    {1, 1},         {1000, 1},
                                              {3, 3600}, {1, 86400}, {100000, 86400}};

    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        struct limits *limits = rig_open(rates[i].count, rates[i].period_s);
        char text[16];
        const char *key = rig_key((unsigned)i, text).at;
        const mono_ns step = rates[i].period_s * NS_PER_S / rates[i].count;
        uint32_t wait_s = 0;

        assert_int_equal(rig_burst(limits, key, NOW, rates[i].count + 5), rates[i].count);
        assert_false(limit_take(limits, LIMIT_LOGIN_ADDRESS, slice_of_text(key), NOW, &wait_s));
        assert_int_equal(wait_s, (rates[i].period_s + rates[i].count - 1) / rates[i].count);
        assert_false(rig_take(limits, key, NOW + step * 9 / 10));
        assert_true(rig_take(limits, key, NOW + step + NS_PER_MS / 64));
        assert_false(rig_take(limits, key, NOW + step + NS_PER_MS / 64));
        limits_close(&limits);
    }
}

static void test_a_look_says_what_would_be_taken_and_counts_nothing(void **state)
{
    (void)state;
    struct limits *limits = rig_open(3, 3600);
    const struct slice key = SLICE_LITERAL("somebody");
    uint32_t wait_s = 0;

    for (unsigned taken = 0; taken < 3; taken++) {
        for (unsigned i = 0; i < 10; i++)
            assert_true(limit_has_room(limits, LIMIT_LOGIN_ADDRESS, key, NOW, &wait_s));
        assert_true(rig_take(limits, "somebody", NOW));
    }
    assert_false(limit_has_room(limits, LIMIT_LOGIN_ADDRESS, key, NOW, &wait_s));
    assert_int_equal(wait_s, 1200);
    assert_true(limit_has_room(limits, LIMIT_LOGIN_ADDRESS, SLICE_LITERAL("other"), NOW, &wait_s));
    assert_true(limit_has_room(limits, LIMIT_LOGIN_ADDRESS, key, NOW + 1200 * NS_PER_S, &wait_s));
    assert_true(limit_has_room(limits, LIMIT_MAIL_ADDRESS, key, NOW, &wait_s)); /* has no limit */
    limits_close(&limits);
}

static void test_over_a_long_time_the_rate_holds(void **state)
{
    (void)state;
    struct limits *limits = rig_open(600, 60);
    unsigned taken = 0;

    for (unsigned ms = 0; ms < 600000; ms += 20)
        taken += rig_take(limits, "somebody", NOW + ms * NS_PER_MS);
    assert_in_range(taken, 600 + 5990, 600 + 6010);
    limits_close(&limits);
}

static void test_keys_and_kinds_do_not_meet(void **state)
{
    (void)state;
    struct limits *limits = rig_open(2, 60);
    uint32_t wait_s;

    assert_int_equal(rig_burst(limits, "one", NOW, 5), 2);
    assert_int_equal(rig_burst(limits, "two", NOW, 5), 2);
    assert_true(limit_take(limits, LIMIT_LOGIN_GLOBAL, slice_of_text("one"), NOW, &wait_s));
    assert_true(limit_take(limits, LIMIT_LOGIN_GLOBAL, slice_of_text("two"), NOW, &wait_s));
    assert_false(limit_take(limits, LIMIT_LOGIN_GLOBAL, slice_of_text("three"), NOW, &wait_s));
    assert_int_equal(wait_s, 30);
    for (int i = 0; i < 1000; i++)
        assert_true(limit_take(limits, LIMIT_MAIL_ADDRESS, slice_of_text("one"), NOW, &wait_s));
    limits_close(&limits);
}

static void test_another_rate_reads_what_the_old_one_wrote(void **state)
{
    (void)state;
    struct limits *old = rig_open(100, 3600);
    struct limits *new = rig_open(10, 10);

    assert_int_equal(rig_burst(old, "somebody", NOW, 200), 100);
    assert_false(rig_take(new, "somebody", NOW));
    assert_false(rig_take(new, "somebody", NOW)); /* an hour ahead, but ten seconds are the most */
    struct limits *none = rig_open(0, 0);
    assert_int_equal(rig_burst(none, "somebody", NOW, 1000), 1000);
    limits_close(&none);
    limits_close(&new);
    limits_close(&old);
}

static void test_the_clocks_going_round_means_nothing(void **state)
{
    (void)state;
    struct limits *limits = rig_open(10, 60);
    const mono_ns round = (1ULL << 44) * (NS_PER_MS / 64);

    for (unsigned turn = 1; turn <= 3; turn++) {
        const mono_ns now = turn * round - 20 * NS_PER_S;
        char text[16];
        const char *key = rig_key(turn, text).at;
        assert_int_equal(rig_burst(limits, key, now, 20), 10);
        assert_int_equal(rig_burst(limits, key, now + 30 * NS_PER_S, 20), 5);
        assert_int_equal(rig_burst(limits, key, now + 90 * NS_PER_S, 20), 10);
    }
    assert_int_equal(rig_burst(limits, "at zero", 0, 20), 10);
    assert_int_equal(rig_burst(limits, "at the end", UINT64_MAX, 20), 10);
    limits_close(&limits);
}

static void test_a_clock_that_is_read_out_of_order_costs_nothing(void **state)
{
    (void)state;
    struct limits *limits = rig_open(10, 10);

    assert_true(rig_take(limits, "somebody", NOW + NS_PER_MS));
    for (int i = 0; i < 8; i++)
        assert_true(rig_take(limits, "somebody", NOW - NS_PER_MS));
    assert_int_equal(rig_burst(limits, "somebody", NOW + 2 * NS_PER_MS, 5), 1);
    limits_close(&limits);
}

static void test_the_key_nearest_to_its_end_makes_room(void **state)
{
    (void)state;
    struct limits *limits = rig_open(100, 100);
    const uint32_t most = RATE_SETS * LIMIT_WAYS;
    char text[16];
    uint32_t wait_s;

    assert_int_equal(rig_burst(limits, "heavy", NOW, 200), 100);
    for (unsigned i = 0; i < 2 * most; i++)
        assert_true(limit_take(limits, LIMIT_LOGIN_ADDRESS, rig_key(i, text), NOW, &wait_s));
    assert_true(limits_evictions(limits) >= most);
    assert_int_equal(limits_evictions(limits), 0);
    assert_int_equal(rig_burst(limits, "heavy", NOW, 200), 0);
    /* When the light ones are over, nobody has to go for a new one. */
    for (unsigned i = 0; i < 1000; i++)
        assert_true(limit_take(limits, LIMIT_LOGIN_ADDRESS, rig_key(9 * most + i, text),
                               NOW + 2 * NS_PER_S, &wait_s));
    assert_int_equal(limits_evictions(limits), 0);
    limits_close(&limits);
}

static void test_a_second_word_of_a_key_counts_too(void **state)
{
    (void)state;
    struct limits *limits = rig_open(10, 10);
    const uint64_t hash = limit_hash(limits, LIMIT_LOGIN_ADDRESS, slice_of_text("twice"));
    struct limit_set *set = &limits->shared->rates[hash % RATE_SETS];

    assert_int_equal(rig_burst(limits, "twice", NOW, 4), 4);
    atomic_store(&set->way[5], atomic_load(&set->way[0])); /* two inserted at once, one died */
    assert_int_equal(rig_burst(limits, "twice", NOW, 10), 2);
    limits_close(&limits);
}

static void test_hostile_bytes_make_nobody_wait_longer_than_the_period(void **state)
{
    (void)state;
    struct limits *limits = rig_open(10, 60);
    uint8_t *bytes = (uint8_t *)limits->shared;
    uint64_t random = 88172645463325252U;
    char text[16];

    for (size_t i = 0; i + 8 <= sizeof(*limits->shared); i += 8) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        memcpy(bytes + i, &random, 8);
    }
    for (unsigned i = 0; i < 20000; i++) {
        const enum limit_kind kind = i % 2 == 0 ? LIMIT_LOGIN_ADDRESS : LIMIT_LOGIN_GLOBAL;
        const struct slice key = rig_key(i, text);
        struct limit_try try;
        uint32_t wait_s = 0;

        if (!limit_take(limits, kind, key, NOW + i, &wait_s))
            assert_in_range(wait_s, 1, 60);
        wait_s = 0;
        if (!limit_try_begin(limits, key, NOW + i, &try, &wait_s))
            assert_in_range(wait_s, 1, GROWTH.max_s);
        else if (i % 3 == 0)
            limit_try_right(limits, &try);
        else
            limit_try_undo(limits, &try, NOW + i);
        try.set = (uint32_t)random; /* a try itself is ours, its place is looked at all the same */
        try.way = (uint32_t)random;
        limit_try_undo(limits, &try, NOW + i);
    }
    limits_close(&limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_as_many_as_the_rate_says_come_at_once_and_then_one_by_one, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(test_a_look_says_what_would_be_taken_and_counts_nothing,
                                        rig_up, rig_down),
        cmocka_unit_test_setup_teardown(test_over_a_long_time_the_rate_holds, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(test_keys_and_kinds_do_not_meet, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(test_another_rate_reads_what_the_old_one_wrote, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(test_the_clocks_going_round_means_nothing, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(test_a_clock_that_is_read_out_of_order_costs_nothing,
                                        rig_up, rig_down),
        cmocka_unit_test_setup_teardown(test_the_key_nearest_to_its_end_makes_room, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(test_a_second_word_of_a_key_counts_too, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(test_hostile_bytes_make_nobody_wait_longer_than_the_period,
                                        rig_up, rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
