/* What one lane promises to its two ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lane_rig.h"

static void fill(size_t len)
{
    while (lane_push(&producer, record, len))
        continue;
}

static bool is_woken(uint32_t slot)
{
    uint64_t count;

    return read(wake_fd(segment, slot), &count, sizeof(count)) == (ssize_t)sizeof(count);
}

static void test_a_new_lane_is_empty(void **state)
{
    (void)state;
    expect_empty();
    assert_int_equal(lane_waiting_bytes(&consumer), 0);
}

static void test_records_of_every_length_come_out_as_they_went_in(void **state)
{
    (void)state;
    for (size_t len = 1; len <= LANE_RECORD_MAX_BYTES; len += len < 600 ? 1 : 613) {
        assert_true(lane_push(&producer, record, len));
        expect_record(record, len);
    }
    assert_true(lane_push(&producer, record, LANE_RECORD_MAX_BYTES));
    expect_record(record, LANE_RECORD_MAX_BYTES);
    expect_empty();
}

static void test_records_keep_their_order_over_many_laps(void **state)
{
    (void)state;
    uint32_t pushed = 0, got_number = 0;
    size_t len;

    while (got_number < 20000) {
        memcpy(record, &pushed, sizeof(pushed));
        if (lane_push(&producer, record, sizeof(pushed) + pushed % 1500)) {
            pushed++;
            continue;
        }
        for (int i = 0; i < 50 && lane_take(&consumer, taken, &len) == LANE_RECORD; i++) {
            assert_int_equal(len, sizeof(pushed) + got_number % 1500);
            assert_memory_equal(taken, &got_number, sizeof(got_number));
            got_number++;
        }
    }
}

static void test_a_full_lane_refuses_the_push_and_loses_nothing(void **state)
{
    (void)state;
    size_t pushed = 0;

    while (lane_push(&producer, record, 1000))
        pushed++;
    assert_int_equal(pushed, LANE_BYTES / 1008);
    for (size_t i = 0; i < pushed; i++)
        expect_record(record, 1000);
    expect_empty();
}

static void test_a_lane_can_be_filled_to_its_last_byte(void **state)
{
    (void)state;
    for (int i = 0; i < LANE_BYTES / 1024; i++)
        assert_true(lane_push(&producer, record, 1016));
    assert_int_equal(lane_waiting_bytes(&producer), LANE_BYTES);
    assert_false(lane_push(&producer, record, 1));
    for (int i = 0; i < LANE_BYTES / 1024; i++)
        expect_record(record, 1016);
    expect_empty();
}

static void test_a_push_wakes_only_a_consumer_that_sleeps(void **state)
{
    (void)state;
    const uint32_t store = segment_store_slot(segment);

    assert_true(lane_push(&producer, record, 10));
    assert_false(is_woken(store));
    wake_prepare(segment, store);
    assert_true(lane_push(&producer, record, 10));
    assert_true(is_woken(store));
    assert_true(lane_push(&producer, record, 10));
    assert_false(is_woken(store));
    assert_false(is_woken(1));
}

/* It looked before the record could be seen, and sleeps after the push looked. */
static void test_a_consumer_that_fell_asleep_unseen_is_woken_when_the_producer_settles(void **state)
{
    (void)state;
    const uint32_t store = segment_store_slot(segment);

    assert_true(lane_push(&producer, record, 10));
    wake_prepare(segment, store);
    assert_false(is_woken(store));
    wake_settle(segment, store); /* owes nothing */
    wake_settle(segment, 2);
    assert_false(is_woken(store));
    wake_settle(segment, 1);
    assert_true(is_woken(store));
    wake_prepare(segment, store);
    wake_settle(segment, 1); /* owes nothing any more */
    assert_false(is_woken(store));
    assert_true(lane_push(&producer, record, 10));
    assert_true(is_woken(store));
}

static void test_a_process_that_goes_to_sleep_has_settled(void **state)
{
    (void)state;
    const uint32_t store = segment_store_slot(segment);
    struct lane mail = lane_open(segment, 1, LANE_MAIL),
                answer = lane_open(segment, 2, LANE_ANSWER);

    assert_true(lane_push(&producer, record, 10));
    assert_true(lane_push(&mail, record, 10));
    assert_true(lane_push(&answer, record, 10));
    for (uint32_t slot = 0; slot < segment_slots(segment); slot++)
        atomic_store(&segment->slot[slot].asleep, 1);
    wake_prepare(segment, 1);
    assert_true(is_woken(store));
    assert_true(is_woken(SLOT_MAILER));
    assert_false(is_woken(2));
    wake_prepare(segment, store);
    assert_true(is_woken(2));
}

static void
test_a_refused_producer_that_fell_asleep_unseen_is_woken_when_the_consumer_settles(void **state)
{
    (void)state;
    const uint32_t store = segment_store_slot(segment);
    size_t len;

    fill(1000);
    atomic_store(&consumer.shared->space_wanted, 0); /* as long as it is on its way */
    while (lane_take(&consumer, taken, &len) == LANE_RECORD)
        continue;
    atomic_store(&consumer.shared->space_wanted, 1);
    wake_prepare(segment, 1);
    assert_false(is_woken(1));
    wake_settle(segment, store);
    assert_true(is_woken(1));
    wake_prepare(segment, 1);
    wake_settle(segment, store);
    assert_false(is_woken(1));
}

static void test_each_kind_of_lane_wakes_its_own_consumer(void **state)
{
    (void)state;
    const uint32_t store = segment_store_slot(segment);
    struct lane mail = lane_open(segment, 2, LANE_MAIL);
    struct lane answer = lane_open(segment, 2, LANE_ANSWER);
    struct lane mailer_ask = lane_open(segment, SLOT_MAILER, LANE_ASK);
    struct lane mailer_answer = lane_open(segment, SLOT_MAILER, LANE_ANSWER);

    for (uint32_t slot = 0; slot < segment_slots(segment); slot++)
        wake_prepare(segment, slot);
    assert_true(lane_push(&mail, record, 10));
    assert_true(is_woken(SLOT_MAILER));
    assert_true(lane_push(&answer, record, 10));
    assert_true(is_woken(2));
    assert_true(lane_push(&mailer_ask, record, 10));
    assert_true(is_woken(store));
    wake_prepare(segment, SLOT_MAILER);
    assert_true(lane_push(&mailer_answer, record, 10));
    assert_true(is_woken(SLOT_MAILER));
    assert_false(is_woken(1));
}

static void test_a_refused_producer_is_woken_when_half_the_lane_is_free(void **state)
{
    (void)state;
    size_t len, takes = 0;

    fill(1000);
    wake_prepare(segment, 1);
    while (!is_woken(1)) {
        assert_int_equal(lane_take(&consumer, taken, &len), LANE_RECORD);
        takes++;
    }
    assert_int_equal(takes, (LANE_BYTES / 1008 + 1) / 2);
    assert_true(lane_push(&producer, record, LANE_RECORD_MAX_BYTES));
}

static void test_room_made_before_the_refused_producer_sleeps_is_seen_by_looking_again(void **state)
{
    (void)state;
    size_t len;

    fill(1000);
    assert_false(lane_has_room(&producer));
    while (lane_take(&consumer, taken, &len) == LANE_RECORD)
        continue; /* wakes nobody: the producer is not asleep yet */
    wake_prepare(segment, 1);
    assert_false(is_woken(1));
    assert_true(lane_has_room(&producer));
}

/* What the hammer found: a wake-up for room that the consumer's old view of tail promised. */
static void test_a_producer_woken_too_early_is_woken_again(void **state)
{
    (void)state;
    size_t len;

    for (int i = 0; i < 10; i++)
        assert_true(lane_push(&producer, record, 1000));
    assert_int_equal(lane_take(&consumer, taken, &len), LANE_RECORD); /* it knows of these 10 */
    fill(1000);
    wake_prepare(segment, 1);
    assert_int_equal(lane_take(&consumer, taken, &len), LANE_RECORD);
    assert_true(is_woken(1));
    assert_false(lane_has_room(&producer));
    wake_prepare(segment, 1);
    while (!lane_has_room(&producer))
        assert_int_equal(lane_take(&consumer, taken, &len), LANE_RECORD);
    assert_true(is_woken(1));
}

static void test_room_wakes_nobody_who_did_not_ask_for_it(void **state)
{
    (void)state;
    size_t len;

    for (int i = 0; i < 100; i++)
        assert_true(lane_push(&producer, record, 1000));
    wake_prepare(segment, 1);
    while (lane_take(&consumer, taken, &len) == LANE_RECORD)
        continue;
    assert_false(is_woken(1));
}

static void test_a_discard_empties_the_lane_and_wakes_a_refused_producer(void **state)
{
    (void)state;
    fill(500);
    wake_prepare(segment, 1);
    lane_discard(&consumer);
    assert_true(is_woken(1));
    expect_empty();
    assert_true(lane_push(&producer, record, 77));
    expect_record(record, 77);
}

static void test_a_successor_of_either_end_goes_on_where_the_last_one_stopped(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 100; i++) {
        record[0] = i;
        producer = lane_open(segment, 1, LANE_ASK);
        assert_true(lane_push(&producer, record, 3000));
        if (i >= 5) {
            record[0] = (uint8_t)(i - 5);
            consumer = lane_open(segment, 1, LANE_ASK);
            expect_record(record, 3000);
        }
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_new_lane_is_empty),
        CASE(test_records_of_every_length_come_out_as_they_went_in),
        CASE(test_records_keep_their_order_over_many_laps),
        CASE(test_a_full_lane_refuses_the_push_and_loses_nothing),
        CASE(test_a_lane_can_be_filled_to_its_last_byte),
        CASE(test_a_push_wakes_only_a_consumer_that_sleeps),
        CASE(test_a_consumer_that_fell_asleep_unseen_is_woken_when_the_producer_settles),
        CASE(test_a_process_that_goes_to_sleep_has_settled),
        CASE(test_a_refused_producer_that_fell_asleep_unseen_is_woken_when_the_consumer_settles),
        CASE(test_each_kind_of_lane_wakes_its_own_consumer),
        CASE(test_a_refused_producer_is_woken_when_half_the_lane_is_free),
        CASE(test_room_made_before_the_refused_producer_sleeps_is_seen_by_looking_again),
        CASE(test_a_producer_woken_too_early_is_woken_again),
        CASE(test_room_wakes_nobody_who_did_not_ask_for_it),
        CASE(test_a_discard_empties_the_lane_and_wakes_a_refused_producer),
        CASE(test_a_successor_of_either_end_goes_on_where_the_last_one_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
