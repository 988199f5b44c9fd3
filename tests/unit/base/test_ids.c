/* Ids in the order in which they were drawn, finer than the millisecond that they begin with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gatepost/uuid.h"

#define DRAWN 2000

static void wait_us(uint64_t us)
{
    const mono_ns until = clock_mono_ns() + us * 1000;

    while (clock_mono_ns() < until)
        continue;
}

/* Whoever loses the processor between clock and id draws the rest at random: few of many. */
static void test_ids_of_one_millisecond_are_in_the_order_of_their_drawing(void **state)
{
    struct uuid last = uuid_new(clock_wall_ms());
    int in_order = 0;

    (void)state;
    for (int i = 0; i < DRAWN; i++) {
        struct uuid next;

        wait_us(1); /* four steps of the fraction */
        next = uuid_new(clock_wall_ms());
        in_order += memcmp(last.bytes, next.bytes, UUID_BYTES) < 0;
        last = next;
    }
    assert_in_range(in_order, DRAWN * 8 / 10, DRAWN);
}

static void test_an_id_of_another_time_is_drawn_at_random(void **state)
{
    const wall_ms then = 1000;
    bool differs = false;

    (void)state;
    for (int i = 0; i < 100; i++) {
        const struct uuid a = uuid_new(then), b = uuid_new(then);

        assert_memory_equal(a.bytes, b.bytes, 6);
        assert_memory_not_equal(a.bytes + 8, b.bytes + 8, 8);
        differs |= memcmp(a.bytes + 6, b.bytes + 6, 2) != 0;
    }
    assert_true(differs);
}

static void test_a_fraction_is_of_the_millisecond_that_is_now(void **state)
{
    uint32_t fraction = UINT32_MAX;

    (void)state;
    assert_false(clock_wall_fraction(1000, &fraction));
    assert_int_equal(fraction, UINT32_MAX);
    for (int tries = 0; !clock_wall_fraction(clock_wall_ms(), &fraction); tries++)
        assert_true(tries < 1000);
    assert_in_range(fraction, 0, 4095);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_of_one_millisecond_are_in_the_order_of_their_drawing),
        cmocka_unit_test(test_an_id_of_another_time_is_drawn_at_random),
        cmocka_unit_test(test_a_fraction_is_of_the_millisecond_that_is_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
