/* The mailer's n-th allocation fails, for every n: it dies, and its successor sends what is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gatepost/fault.h"

#ifdef GATEPOST_FAULTS

#include "mailer_rig.h"

#define LETTERS 3

static struct rig rig;
static bool (*memory_of_the_mailer)(void);

static bool all_rows_are_gone(const struct rig *at)
{
    for (size_t i = 0; i < at->row_count; i++) {
        if (!at->rows[i].gone)
            return false;
    }
    return true;
}

static int status;
static bool ended;

static bool has_ended(const struct rig *at)
{
    if (!ended)
        ended = waitpid(at->mailer, &status, WNOHANG) == at->mailer;
    return ended;
}

static bool is_over(const struct rig *at)
{
    return all_rows_are_gone(at) || has_ended(at);
}

/* Only the mailer's memory fails, not this process's. */
static void start_mailer(void)
{
    ended = false;
    xalloc_fails = memory_of_the_mailer;
    rig_start(&rig);
    xalloc_fails = NULL;
}

static void bury(void)
{
    close(rig.master_end);
    close(rig.alive_end);
    seat_bury(rig.segment, SLOT_MAILER);
    seat_close(rig.segment, SLOT_MAILER, rig.heritage.generation, SEAT_CLOSED_BY_STORE);
    assert_true(seat_recycle(rig.segment, SLOT_MAILER));
}

static void open_with_letters(void)
{
    rig_open(&rig, NULL, 0);
    memory_of_the_mailer = xalloc_fails;
    xalloc_fails = NULL;
    for (int i = 0; i < LETTERS; i++) {
        struct rig_row *row = rig_job(&rig, true, 5000); /* old enough for the sweep */

        if (i > 0)
            rig_push(&rig, row);
    }
}

static void assert_all_letters_lie_there(void)
{
    for (size_t i = 0; i < rig.row_count; i++) {
        assert_true(rig_has_letter(&rig, &rig.rows[i]));
        assert_int_equal(rig.rows[i].verdict, OUTBOX_DELIVERED);
    }
}

/* Returns false when the failure did not come any more. */
static bool fails_at(uint64_t n)
{
    bool fired;

    open_with_letters();
    fault_arm("malloc", FAULT_FAIL, 1, n - 1, 1);
    start_mailer();
    assert_true(rig_serve(&rig, is_over, RIG_WAIT_MS));
    if (!ended)
        proc_send(rig.master_end, ORDER_STOP, SLOT_MAILER, 2000, -1);
    assert_true(rig_serve(&rig, has_ended, RIG_WAIT_MS));
    fired = fault_fired("malloc") > 0;
    if (fired)
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    else
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE);
    bury();
    fault_disarm_all();

    start_mailer();
    assert_true(rig_serve(&rig, rig_is_ready, RIG_WAIT_MS));
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    assert_all_letters_lie_there();
    rig_close(&rig);
    return fired;
}

static void test_without_memory_the_mailer_dies_and_no_letter_is_lost(void **state)
{
    uint64_t n = 1;

    (void)state;
    while (fails_at(n))
        n++;
    print_message("%llu allocations, each failed once\n", (unsigned long long)n - 1);
    assert_true(n > 10);
}

#else

static void test_a_release_has_no_points_to_fail_at(void **state)
{
    (void)state;
    assert_int_equal(FAULT_ERRNO("malloc"), 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef GATEPOST_FAULTS
        cmocka_unit_test(test_without_memory_the_mailer_dies_and_no_letter_is_lost),
#else
        cmocka_unit_test(test_a_release_has_no_points_to_fail_at),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
