/* The in-hand table: no job twice, nothing unbounded. */
#include "mailer/hand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct mail_job job_number(uint32_t number)
{
    struct mail_job job = {
        .purpose = MAIL_VERIFY,
        .to = SLICE_LITERAL("a@example.com"),
        .username = SLICE_LITERAL("anna"),
        .created = 1,
        .expires = 2,
    };
    memcpy(job.job_id.bytes, &number, sizeof(number));
    return job;
}

static enum hand_taken take(struct hand *hand, uint32_t number, mono_ns now)
{
    const struct mail_job job = job_number(number);
    return hand_take(hand, &job, HAND_SEEN_IN_LANE, 0, now);
}

static void test_a_job_in_hand_is_known(void **state)
{
    (void)state;
    struct hand *hand = hand_new(10, 16);
    assert_int_equal(take(hand, 1, 0), HAND_TAKEN);
    assert_int_equal(take(hand, 1, 0), HAND_KNOWN);
    assert_int_equal(hand_count(hand), 1);
    assert_string_equal(hand_first(hand, DELIVERY_WAITING)->to, "a@example.com");
    assert_string_equal(hand_first(hand, DELIVERY_WAITING)->username, "anna");
    hand_free(&hand);
    assert_null(hand);
}

static void test_a_settled_job_is_known_until_its_time_has_passed(void **state)
{
    (void)state;
    struct hand *hand = hand_new(10, 16);
    assert_int_equal(take(hand, 1, 100), HAND_TAKEN);
    struct delivery *delivery = hand_first(hand, DELIVERY_WAITING);
    hand_release(&delivery, 500);
    assert_null(delivery);
    assert_int_equal(hand_count(hand), 0);
    assert_int_equal(take(hand, 1, 499), HAND_KNOWN);
    assert_int_equal(take(hand, 1, 500), HAND_TAKEN);
    hand_free(&hand);
}

static void test_a_settled_job_that_the_outbox_shows_is_taken_since_it_will_be_claimed(void **state)
{
    (void)state;
    struct hand *hand = hand_new(10, 16);
    const struct mail_job job = job_number(1);

    assert_int_equal(take(hand, 1, 100), HAND_TAKEN);
    assert_int_equal(hand_take(hand, &job, HAND_SEEN_IN_OUTBOX, 0, 100), HAND_KNOWN);
    struct delivery *delivery = hand_first(hand, DELIVERY_WAITING);
    hand_release(&delivery, 500);
    assert_int_equal(take(hand, 1, 499), HAND_KNOWN);
    assert_int_equal(hand_take(hand, &job, HAND_SEEN_IN_OUTBOX, 3, 499), HAND_TAKEN);
    assert_int_equal(hand_first(hand, DELIVERY_WAITING)->tries, 3);
    hand_free(&hand);
}

static void test_a_full_hand_takes_nothing_but_still_knows(void **state)
{
    (void)state;
    struct hand *hand = hand_new(3, 16);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(take(hand, i, 0), HAND_TAKEN);
    assert_true(hand_is_full(hand));
    assert_int_equal(take(hand, 3, 0), HAND_FULL);
    assert_int_equal(take(hand, 2, 0), HAND_KNOWN);
    hand_free(&hand);
}

static void test_the_memory_of_settled_jobs_forgets_the_oldest_first(void **state)
{
    (void)state;
    struct hand *hand = hand_new(1000, 64);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(take(hand, i, 0), HAND_TAKEN);
        struct delivery *delivery = hand_first(hand, DELIVERY_WAITING);
        hand_release(&delivery, UINT64_MAX);
    }
    for (uint32_t i = 136; i < 200; i++)
        assert_int_equal(take(hand, i, 0), HAND_KNOWN);
    for (uint32_t i = 0; i < 136; i++)
        assert_int_equal(take(hand, i, 0), HAND_TAKEN);
    hand_free(&hand);
}

static void test_deliveries_leave_a_state_in_the_order_they_came_into_it(void **state)
{
    (void)state;
    struct hand *hand = hand_new(10, 16);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(take(hand, i, 0), HAND_TAKEN);
    struct delivery *first = hand_first(hand, DELIVERY_WAITING);
    struct delivery *second = hand_next(first);
    hand_move(first, DELIVERY_SENDING);
    assert_ptr_equal(hand_first(hand, DELIVERY_WAITING), second);
    assert_int_equal(hand_count_in(hand, DELIVERY_SENDING), 1);
    hand_move(first, DELIVERY_WAITING);
    assert_ptr_equal(hand_first(hand, DELIVERY_WAITING), second);
    assert_ptr_equal(hand_last(hand, DELIVERY_WAITING), first);
    assert_int_equal(hand_count_in(hand, DELIVERY_WAITING), 3);
    assert_int_equal(hand_count_in(hand, DELIVERY_SENDING), 0);
    hand_free(&hand);
}

static void test_many_jobs_are_each_found_again(void **state)
{
    (void)state;
    struct hand *hand = hand_new(20000, 1024);
    for (uint32_t i = 0; i < 20000; i++)
        assert_int_equal(take(hand, i, 0), HAND_TAKEN);
    for (uint32_t i = 0; i < 20000; i++)
        assert_int_equal(take(hand, i, 0), HAND_KNOWN);
    for (uint32_t i = 0; i < 20000; i += 2) {
        struct delivery *delivery = hand_first(hand, DELIVERY_WAITING);
        hand_release(&delivery, 1);
    }
    assert_int_equal(hand_count(hand), 10000);
    assert_int_equal(take(hand, 19999, 5), HAND_KNOWN);
    assert_int_equal(take(hand, 0, 5), HAND_TAKEN);
    hand_free(&hand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_in_hand_is_known),
        cmocka_unit_test(test_a_settled_job_is_known_until_its_time_has_passed),
        cmocka_unit_test(
            test_a_settled_job_that_the_outbox_shows_is_taken_since_it_will_be_claimed),
        cmocka_unit_test(test_a_full_hand_takes_nothing_but_still_knows),
        cmocka_unit_test(test_the_memory_of_settled_jobs_forgets_the_oldest_first),
        cmocka_unit_test(test_deliveries_leave_a_state_in_the_order_they_came_into_it),
        cmocka_unit_test(test_many_jobs_are_each_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
