/* When the trail's end is told to the log: once a day, and never before it is on disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/noting.h"

#define DAY_NS (24 * 3600 * NS_PER_S)

static void test_the_end_is_taken_down_once_a_day_and_told_when_it_is_on_disk(void **state)
{
    struct noting noting = {.noted = 5 * NS_PER_S};
    struct audit_end end = {.next = 7};

    (void)state;
    noting_look(&noting, &end, 3, 3, DAY_NS);
    assert_int_equal(noting.noted, 5 * NS_PER_S); /* not yet */
    noting_look(&noting, &end, 3, 2, DAY_NS + 5 * NS_PER_S);
    assert_true(noting.waits);
    end.next = 9;
    noting_look(&noting, &end, 5, 2, DAY_NS + 6 * NS_PER_S);
    assert_true(noting.waits);
    assert_int_equal(noting.end.next, 7); /* what came later waits for the next day */
    noting_look(&noting, &end, 5, 3, DAY_NS + 7 * NS_PER_S);
    assert_false(noting.waits);
    noting_look(&noting, &end, 5, 5, 2 * DAY_NS);
    assert_false(noting.waits);
    noting_look(&noting, &end, 5, 4, 2 * DAY_NS + 5 * NS_PER_S);
    assert_true(noting.waits);
    assert_int_equal(noting.end.next, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_is_taken_down_once_a_day_and_told_when_it_is_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
