/* The whole process: which jobs become letters, how often, and what it says to whom. */
#include "mailer_rig.h"

static struct rig rig;

static bool all_rows_are_gone(const struct rig *at)
{
    for (size_t i = 0; i < at->row_count; i++) {
        if (!at->rows[i].gone)
            return false;
    }
    return true;
}

static bool was_settled_once(const struct rig *at)
{
    return at->settles >= 1;
}

static void start_ready(const char *const *overrides, size_t count)
{
    rig_open(&rig, overrides, count);
    rig_start(&rig);
    assert_true(rig_serve(&rig, rig_is_ready, RIG_WAIT_MS));
}

static void test_a_job_from_a_lane_becomes_a_letter_and_its_row_goes(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    struct rig_row *row = rig_job(&rig, true, 0);
    rig_push(&rig, row);
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_int_equal(row->verdict, OUTBOX_DELIVERED);
    assert_true(rig_has_letter(&rig, row));
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_job_seen_twice_is_settled_once(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    struct rig_row *row = rig_job(&rig, true, 0);
    rig_push(&rig, row);
    rig_push(&rig, row);
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    rig_push(&rig, row);
    row->gone = false; /* an old page of the outbox would still show it */
    rig.sweeps = 0;
    (void)rig_serve(&rig, NULL, 2500);
    assert_true(rig.sweeps > 0);
    assert_int_equal(rig.settles, 1);
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_start_sends_what_the_outbox_holds_and_not_what_lanes_show(void **state)
{
    (void)state;
    rig_open(&rig, NULL, 0);
    struct rig_row *pending = rig_job(&rig, true, 0);
    struct rig_row *settled = rig_job(&rig, false, 0); /* by a predecessor: no row */
    struct rig_row *late = rig_job(&rig, false, 0);    /* pushed after the start */
    rig_push(&rig, pending);
    rig_push(&rig, settled);
    rig_start(&rig);
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    rig_push(&rig, late);
    (void)rig_serve(&rig, NULL, 1500);
    assert_true(rig_has_letter(&rig, pending));
    assert_false(rig_has_letter(&rig, settled));
    assert_false(rig_has_letter(&rig, late));
    assert_int_equal(rig.settles, 1);
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_row_that_no_lane_announced_is_found(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    struct rig_row *row = rig_job(&rig, true, 0);
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_true(rig_has_letter(&rig, row));
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_an_order_to_sweep_finds_young_rows_at_once(void **state)
{
    static const char *const seldom[] = {"mail.sweep_s=600"};
    (void)state;
    start_ready(seldom, 1);
    struct rig_row *row = rig_job(&rig, true, 0);
    (void)rig_serve(&rig, NULL, 700);
    assert_false(rig_has_letter(&rig, row));
    proc_send(rig.master_end, ORDER_SWEEP, SLOT_MAILER, 0, -1);
    assert_true(rig_serve(&rig, all_rows_are_gone, 2000));
    assert_true(rig_has_letter(&rig, row));
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_dead_workers_lane_is_emptied_and_its_seat_closed(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    struct rig_row *row = rig_job(&rig, true, 0);
    uint64_t generation = seat_look(rig.segment, rig.worker_slot).generation;
    rig_push(&rig, row);
    seat_bury(rig.segment, rig.worker_slot);
    seat_close(rig.segment, rig.worker_slot, generation, SEAT_CLOSED_BY_STORE);
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_true(rig_has_letter(&rig, row));
    for (int i = 0; i < 1000 && !seat_recycle(rig.segment, rig.worker_slot); i++)
        (void)rig_serve(&rig, NULL, 5);
    assert_int_equal(seat_look(rig.segment, rig.worker_slot).state, SEAT_FREE);
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static size_t broken_reports(void)
{
    struct proc_message message;
    bool gone = false;
    size_t count = 0;
    while (proc_receive_from_child(rig.master_end, &message, &gone)) {
        if (message.kind == MESSAGE_SEAT_BROKEN) {
            assert_int_equal(message.slot, rig.worker_slot);
            count++;
        }
    }
    return count;
}

static void test_nonsense_in_a_lane_is_reported_once_and_makes_no_letter(void **state)
{
    uint8_t noise[300];
    (void)state;
    start_ready(NULL, 0);
    for (size_t i = 1; i < sizeof(noise); i++) {
        random_bytes(noise, sizeof(noise));
        assert_true(lane_push(&rig.mail, noise, i));
    }
    (void)rig_serve(&rig, NULL, 1000);
    assert_int_equal(broken_reports(), 1);
    assert_int_equal(rig.settles, 0);
    struct rig_row *row = rig_job(&rig, true, 5000); /* the outbox goes on being served */
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_true(rig_has_letter(&rig, row));
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_row_that_is_no_job_is_refused_and_not_dropped_silently(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    struct rig_row *row = rig_job(&rig, true, 5000);
    row->job[UUID_BYTES] = 77; /* a purpose that does not exist */
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_int_equal(row->verdict, OUTBOX_REFUSED);
    assert_string_equal(row->reply, "the job cannot be read");
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_letter_whose_link_has_expired_and_gets_no_other_is_refused(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    struct rig_row *row = rig_job(&rig, true, 86400000);
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_int_equal(row->verdict, OUTBOX_REFUSED);
    assert_string_equal(row->reply, "expired");
    assert_false(rig_has_letter(&rig, row));
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_letter_whose_link_has_expired_goes_with_the_new_one(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    rig.renews = true;
    struct rig_row *row = rig_job(&rig, true, 86400000);
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_int_equal(row->verdict, OUTBOX_DELIVERED);
    assert_true(rig_has_letter(&rig, row));
    assert_int_equal(rig.claims, 1);
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_fresh_letter_from_a_lane_goes_without_a_claim(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    struct rig_row *row = rig_job(&rig, true, 0);
    rig_push(&rig, row);
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_true(rig_has_letter(&rig, row));
    assert_int_equal(rig.claims, 0);
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static bool was_claimed(const struct rig *at)
{
    return at->claims >= 2;
}

static void test_a_letter_that_is_not_wanted_any_more_is_dropped(void **state)
{
    static const enum store_status ends[] = {STORE_SPENT, STORE_NOT_FOUND};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        start_ready(NULL, 0);
        rig.claim_status = ends[i];
        struct rig_row *row = rig_job(&rig, true, 5000);
        assert_true(rig_serve(&rig, was_claimed, RIG_WAIT_MS)); /* the rig's row stays: again */
        assert_false(rig_has_letter(&rig, row));
        assert_int_equal(rig.settles, 0);
        assert_int_equal(rig_stop(&rig), EXIT_DONE);
        rig_close(&rig);
    }
}

static void test_a_claim_is_asked_again_of_a_busy_store(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    rig.claim_status = STORE_BUSY;
    struct rig_row *row = rig_job(&rig, true, 5000);
    assert_true(rig_serve(&rig, was_claimed, RIG_WAIT_MS));
    assert_false(rig_has_letter(&rig, row));
    assert_true(rig.claims < 10); /* not in a loop without a wait */
    rig.claim_status = STORE_OK;
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_true(rig_has_letter(&rig, row));
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_busy_store_is_asked_until_it_has_settled(void **state)
{
    (void)state;
    start_ready(NULL, 0);
    rig.settle_status = STORE_BUSY;
    struct rig_row *row = rig_job(&rig, true, 0);
    rig_push(&rig, row);
    assert_true(rig_serve(&rig, was_settled_once, RIG_WAIT_MS));
    assert_true(rig_has_letter(&rig, row));
    rig.settle_status = STORE_OK;
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_int_equal(rig.settles, 2);
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_store_that_settles_nothing_stops_the_mailer_soon(void **state)
{
    enum { BOUND = 32 * 16 + 32, JOBS = 700 };
    (void)state;
    start_ready(NULL, 0);
    rig.mute = true;
    for (size_t i = 0; i < JOBS; i++)
        rig_push(&rig, rig_job(&rig, false, 0));
    (void)rig_serve(&rig, NULL, 1500);
    assert_true(rig.settles > 0);
    assert_true(rig.settles <= BOUND);
    size_t letters = 0;
    for (size_t i = 0; i < JOBS; i++)
        letters += rig_has_letter(&rig, &rig.rows[i]);
    assert_true(letters <= BOUND);
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_without_a_relay_letters_wait_and_nothing_is_settled(void **state)
{
    static const char *const nowhere[] = {"smtp.host=127.0.0.1", "smtp.port=1", "smtp.tls=none"};
    (void)state;
    start_ready(nowhere, 3);
    struct rig_row *row = rig_job(&rig, true, 0);
    rig_push(&rig, row);
    (void)rig_serve(&rig, NULL, 1500);
    assert_int_equal(rig.settles, 0);
    assert_false(row->gone);
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

static void test_a_master_that_is_gone_ends_the_mailer_within_a_second(void **state)
{
    int status = 0;
    (void)state;
    start_ready(NULL, 0);
    close(rig.alive_end);
    for (int i = 0; i < 1000 && waitpid(rig.mailer, &status, WNOHANG) == 0; i++)
        usleep(1000);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_ORPHANED);
    close(rig.master_end);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_from_a_lane_becomes_a_letter_and_its_row_goes),
        cmocka_unit_test(test_a_job_seen_twice_is_settled_once),
        cmocka_unit_test(test_a_start_sends_what_the_outbox_holds_and_not_what_lanes_show),
        cmocka_unit_test(test_a_row_that_no_lane_announced_is_found),
        cmocka_unit_test(test_an_order_to_sweep_finds_young_rows_at_once),
        cmocka_unit_test(test_a_dead_workers_lane_is_emptied_and_its_seat_closed),
        cmocka_unit_test(test_nonsense_in_a_lane_is_reported_once_and_makes_no_letter),
        cmocka_unit_test(test_a_row_that_is_no_job_is_refused_and_not_dropped_silently),
        cmocka_unit_test(test_a_letter_whose_link_has_expired_and_gets_no_other_is_refused),
        cmocka_unit_test(test_a_letter_whose_link_has_expired_goes_with_the_new_one),
        cmocka_unit_test(test_a_fresh_letter_from_a_lane_goes_without_a_claim),
        cmocka_unit_test(test_a_letter_that_is_not_wanted_any_more_is_dropped),
        cmocka_unit_test(test_a_claim_is_asked_again_of_a_busy_store),
        cmocka_unit_test(test_a_busy_store_is_asked_until_it_has_settled),
        cmocka_unit_test(test_a_store_that_settles_nothing_stops_the_mailer_soon),
        cmocka_unit_test(test_without_a_relay_letters_wait_and_nothing_is_settled),
        cmocka_unit_test(test_a_master_that_is_gone_ends_the_mailer_within_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
