/* Seats: who may take them, who must close them, what a new tenant finds. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ring/ring_layout.h"

static struct segment *segment;

static int set_up(void **state)
{
    struct err err;

    (void)state;
    segment = segment_create(3, &err);
    return segment ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    segment_close(&segment);
    return 0;
}

static bool is_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return poll(&one, 1, 0) == 1;
}

static void test_a_seat_goes_from_free_to_live_to_dead_to_free_one_generation_up(void **state)
{
    (void)state;
    uint32_t slot;

    assert_int_equal(seat_look(segment, 1).state, SEAT_FREE);
    assert_true(seat_take_worker(segment, &slot));
    assert_int_equal(slot, 1);
    struct seat_view live = seat_look(segment, slot);
    assert_int_equal(live.state, SEAT_LIVE);
    assert_int_equal(live.generation, 1);
    assert_int_not_equal(live.incarnation, 0);
    assert_int_equal(live.roles, SEAT_WORKER);

    seat_bury(segment, slot);
    struct seat_view dead = seat_look(segment, slot);
    assert_int_equal(dead.state, SEAT_DEAD);
    assert_int_equal(dead.generation, live.generation);
    assert_int_equal(dead.incarnation, live.incarnation);
    assert_int_equal(dead.roles, SEAT_WORKER);

    seat_close(segment, slot, dead.generation, SEAT_CLOSED_BY_STORE);
    seat_close(segment, slot, dead.generation, SEAT_CLOSED_BY_MAILER);
    assert_true(seat_recycle(segment, slot));
    assert_int_equal(seat_look(segment, slot).state, SEAT_FREE);
    assert_int_equal(seat_look(segment, slot).roles, 0);
    assert_true(seat_take(segment, SEAT_ADMIN, &slot));
    assert_int_equal(slot, 1);
    assert_int_equal(seat_look(segment, slot).roles, SEAT_ADMIN);
    assert_int_equal(seat_look(segment, slot).generation, 2);
    assert_int_not_equal(seat_look(segment, slot).incarnation, live.incarnation);
}

static void test_a_seat_is_recycled_only_after_store_and_mailer_closed_this_generation(void **state)
{
    (void)state;
    uint32_t slot;

    assert_true(seat_take_worker(segment, &slot));
    assert_false(seat_recycle(segment, slot)); /* alive */
    seat_close(segment, slot, 1, SEAT_CLOSED_BY_STORE);
    seat_close(segment, slot, 1, SEAT_CLOSED_BY_MAILER);
    assert_false(seat_recycle(segment, slot)); /* closed, but alive */
    seat_bury(segment, slot);
    assert_true(seat_recycle(segment, slot));

    assert_true(seat_take_worker(segment, &slot));
    seat_bury(segment, slot);
    assert_false(seat_recycle(segment, slot)); /* what was closed was the last generation */
    seat_close(segment, slot, 2, SEAT_CLOSED_BY_MAILER);
    assert_false(seat_recycle(segment, slot));
    seat_close(segment, slot, 2, SEAT_CLOSED_BY_STORE);
    assert_true(seat_recycle(segment, slot));
    assert_false(seat_recycle(segment, slot)); /* free */
}

static void test_the_mailers_seat_needs_the_stores_closing_only(void **state)
{
    (void)state;
    assert_true(seat_take_mailer(segment));
    assert_false(seat_take_mailer(segment));
    seat_bury(segment, SLOT_MAILER);
    assert_false(seat_take_mailer(segment));
    assert_false(seat_recycle(segment, SLOT_MAILER));
    seat_close(segment, SLOT_MAILER, 1, SEAT_CLOSED_BY_STORE);
    assert_true(seat_recycle(segment, SLOT_MAILER));
    assert_true(seat_take_mailer(segment));
}

static void test_there_are_as_many_worker_seats_as_were_ordered(void **state)
{
    (void)state;
    uint32_t slot = 0;

    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(seat_take_worker(segment, &slot));
        assert_int_equal(slot, i);
    }
    slot = 77;
    assert_false(seat_take_worker(segment, &slot));
    assert_int_equal(slot, 77);
}

static void test_a_recycled_seat_has_empty_lanes_that_work(void **state)
{
    (void)state;
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    uint32_t slot;
    size_t len;

    assert_true(seat_take_worker(segment, &slot));
    struct lane stale = lane_open(segment, slot, LANE_ASK);
    struct lane_shared *mail = segment_lane(segment, slot, LANE_MAIL);
    while (lane_push(&stale, record, 999))
        continue;
    atomic_store(&mail->tail, UINT64_MAX - 2); /* the tenant had gone mad */
    assert_int_equal(lane_take(&stale, record, &len), LANE_RECORD);
    seat_bury(segment, slot);
    seat_close(segment, slot, 1, SEAT_CLOSED_BY_STORE);
    seat_close(segment, slot, 1, SEAT_CLOSED_BY_MAILER);
    assert_true(seat_recycle(segment, slot));

    for (enum lane_kind kind = LANE_MAIL; kind < LANE_KINDS; kind++) {
        struct lane lane = lane_open(segment, slot, kind);
        assert_int_equal(lane_take(&lane, record, &len), LANE_EMPTY);
        assert_true(lane_push(&lane, "new", 3));
        assert_int_equal(lane_take(&lane, record, &len), LANE_RECORD);
        assert_memory_equal(record, "new", 3);
    }
    assert_int_not_equal(lane_take(&stale, record, &len), LANE_RECORD);
}

static void test_burying_wakes_store_and_mailer_and_closing_wakes_the_master(void **state)
{
    (void)state;
    uint32_t slot;

    assert_true(seat_take_worker(segment, &slot));
    for (uint32_t i = 0; i < segment_slots(segment); i++)
        wake_prepare(segment, i);
    seat_bury(segment, slot);
    assert_true(is_readable(wake_fd(segment, SLOT_MAILER)));
    assert_true(is_readable(wake_fd(segment, segment_store_slot(segment))));
    assert_false(is_readable(wake_fd(segment, segment_master_slot(segment))));
    seat_close(segment, slot, 1, SEAT_CLOSED_BY_STORE);
    assert_true(is_readable(wake_fd(segment, segment_master_slot(segment))));
    assert_false(is_readable(wake_fd(segment, slot)));
}

static void test_a_mad_process_that_writes_over_a_seat_confuses_no_master(void **state)
{
    (void)state;
    uint32_t slot;

    assert_true(seat_take_worker(segment, &slot));
    atomic_store(&segment->slot[slot].seat.tenancy, UINT64_MAX);
    assert_int_equal(seat_look(segment, slot).state, SEAT_FREE);
    atomic_store(&segment->slot[slot].seat.tenancy, 1ULL << 2 | SEAT_FREE);
    assert_true(seat_take_worker(segment, &slot));
    assert_int_equal(slot, 2);
    seat_bury(segment, 1);
    assert_int_equal(seat_look(segment, 1).state, SEAT_DEAD);
    assert_int_equal(seat_look(segment, 1).generation, 1);
}

static void test_a_new_tenant_starts_in_the_starting_phase(void **state)
{
    (void)state;
    enum life_phase phase;
    uint32_t slot;

    life_enter(segment, 1, LIFE_DRAINING);
    assert_true(seat_take_worker(segment, &slot));
    assert_int_equal(slot, 1);
    life_read(segment, 1, &phase);
    assert_int_equal(phase, LIFE_STARTING);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_seat_goes_from_free_to_live_to_dead_to_free_one_generation_up),
        CASE(test_a_seat_is_recycled_only_after_store_and_mailer_closed_this_generation),
        CASE(test_the_mailers_seat_needs_the_stores_closing_only),
        CASE(test_there_are_as_many_worker_seats_as_were_ordered),
        CASE(test_a_recycled_seat_has_empty_lanes_that_work),
        CASE(test_burying_wakes_store_and_mailer_and_closing_wakes_the_master),
        CASE(test_a_mad_process_that_writes_over_a_seat_confuses_no_master),
        CASE(test_a_new_tenant_starts_in_the_starting_phase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
