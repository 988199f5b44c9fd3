/* Counting the fields of a header block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "worker/hpack.h"

#define COUNT(block) hpack_count_fields(slice_of(block, sizeof(block) - 1))

static void test_the_examples_of_the_rfc_have_their_number(void **state)
{
    (void)state;
    /* RFC 7541, C.2.1 to C.2.4, C.3.1, C.4.1 */
    assert_int_equal(COUNT("\x40\x0a\x63ustom-key\x0d\x63ustom-header"), 1);
    assert_int_equal(COUNT("\x04\x0c/sample/path"), 1);
    assert_int_equal(COUNT("\x10\x08password\x06secret"), 1);
    assert_int_equal(COUNT("\x82"), 1);
    assert_int_equal(COUNT("\x82\x86\x84\x41\x0fwww.example.com"), 4);
    assert_int_equal(COUNT("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"),
                     4);
}

static void test_a_new_table_size_is_no_field(void **state)
{
    (void)state;
    assert_int_equal(COUNT("\x20\x3f\xe1\x1f\x82"), 1);
    assert_int_equal(COUNT("\x20"), 0);
}

static void test_a_byte_may_be_a_field(void **state)
{
    char block[1000];

    (void)state;
    memset(block, 0xbe, sizeof(block));
    assert_int_equal(hpack_count_fields(slice_of(block, sizeof(block))), sizeof(block));
}

static void test_long_integers_are_read_to_their_end(void **state)
{
    (void)state;
    assert_int_equal(COUNT("\xff\x80\x01\x82"), 2);
    assert_int_equal(COUNT("\x0f\x00\x01"
                           "a\x82"),
                     2);
    char block[400] = {0x00, 0x01, 'a', 0x7f, (char)0x80, 0x02}; /* a value of 383 bytes */
    block[sizeof(block) - 11] = (char)0x82;
    assert_int_equal(hpack_count_fields(slice_of(block, 6 + 383)), 1);
    assert_int_equal(hpack_count_fields(slice_of(block, 6 + 384)), 2);
}

static void test_what_is_broken_ends_the_count(void **state)
{
    (void)state;
    assert_int_equal(COUNT(""), 0);
    assert_int_equal(COUNT("\x82\x40\x05"
                           "ab"),
                     1);
    assert_int_equal(COUNT("\x82\xff"), 1);
    assert_int_equal(COUNT("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1);
    assert_int_equal(COUNT("\x82\x00"), 1);
    assert_int_equal(COUNT("\x00\x01"
                           "a\x7f\xff\xff\xff\xff\x7f"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples_of_the_rfc_have_their_number),
        cmocka_unit_test(test_a_new_table_size_is_no_field),
        cmocka_unit_test(test_a_byte_may_be_a_field),
        cmocka_unit_test(test_long_integers_are_read_to_their_end),
        cmocka_unit_test(test_what_is_broken_ends_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
