/* What a lane does with damage, and with an end that has gone mad or died in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lane_rig.h"

static void test_a_record_that_was_not_published_is_not_seen(void **state)
{
    (void)state;
    struct lane_shared *shared = segment_lane(segment, 1, LANE_ASK);

    assert_true(lane_push(&producer, record, 100));
    expect_record(record, 100);
    /* a producer killed in the middle of its copy */
    memset(shared->bytes + 112, 0x5a, 60);
    expect_empty();
    assert_true(lane_push(&producer, record, 200));
    expect_record(record, 200);
}

static void test_a_changed_bit_anywhere_in_a_record_breaks_the_lane(void **state)
{
    (void)state;
    struct lane_shared *shared = segment_lane(segment, 1, LANE_ASK);
    size_t len;

    assert_true(lane_push(&producer, record, 300));
    for (size_t bit = 0; bit < (sizeof(struct record_header) + 300) * 8; bit++) {
        shared->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(lane_take(&consumer, taken, &len), LANE_BROKEN);
        shared->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    expect_record(record, 300);
}

static void test_a_whole_record_of_an_earlier_lap_is_not_taken_again(void **state)
{
    (void)state;
    struct lane_shared *shared = segment_lane(segment, 1, LANE_ASK);
    size_t len;

    for (int i = 0; i < LANE_BYTES / 1024; i++) {
        assert_true(lane_push(&producer, record, 1016));
        expect_record(record, 1016);
    }
    atomic_fetch_add(&shared->tail, 1024);
    assert_int_equal(lane_take(&consumer, taken, &len), LANE_BROKEN);
}

static void test_senseless_positions_break_the_lane_and_refuse_the_push(void **state)
{
    (void)state;
    static const uint64_t tails[] = {
        1, 4, 9, LANE_BYTES + 8, LANE_BYTES * 2, UINT64_MAX - 7, UINT64_MAX, 1ULL << 63};
    struct lane_shared *shared = segment_lane(segment, 1, LANE_ASK);
    size_t len;

    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        atomic_store(&shared->tail, tails[i]);
        producer = consumer = lane_open(segment, 1, LANE_ASK);
        assert_int_equal(lane_take(&consumer, taken, &len), LANE_BROKEN);
        assert_false(lane_push(&producer, record, 8));
        assert_true(lane_waiting_bytes(&consumer) <= LANE_BYTES);
    }
    atomic_store(&shared->tail, 8);
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        if (tails[i] == UINT64_MAX - 7)
            continue; /* 16 before 8: a sane distance, whose bytes then fail */
        atomic_store(&shared->head, tails[i]);
        producer = consumer = lane_open(segment, 1, LANE_ASK);
        assert_int_equal(lane_take(&consumer, taken, &len), LANE_BROKEN);
    }
}

static void test_a_length_beyond_what_waits_breaks_the_lane(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0,     17,       25,        LANE_RECORD_MAX_BYTES,
                                       16385, 1U << 31, UINT32_MAX};
    struct lane_shared *shared = segment_lane(segment, 1, LANE_ASK);
    size_t len;

    assert_true(lane_push(&producer, record, 16));
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        memcpy(shared->bytes, &lengths[i], sizeof(lengths[i]));
        assert_int_equal(lane_take(&consumer, taken, &len), LANE_BROKEN);
    }
}

/* Under the address sanitizer this is the proof that nothing is read or written out of bounds:
 * the lane lies between others, so its neighbours are compared as well. */
static void test_random_bytes_over_a_lane_harm_nobody_else(void **state)
{
    (void)state;
    struct lane_shared *shared = segment_lane(segment, 1, LANE_ASK);
    struct lane_shared *before = segment_lane(segment, 1, LANE_MAIL);
    struct lane_shared *after = segment_lane(segment, 1, LANE_ANSWER);
    size_t len, records = 0, broken = 0;

    memset(before->bytes, 0xa5, LANE_BYTES);
    memset(after->bytes, 0xa5, LANE_BYTES);
    srandom(20261123);
    for (int round = 0; round < 20000; round++) {
        uint64_t noise[3] = {(uint64_t)random() << 33 ^ (uint64_t)random(),
                             (uint64_t)random() % (2 * LANE_BYTES), (uint64_t)random() % 24};
        atomic_store(&shared->tail, noise[(size_t)random() % 3] & ~(uint64_t)(random() % 8));
        atomic_store(&shared->head, noise[(size_t)random() % 3] & ~(uint64_t)(random() % 8));
        for (size_t i = 0; i < 64; i++)
            shared->bytes[(size_t)random() % LANE_BYTES] = (uint8_t)random();
        bool pushed = lane_push(&producer, record, 1 + (size_t)random() % LANE_RECORD_MAX_BYTES);
        enum lane_read got = lane_take(&consumer, taken, &len);
        records += got == LANE_RECORD;
        broken += got == LANE_BROKEN;
        (void)pushed;
        if (random() % 16 == 0)
            lane_discard(&consumer);
    }
    assert_true(broken > 1000);
    assert_true(records > 0);
    for (size_t i = 0; i < LANE_BYTES; i++) {
        assert_int_equal(before->bytes[i], 0xa5);
        assert_int_equal(after->bytes[i], 0xa5);
    }
    assert_int_equal(atomic_load(&after->tail), 0);
    assert_int_equal(atomic_load(&before->tail), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_record_that_was_not_published_is_not_seen),
        CASE(test_a_changed_bit_anywhere_in_a_record_breaks_the_lane),
        CASE(test_a_whole_record_of_an_earlier_lap_is_not_taken_again),
        CASE(test_senseless_positions_break_the_lane_and_refuse_the_push),
        CASE(test_a_length_beyond_what_waits_breaks_the_lane),
        CASE(test_random_bytes_over_a_lane_harm_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
