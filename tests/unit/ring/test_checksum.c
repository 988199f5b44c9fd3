/* What the checksum of a record sees, and that it copies what it sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ring/checksum.h"

#define LONGEST 300

static uint8_t bytes[LONGEST];
static checksum_fn checksum; /* the one that is tested */

static void fill(void)
{
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 11 + 3);
}

static int plain(void **state)
{
    (void)state;
    fill();
    checksum = checksum_plain;
    return 0;
}

static int chosen(void **state)
{
    (void)state;
    fill();
    checksum = checksum_choose();
    return 0;
}

static void test_a_copy_has_the_bytes_and_the_sum_and_nothing_beyond(void **state)
{
    (void)state;
    for (size_t len = 1; len <= LONGEST; len++) {
        /* its own allocation, so that a sanitizer sees a byte too many */
        uint8_t *from = malloc(len), *to = malloc(len);
        assert_non_null(from);
        assert_non_null(to);
        memcpy(from, bytes, len);
        assert_int_equal(checksum(len, to, from, len), checksum(len, NULL, bytes, len));
        assert_memory_equal(to, bytes, len);
        free(from);
        free(to);
    }
}

static void test_every_bit_of_every_length_counts(void **state)
{
    (void)state;
    for (size_t len = 1; len <= LONGEST; len += len < 140 ? 1 : 37) {
        const uint32_t whole = checksum(8, NULL, bytes, len);
        for (size_t bit = 0; bit < len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_not_equal(checksum(8, NULL, bytes, len), whole);
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

static void test_position_and_length_count(void **state)
{
    (void)state;
    memset(bytes, 0, sizeof(bytes));
    for (size_t len = 1; len < LONGEST; len++) {
        assert_int_not_equal(checksum(0, NULL, bytes, len), checksum(0, NULL, bytes, len + 1));
        for (uint64_t position = 8; position < 4096; position += 8)
            assert_int_not_equal(checksum(0, NULL, bytes, len),
                                 checksum(position, NULL, bytes, len));
    }
}

static void test_words_in_another_order_are_another_record(void **state)
{
    (void)state;
    const uint32_t whole = checksum(8, NULL, bytes, 256);

    for (size_t i = 0; i < 256; i += 8) {
        for (size_t j = i + 8; j < 256; j += 8) {
            uint64_t a, b;
            memcpy(&a, bytes + i, 8);
            memcpy(&b, bytes + j, 8);
            memcpy(bytes + i, &b, 8);
            memcpy(bytes + j, &a, 8);
            assert_int_not_equal(checksum(8, NULL, bytes, 256), whole);
            memcpy(bytes + i, &a, 8);
            memcpy(bytes + j, &b, 8);
        }
    }
}

static void test_the_fastest_that_this_processor_has_is_chosen(void **state)
{
    (void)state;
    assert_ptr_equal(checksum_choose(), checksum_aes() ? checksum_aes() : checksum_plain);
}

#define CASES(set_up)                                                                              \
    cmocka_unit_test_setup(test_a_copy_has_the_bytes_and_the_sum_and_nothing_beyond, set_up),      \
        cmocka_unit_test_setup(test_every_bit_of_every_length_counts, set_up),                     \
        cmocka_unit_test_setup(test_position_and_length_count, set_up),                            \
        cmocka_unit_test_setup(test_words_in_another_order_are_another_record, set_up)

int main(void)
{
    const struct CMUnitTest by_multiplications[] = {CASES(plain)};
    const struct CMUnitTest tests[] = {
        CASES(chosen),
        cmocka_unit_test(test_the_fastest_that_this_processor_has_is_chosen),
    };

    return cmocka_run_group_tests(by_multiplications, NULL, NULL) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
