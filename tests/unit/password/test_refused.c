/* The list of refused passwords, the spelling that is hashed, and likeness to a name. */
#include "gatepost/password_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/gatepost-refused-XXXXXX";

static void write_file(const char *bytes, size_t len)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static struct password_list *list_of(const char *bytes, size_t len, size_t skipped_expected)
{
    struct err err = {""};
    size_t skipped;

    write_file(bytes, len);
    struct password_list *list = password_list_new(false, path, &skipped, &err);
    if (list == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(skipped, skipped_expected);
    return list;
}

static bool has(const struct password_list *list, const char *password)
{
    char prepared[PASSWORD_MAX_BYTES];
    size_t len;

    assert_true(password_prepare(slice_of_text(password), prepared, &len));
    return password_list_has(list, slice_of(prepared, len));
}

static void test_the_built_in_list_has_the_common_ones_and_not_the_readmes(void **state)
{
    (void)state;
    struct err err;
    size_t skipped;
    struct password_list *list = password_list_new(true, "", &skipped, &err);

    assert_non_null(list);
    assert_int_equal(password_list_count(list), 8479);
    assert_true(has(list, "password"));
    assert_true(has(list, "PassWord"));
    assert_true(has(list, " password1\t"));
    assert_true(has(list, "trustno1"));
    assert_false(has(list, "testpass123"));
    assert_false(has(list, "securepassword123"));
    assert_false(has(list, ""));
    assert_false(has(list, "pass word"));
    password_list_free(&list);
    assert_null(list);
    assert_false(password_list_has(NULL, SLICE_LITERAL("password")));
}

static void test_a_file_is_read_line_by_line_whatever_ends_a_line(void **state)
{
    (void)state;
    static const char text[] =
        "alpha-beta\r\n\n  gamma delta \nSTRASSE\u00dcber\ne\u0301clair-long\nlast";
    struct password_list *list = list_of(text, sizeof(text) - 1, 0);

    assert_int_equal(password_list_count(list), 5);
    assert_true(has(list, "Alpha-Beta"));
    assert_true(has(list, "gamma delta"));
    assert_true(has(list, "gamma\u00a0delta"));
    assert_true(has(list, "stra\u00dfe\u00fcBER")); /* folded, not only lower-cased */
    assert_true(has(list, "\u00c9CLAIR-LONG"));     /* and in one normal form */
    assert_true(has(list, "last"));
    assert_false(has(list, "alpha-beta\r\n\ngamma"));
    assert_false(has(list, "alpha"));
    password_list_free(&list);
}

static void test_lines_that_are_no_passwords_are_counted_and_leave_the_rest(void **state)
{
    (void)state;
    char *text = xcalloc(1, 10000);
    size_t len = 0;

    len += (size_t)snprintf(text, 100, "first-one\nlatin1-\xe9\xe8\n");
    memset(text + len, 'x', 3000);
    len += 3000;
    len += (size_t)snprintf(text + len, 100, "\nnul");
    text[len++] = '\0';
    len += (size_t)snprintf(text + len, 100, "here\nlast-one\n");
    struct password_list *list = list_of(text, len, 2);
    assert_int_equal(password_list_count(list), 3);
    assert_true(has(list, "first-one") && has(list, "last-one"));
    assert_true(password_list_has(list, SLICE_LITERAL("nul\0here")));
    password_list_free(&list);
    free(text);
}

static void test_a_hundred_thousand_lines_are_all_found_and_no_others(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    struct err err;
    size_t skipped;
    char word[32];

    assert_non_null(file);
    for (unsigned i = 0; i < 100000; i++)
        assert_true(fprintf(file, "Word-%u\n", i * 2) > 0);
    assert_int_equal(fclose(file), 0);
    struct password_list *list = password_list_new(true, path, &skipped, &err);
    assert_non_null(list);
    assert_int_equal(password_list_count(list), 108479);
    for (unsigned i = 0; i < 200000; i++) {
        (void)snprintf(word, sizeof(word), "wORD-%u", i);
        assert_int_equal(password_list_has(list, slice_of_text(word)), i % 2 == 0);
    }
    password_list_free(&list);
}

static void test_a_file_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    struct err err;
    size_t skipped;

    assert_null(password_list_new(true, "/nonexistent/list", &skipped, &err));
    assert_non_null(strstr(err.text, "/nonexistent/list"));
    assert_null(password_list_new(true, "/tmp", &skipped, &err));
    assert_non_null(strstr(err.text, "regular file"));
}

static void expect_prepared(const char *typed, const char *expected)
{
    char text[PASSWORD_MAX_BYTES];
    size_t len;

    assert_true(password_prepare(slice_of_text(typed), text, &len));
    if (!slice_equal(slice_of(text, len), slice_of_text(expected)))
        fail_msg("%s became %.*s", typed, (int)len, text);
}

static void test_one_spelling_is_hashed(void **state)
{
    (void)state;
    expect_prepared("", "");
    expect_prepared(" plain ASCII\t~", " plain ASCII\t~");
    expect_prepared("e\u0301te\u0301", "\u00e9t\u00e9");
    expect_prepared("\u00e9t\u00e9", "\u00e9t\u00e9");
    expect_prepared("\u1112\u1161\u11ab", "\ud55c"); /* Hangul in jamo */
    expect_prepared("a\u00a0b\u3000c\u2003d", "a b c d");
    expect_prepared("a\u0323\u0307", "\u1ea1\u0307");
    expect_prepared("\u212b", "\u00c5");             /* canonical: the Angstrom sign */
    expect_prepared("\ufb01\u00b2", "\ufb01\u00b2"); /* compatibility forms stay: NFC */
    expect_prepared("a\u200bb", "a\u200bb");
}

static void test_what_grows_too_long_has_no_prepared_spelling(void **state)
{
    (void)state;
    char text[PASSWORD_MAX_BYTES + 1];
    char prepared[PASSWORD_MAX_BYTES];
    size_t len = 12345;

    for (size_t i = 0; i + 3 <= PASSWORD_MAX_BYTES; i += 3)
        memcpy(text + i, "\ufb2c", 3); /* decomposes into three letters, and NFC leaves them so */
    assert_false(password_prepare(slice_of(text, 1023), prepared, &len));
    assert_int_equal(len, 12345);
    assert_true(password_prepare(slice_of(text, 300), prepared, &len));
    assert_int_equal(len, 600);
    memset(text, 'a', sizeof(text));
    assert_true(password_prepare(slice_of(text, PASSWORD_MAX_BYTES), prepared, &len));
    assert_false(password_prepare(slice_of(text, PASSWORD_MAX_BYTES + 1), prepared, &len));
}

static bool alike(const char *password, const char *attribute)
{
    return password_resembles(slice_of_text(password), attribute);
}

/* More, against Django itself: tests/system/test_27_password_policy.py. */
static void test_likeness_is_seventy_percent_of_the_letters(void **state)
{
    (void)state;
    assert_true(alike("alexandra", "alexandra"));
    assert_true(alike("ALEXANDRA1", "alexandra"));
    assert_true(alike("ardnaxela", "alexandra"));
    assert_true(alike("alexandra", "Alexandra.Smith@example.com"));
    assert_true(alike("example1", "alexandra@example.com"));
    assert_true(alike("\u00c9l\u00e9onore", "\u00e9l\u00e9onore7"));
    assert_true(alike("abcdefgxyz", "abcdefg123"));  /* 14 of 20 */
    assert_false(alike("abcdefxyzw", "abcdef1234")); /* 12 of 20 */
    assert_false(alike("testpass123", "testuser"));
    assert_false(alike("securepassword123", "a"));
    assert_false(alike("", "a"));
    assert_false(alike("a", ""));
    assert_false(alike("a", "@"));
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_built_in_list_has_the_common_ones_and_not_the_readmes),
        cmocka_unit_test(test_a_file_is_read_line_by_line_whatever_ends_a_line),
        cmocka_unit_test(test_lines_that_are_no_passwords_are_counted_and_leave_the_rest),
        cmocka_unit_test(test_a_hundred_thousand_lines_are_all_found_and_no_others),
        cmocka_unit_test(test_a_file_that_cannot_be_read_is_told),
        cmocka_unit_test(test_one_spelling_is_hashed),
        cmocka_unit_test(test_what_grows_too_long_has_no_prepared_spelling),
        cmocka_unit_test(test_likeness_is_seventy_percent_of_the_letters),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
