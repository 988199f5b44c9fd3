/* Fault points: armed from outside, they act at the hit that was asked for; in a release they are
 * nothing at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/segment.h"

static int reach(struct slice about)
{
    (void)about;
    FAULT("t.plain");
    FAULT_ON("t.about", about);
    return FAULT_ERRNO("t.fails");
}

static struct segment *make(void)
{
    struct err err = {{0}};
    struct segment *segment = segment_create(1, &err);

    assert_non_null(segment);
    return segment;
}

#ifdef GATEPOST_FAULTS

/* How a child that reaches the points once ends. */
static int status_of_child(const char *about)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(reach(slice_of_text(about)) == 0 ? 0 : 99);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_a_point_acts_at_the_hit_that_was_armed_and_so_often(void **state)
{
    struct segment *segment = make();

    (void)state;
    assert_int_equal(reach((struct slice){0}), 0);
    fault_arm("t.fails", FAULT_FAIL, ENOSPC, 2, 2);
    assert_int_equal(reach((struct slice){0}), 0);
    assert_int_equal(reach((struct slice){0}), 0);
    assert_int_equal(reach((struct slice){0}), ENOSPC);
    assert_int_equal(reach((struct slice){0}), ENOSPC);
    assert_int_equal(reach((struct slice){0}), 0);
    assert_int_equal(fault_fired("t.fails"), 2);
    fault_arm("t.fails", FAULT_FAIL, EIO, 0, 1);
    fault_disarm_all();
    assert_int_equal(reach((struct slice){0}), 0);
    segment_close(&segment);
}

static void test_a_child_dies_as_it_was_told(void **state)
{
    struct segment *segment = make();
    int status;

    (void)state;
    fault_arm("t.plain", FAULT_KILL, 0, 0, 1);
    status = status_of_child("");
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(status_of_child(""), 0); /* once: the table is shared */
    fault_arm("t.plain", FAULT_EXIT, 42, 0, 1);
    status = status_of_child("");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    segment_close(&segment);
}

static void test_without_a_segment_a_point_does_nothing(void **state)
{
    struct segment *segment = make();

    (void)state;
    fault_arm("t.fails", FAULT_FAIL, EIO, 0, 1);
    segment_close(&segment);
    assert_int_equal(reach((struct slice){0}), 0);
}

#else

static void test_a_release_has_no_points(void **state)
{
    struct segment *segment = make();

    (void)state;
    assert_int_equal(reach((struct slice){0}), 0);
    segment_close(&segment);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef GATEPOST_FAULTS
        cmocka_unit_test(test_a_point_acts_at_the_hit_that_was_armed_and_so_often),
        cmocka_unit_test(test_a_child_dies_as_it_was_told),
        cmocka_unit_test(test_without_a_segment_a_point_does_nothing),
#else
        cmocka_unit_test(test_a_release_has_no_points),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
