/* A letter's header lines: folded, encoded, and never a way to smuggle in another. */
#include "lib/letter/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gatepost/encoding.h"

static void test_a_long_header_is_folded_at_its_blanks(void **state)
{
    char bytes[1024], words[700] = "";
    struct packer packer = packer_over(bytes, sizeof(bytes) - 1);
    size_t lines = 0;
    (void)state;
    for (size_t i = 0; i < 40; i++)
        snprintf(words + strlen(words), sizeof(words) - strlen(words), "word%zu  ", i);
    mime_header(&packer, "Subject", slice_of_text(words));
    assert_false(packer.overflow);
    bytes[packer.len] = '\0';
    for (const char *line = bytes; *line != '\0'; lines++) {
        size_t len = strcspn(line, "\r");
        assert_in_range(len, 1, 78);
        assert_true(lines == 0 || (line[0] == ' ' && strspn(line, " ") < len));
        line += len + 2;
    }
    assert_in_range(lines, 4, 6);
}

static bool header_is_made(struct slice value)
{
    char bytes[2048];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    mime_header(&packer, "To", value);
    return !packer.overflow;
}

static void test_a_header_value_with_a_control_character_is_refused(void **state)
{
    (void)state;
    for (int byte = 0; byte < 0x20; byte++) {
        char value[] = {'a', (char)byte, 'b'};
        assert_false(header_is_made(slice_of(value, sizeof(value))));
    }
    assert_false(header_is_made(SLICE_LITERAL("a\x7f")));
    assert_false(header_is_made(SLICE_LITERAL("a\xff")));
    assert_true(header_is_made(SLICE_LITERAL("anna@example.com")));
}

static void test_a_long_header_value_is_cut_between_characters(void **state)
{
    char bytes[2048], value[300];
    struct packer packer = packer_over(bytes, sizeof(bytes) - 1);
    (void)state;
    for (size_t i = 0; i < 100; i++)
        memcpy(value + 3 * i, "\xe4\xb8\xad", 3);
    mime_header(&packer, "Subject", slice_of(value, sizeof(value)));
    assert_false(packer.overflow);
    bytes[packer.len] = '\0';
    size_t decoded = 0;
    for (char *at = bytes; (at = strstr(at, "=?UTF-8?B?")) != NULL;) {
        uint8_t word[64];
        size_t len;
        at += strlen("=?UTF-8?B?");
        assert_true(base64_decode(slice_of(at, strcspn(at, "?")), word, sizeof(word), &len));
        assert_int_equal(len % 3, 0);
        assert_memory_equal(word, "\xe4\xb8\xad", 3);
        decoded += len;
    }
    assert_int_equal(decoded, sizeof(value));
}

/* Of one address header, or "" when it is refused. */
static const char *address_header(struct slice display_name, const char *address)
{
    static char bytes[2048];
    struct packer packer = packer_over(bytes, sizeof(bytes) - 1);
    mime_address_header(&packer, "From", display_name, slice_of_text(address));
    bytes[packer.overflow ? 0 : packer.len] = '\0';
    return bytes;
}

static void test_a_display_name_is_plain_quoted_or_encoded_as_it_needs(void **state)
{
    (void)state;
    assert_string_equal(address_header(slice_of(NULL, 0), "a@b.cd"), "From: a@b.cd\r\n");
    assert_string_equal(address_header(SLICE_LITERAL("Gate Post-1"), "a@b.cd"),
                        "From: Gate Post-1 <a@b.cd>\r\n");
    assert_string_equal(address_header(SLICE_LITERAL("x@y, \\ \"z\""), "a@b.cd"),
                        "From: \"x@y, \\\\ \\\"z\\\"\" <a@b.cd>\r\n");
    assert_string_equal(address_header(SLICE_LITERAL("\xc3\xa4"), "a@b.cd"),
                        "From: =?UTF-8?B?w6Q=?=\r\n <a@b.cd>\r\n");
    assert_string_equal(address_header(SLICE_LITERAL("a\nb"), "a@b.cd"), "");
    assert_string_equal(address_header(SLICE_LITERAL("\xc3\xa4\r"), "a@b.cd"), "");
    assert_string_equal(address_header(SLICE_LITERAL("\xff"), "a@b.cd"), "");
    assert_string_equal(address_header(SLICE_LITERAL("a"), "a@b.cd\r\nBcc: x"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_long_header_is_folded_at_its_blanks),
        cmocka_unit_test(test_a_header_value_with_a_control_character_is_refused),
        cmocka_unit_test(test_a_long_header_value_is_cut_between_characters),
        cmocka_unit_test(test_a_display_name_is_plain_quoted_or_encoded_as_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
