/* What the board tells the mailer, and what comes late to it. */
#include "mailer_rig.h"

static struct rig rig;

static bool is_gone(const struct rig *at)
{
    return at->rows[0].gone;
}

static bool was_claimed(const struct rig *at)
{
    return at->claims >= 1;
}

static void start(const char *const *overrides, size_t count)
{
    rig_open(&rig, overrides, count);
    rig_start(&rig);
    assert_true(rig_serve(&rig, rig_is_ready, RIG_WAIT_MS));
}

static void stop(void)
{
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

/* A worker that stood still after its answer: others may have seen the row meanwhile. */
static void test_a_letter_that_is_announced_late_is_claimed(void **state)
{
    static const char *const seldom[] = {"mail.sweep_s=1"};
    (void)state;
    start(seldom, 1);
    rig.claim_status = STORE_NOT_FOUND;
    struct rig_row *row = rig_job(&rig, false, 0);
    (void)rig_serve(&rig, NULL, 1100);
    rig_push(&rig, row);
    assert_true(rig_serve(&rig, was_claimed, RIG_WAIT_MS));
    (void)rig_serve(&rig, NULL, 500);
    assert_false(rig_has_letter(&rig, row));
    stop();
}

static void test_a_letter_of_before_a_stop_is_claimed(void **state)
{
    static const char *const seldom[] = {"mail.sweep_s=600"};
    (void)state;
    start(seldom, 1);
    struct rig_row *row = rig_job(&rig, true, 0);
    board_add(rig.segment, BOARD_MAIL_STOPS, 1);
    (void)rig_serve(&rig, NULL, 700); /* longer than a mailer sleeps */
    rig_push(&rig, row);
    assert_true(rig_serve(&rig, is_gone, RIG_WAIT_MS));
    assert_true(rig_has_letter(&rig, row));
    assert_int_equal(rig.claims, 1);
    stop();
}

static void test_what_waits_while_paused_and_is_taken_back_is_claimed(void **state)
{
    static const char *const seldom[] = {"mail.sweep_s=600"};
    (void)state;
    rig_open(&rig, seldom, 1);
    board_set(rig.segment, BOARD_MAIL_PAUSED, 1);
    rig_start(&rig);
    assert_true(rig_serve(&rig, rig_is_ready, RIG_WAIT_MS));
    rig.claim_status = STORE_NOT_FOUND;
    struct rig_row *row = rig_job(&rig, true, 0);
    rig_push(&rig, row);
    (void)rig_serve(&rig, NULL, 200);
    board_add(rig.segment, BOARD_MAIL_STOPS, 1);
    board_set(rig.segment, BOARD_MAIL_PAUSED, 0);
    wake_slot(rig.segment, SLOT_MAILER);
    assert_true(rig_serve(&rig, was_claimed, RIG_WAIT_MS));
    (void)rig_serve(&rig, NULL, 300);
    assert_false(rig_has_letter(&rig, row));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_letter_that_is_announced_late_is_claimed),
        cmocka_unit_test(test_a_letter_of_before_a_stop_is_claimed),
        cmocka_unit_test(test_what_waits_while_paused_and_is_taken_back_is_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
