/* Lines, fields, parts and encodings of messages that make little sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailer/mime_read.h"

static void test_fields_are_unfolded_and_lines_that_are_none_are_skipped(void **state)
{
    struct slice block = SLICE_LITERAL("From x\r\nSubject : a\r\n\t b\r\nno field\n: empty\n"
                                       "na me: x\nTO:\n\nbody: no");
    struct mime_field field;

    (void)state;
    assert_true(mime_take_field(&block, &field));
    assert_string_equal(field.name, "subject");
    assert_string_equal(field.value, "a  b");
    assert_true(mime_take_field(&block, &field));
    assert_string_equal(field.name, "to");
    assert_string_equal(field.value, "");
    assert_false(mime_take_field(&block, &field));
    assert_true(slice_equal(block, SLICE_LITERAL("body: no")));
}

static void test_a_field_that_is_too_long_is_cut(void **state)
{
    char text[9000];
    struct mime_field field;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + 60, ": ", 2);
    struct slice block = slice_of(text, sizeof(text));
    assert_true(mime_take_field(&block, &field));
    assert_int_equal(strlen(field.name), sizeof(field.name) - 1);
    assert_int_equal(strlen(field.value), MIME_VALUE_MAX_BYTES - 2); /* the blank in front */
    assert_int_equal(block.len, 0);
}

static void take_type(struct mime_heading *heading, const char *value)
{
    struct mime_field field = {.name = "content-type"};

    mime_heading_init(heading);
    snprintf(field.value, sizeof(field.value), "%s", value);
    mime_heading_take(heading, &field);
}

static void test_types_and_their_boundaries(void **state)
{
    static const struct {
        const char *value, *type, *boundary;
    } cases[] = {
        {"Multipart/Report; boundary=b", "multipart/report", "b"},
        {"multipart/mixed; x=\"; boundary=no\"; Boundary = \"a\\\"b c\"; y=z", "multipart/mixed",
         "a\"b c"},
        {"multipart/mixed; boundaryx=a; boundary=b", "multipart/mixed", "b"},
        {"multipart/mixed; boundary=\"unclosed", "multipart/mixed", "unclosed"},
        {"multipart/mixed; boundary=", "multipart/mixed", ""},
        {"multipart/mixed", "multipart/mixed", ""},
        {"text/plain; boundary=b", "text/plain", ""},
        {"", "text/plain", ""},
    };
    struct mime_heading heading;
    char long_one[200] = "multipart/mixed; boundary=";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        take_type(&heading, cases[i].value);
        assert_string_equal(heading.type, cases[i].type);
        assert_string_equal(heading.boundary, cases[i].boundary);
    }
    memset(long_one + 26, 'b', MIME_BOUNDARY_MAX_BYTES);
    take_type(&heading, long_one);
    assert_int_equal(strlen(heading.boundary), MIME_BOUNDARY_MAX_BYTES);
    long_one[26 + MIME_BOUNDARY_MAX_BYTES] = 'b';
    take_type(&heading, long_one);
    assert_string_equal(heading.boundary, "");
}

static void write_leaf(void *context, const struct mime_heading *heading, struct slice body)
{
    char *text = context;
    size_t len = strlen(text);

    snprintf(text + len, 512 - len, "[%s|%.*s]", heading->type, (int)body.len, body.at);
}

static const char *leaves(const char *boundary, const char *body)
{
    static char text[512];
    struct mime_heading heading;

    text[0] = '\0';
    mime_heading_init(&heading);
    snprintf(heading.boundary, sizeof(heading.boundary), "%s", boundary);
    mime_walk(&heading, slice_of_text(body), write_leaf, text);
    return text;
}

static void test_leaves_come_in_order_and_boundaries_end_what_is_inside(void **state)
{
    (void)state;
    assert_string_equal(leaves("", "x"), "[text/plain|x]");
    assert_string_equal(leaves("b", ""), "");
    assert_string_equal(leaves("b", "no part\n"), "");
    assert_string_equal(
        leaves("b", "pre\n--b\n\none\n--b \nContent-Type: A/B\n\ntwo\n--b--\npost\n--b\n\nno"),
        "[text/plain|one\n][a/b|two\n]");
    assert_string_equal(leaves("b", "--b\nContent-Type: a/b\n--b\n\nx\n--bc\n--b-\n"),
                        "[a/b|][text/plain|x\n--bc\n--b-\n]");
    /* The inner one is never closed. */
    assert_string_equal(
        leaves("b", "--b\nContent-Type: multipart/x; boundary=c\n\n--c\n\none\n--b\n\ntwo"),
        "[text/plain|one\n][text/plain|two]");
    /* The inner boundary behind the inner end is text of nobody. */
    assert_string_equal(
        leaves("b", "--b\nContent-Type: multipart/x; boundary=c\n\n--c--\n--c\n\nx\n--b--\n"), "");
}

static void test_depth_and_parts_are_bounded(void **state)
{
    char text[4096] = "";
    size_t len = 0, count = 0;

    (void)state;
    for (int i = 0; i < 6; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "--%d\nContent-Type: multipart/x; boundary=%d\n\n", i, i + 1);
    /* The fifth one is a leaf. */
    assert_non_null(strstr(leaves("0", text), "[multipart/x|--4\n"));
    len = 0;
    for (int i = 0; i < 200; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "--b\n\n.\n");
    const char *found = leaves("b", text);
    for (const char *at = found; *at != '\0'; at++)
        count += *at == '.';
    assert_in_range(count, 1, MIME_PARTS_MAX);
}

static const char *decode(enum mime_encoding encoding, const char *text)
{
    static char out[256];
    char *scratch = xcalloc(1, strlen(text) + 1);
    struct slice got = mime_decode(encoding, slice_of_text(text), scratch);

    snprintf(out, sizeof(out), "%.*s", (int)got.len, got.at);
    free(scratch);
    return out;
}

static void test_encodings_are_read_as_far_as_they_go(void **state)
{
    (void)state;
    assert_string_equal(decode(MIME_PLAIN, "a=41"), "a=41");
    assert_string_equal(decode(MIME_QUOTED, "a=41=\r\nb=\nc=4x=="), "aAbc=4x==");
    assert_string_equal(decode(MIME_QUOTED, "="), "=");
    assert_string_equal(decode(MIME_BASE64, "YW5u\r\nYQ==YW5u"), "anna");
    assert_string_equal(decode(MIME_BASE64, "Y!W 5uYQ"), "anna");
    assert_string_equal(decode(MIME_BASE64, "Y"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_unfolded_and_lines_that_are_none_are_skipped),
        cmocka_unit_test(test_a_field_that_is_too_long_is_cut),
        cmocka_unit_test(test_types_and_their_boundaries),
        cmocka_unit_test(test_leaves_come_in_order_and_boundaries_end_what_is_inside),
        cmocka_unit_test(test_depth_and_parts_are_bounded),
        cmocka_unit_test(test_encodings_are_read_as_far_as_they_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
