/* What takes several bytes at a time: right at every length and in every bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

static void test_hex_is_written_at_every_length(void **state)
{
    uint8_t bytes[256];
    char text[HEX_TEXT_BYTES(sizeof(bytes))];
    char expected[HEX_TEXT_BYTES(sizeof(bytes))];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        const uint8_t *at = bytes + sizeof(bytes) - len;
        expected[0] = '\0';
        for (size_t i = 0; i < len; i++)
            snprintf(expected + 2 * i, 3, "%02x", (unsigned)at[i]);
        hex_encode(at, len, text);
        assert_string_equal(text, expected);
    }
}

static void test_hex_is_read_whole_or_not_at_all(void **state)
{
    static const char *const wrong[] = {"0", "0g", "g0", "000", " 00", "00112233"};
    uint8_t bytes[3] = {0};
    size_t len = 9;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(hex_decode(slice_of_text(wrong[i]), bytes, sizeof(bytes), &len));
    assert_int_equal(len, 9);
    assert_true(hex_decode(SLICE_LITERAL("00fFA1"), bytes, sizeof(bytes), &len));
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "\x00\xff\xa1", 3);
    assert_true(hex_decode(SLICE_LITERAL(""), bytes, 0, &len));
    assert_int_equal(len, 0);
}

static void test_one_different_bit_is_a_different_secret(void **state)
{
    uint8_t a[80];
    uint8_t b[80];

    (void)state;
    for (size_t i = 0; i < sizeof(a); i++)
        a[i] = (uint8_t)(i * 37);
    for (size_t len = 0; len <= sizeof(a); len++) {
        memcpy(b, a, sizeof(b));
        assert_true(secret_equal(a, b, len));
        for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
            b[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(secret_equal(a, b, len), bit / 8 >= len);
            b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex_is_written_at_every_length),
        cmocka_unit_test(test_hex_is_read_whole_or_not_at_all),
        cmocka_unit_test(test_one_different_bit_is_a_different_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
