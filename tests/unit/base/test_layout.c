/* The number that two binaries compare: every part counts, and its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gatepost/layout.h"

static uint64_t two(const char *one, const char *other)
{
    return layout_fold_text(layout_fold_text(LAYOUT_BEGIN, one), other);
}

static void test_every_part_and_its_place_count(void **state)
{
    (void)state;
    assert_true(two("u8 seat", "u16 slot") == two("u8 seat", "u16 slot"));
    assert_true(two("u8 seat", "u16 slot") != two("u16 slot", "u8 seat"));
    assert_true(two("ab", "c") != two("a", "bc"));
    assert_true(layout_fold(LAYOUT_BEGIN, 1) != layout_fold(LAYOUT_BEGIN, 1ULL << 56));
    assert_true(layout_fold(LAYOUT_BEGIN, 0) != LAYOUT_BEGIN);
    assert_true(layout_fold_text(LAYOUT_BEGIN, "") != LAYOUT_BEGIN);
}

/* FNV-1a's own values, so that a binary of tomorrow agrees with one of today. */
static void test_the_sum_is_fnv_1a(void **state)
{
    (void)state;
    assert_true(layout_fold_text(LAYOUT_BEGIN, "") == 0xaf63bd4c8601b7dfULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_part_and_its_place_count),
        cmocka_unit_test(test_the_sum_is_fnv_1a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
