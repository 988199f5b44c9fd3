/* The alphabet is Python's, point by point; look-alikes share a key; strangers do not.
 *
 * vectors.inc comes from Python itself (make_vectors.py). */
#include "gatepost/username.h"

#include "gatepost/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct folding {
    uint32_t point;
    const char *normal; /* NFKC; NULL: refused, since NFKC holds what the alphabet has not */
    const char *key;
};

#include "vectors.inc"

static size_t encode(uint32_t point, char text_out[5])
{
    unsigned char *at = (unsigned char *)text_out;
    size_t len = 0;

    if (point < 0x80) {
        at[len++] = (unsigned char)point;
    } else if (point < 0x800) {
        at[len++] = (unsigned char)(0xC0 | point >> 6);
        at[len++] = (unsigned char)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        at[len++] = (unsigned char)(0xE0 | point >> 12);
        at[len++] = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        at[len++] = (unsigned char)(0x80 | (point & 0x3F));
    } else {
        at[len++] = (unsigned char)(0xF0 | point >> 18);
        at[len++] = (unsigned char)(0x80 | (point >> 12 & 0x3F));
        at[len++] = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        at[len++] = (unsigned char)(0x80 | (point & 0x3F));
    }
    at[len] = 0;
    return len;
}

static bool is_python_invisible(uint32_t point)
{
    for (size_t i = 0; i < ARRAY_LEN(python_invisible); i++) {
        if (python_invisible[i] == point)
            return true;
    }
    return false;
}

static void test_every_code_point_is_judged_and_folded_as_python_does(void **state)
{
    (void)state;
    size_t range = 0;
    size_t folding = 0;
    struct username name;

    for (uint32_t point = 0; point < 0x110000; point++) {
        char text[5];

        if (point >= 0xD800 && point <= 0xDFFF)
            continue;
        size_t len = encode(point, text);
        while (range < ARRAY_LEN(python_word_ranges) && python_word_ranges[range][1] < point)
            range++;
        bool allowed = range < ARRAY_LEN(python_word_ranges) &&
                       python_word_ranges[range][0] <= point && !is_python_invisible(point);
        const char *normal = text;
        const char *key = text;

        if (folding < ARRAY_LEN(python_foldings) && python_foldings[folding].point == point) {
            normal = python_foldings[folding].normal;
            key = python_foldings[folding].key;
            allowed = allowed && key != NULL;
            folding++;
        }
        unsigned problems = username_check(slice_of(text, len), &name);
        if ((problems == USERNAME_FINE) != allowed)
            fail_msg("U+%04X: %s", point, allowed ? "refused" : "taken");
        if (allowed && (strcmp(name.text, normal) != 0 || strcmp(name.key, key) != 0))
            fail_msg("U+%04X: became %s, %s", point, name.text, name.key);
    }
    assert_int_equal(folding, ARRAY_LEN(python_foldings));
}

/* What is stored can be typed at login. */
static void test_the_stored_form_of_every_point_has_its_own_key(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x110000; point++) {
        char text[5];
        struct username name;
        char key[USERNAME_MAX_BYTES + 1];

        if (point >= 0xD800 && point <= 0xDFFF)
            continue;
        size_t len = encode(point, text);
        if (username_check(slice_of(text, len), &name) != USERNAME_FINE)
            continue;
        assert_true(username_key(slice_of(text, len), key));
        assert_string_equal(key, name.key);
        assert_true(username_key(slice_of_text(name.text), key));
        assert_string_equal(key, name.key);
    }
}

static void expect_same(const char *a, const char *b, bool same)
{
    struct username first;
    struct username second;

    assert_int_equal(username_check(slice_of_text(a), &first), USERNAME_FINE);
    assert_int_equal(username_check(slice_of_text(b), &second), USERNAME_FINE);
    if ((strcmp(first.key, second.key) == 0) != same)
        fail_msg("%s and %s: %s, %s", a, b, first.key, second.key);
}

static void test_case_and_compatibility_forms_collide(void **state)
{
    (void)state;
    expect_same("aR0", "AR0", true);
    expect_same("aR0", "\xef\xbd\x81R0", true); /* fullwidth a */
    expect_same("office",
                "o\xef\xac\x83"
                "ce",
                true); /* ligature ffi */
    expect_same("stra\xc3\x9f"
                "e",
                "STRASSE", true);                                /* sharp s */
    expect_same("\xc3\xa9t\xc3\xa9", "\xc3\x89T\xc3\x89", true); /* e acute */
    expect_same("\xcf\x83\xcf\x82", "\xce\xa3\xce\xa3", true);   /* final sigma */
    expect_same("x2", "x\xc2\xb2", true);                        /* superscript two */
    expect_same("K", "\xe2\x84\xaa", true);                      /* Kelvin sign */
}

static void test_other_scripts_and_other_letters_stay_apart(void **state)
{
    (void)state;
    expect_same("admin",
                "\xd0\xb0"
                "dmin",
                false);                  /* Cyrillic a */
    expect_same("i", "\xc4\xb1", false); /* dotless i */
    expect_same("e", "\xc3\xa9", false);
    expect_same("l", "1", false);
}

static void refuse(const char *text, unsigned problems)
{
    struct username name;
    unsigned found = username_check(slice_of_text(text), &name);

    if (found != problems)
        fail_msg("%s: %u", text, found);
}

static void test_what_nobody_sees_is_refused(void **state)
{
    (void)state;
    refuse("admin\xe2\x80\x8d", USERNAME_BAD_CHARACTER); /* ZWJ */
    refuse("\xe2\x80\xae"
           "nimda",
           USERNAME_BAD_CHARACTER);                      /* RTL override */
    refuse("ad\xc2\xadmin", USERNAME_BAD_CHARACTER);     /* soft hyphen */
    refuse("admin\xe3\x85\xa4", USERNAME_BAD_CHARACTER); /* Hangul filler */
    refuse("e\xcc\x81", USERNAME_BAD_CHARACTER);         /* a mark, as Django */
    refuse("", USERNAME_BAD_CHARACTER);
    refuse("a b", USERNAME_BAD_CHARACTER);
    refuse("a\n", USERNAME_BAD_CHARACTER);
    refuse("a!", USERNAME_BAD_CHARACTER);
    refuse("\xc2\xbd", USERNAME_BAD_CHARACTER); /* one half becomes 1/2 */
    struct username name;
    assert_int_equal(username_check(SLICE_LITERAL("a\0b"), &name), USERNAME_BAD_CHARACTER);
}

static void test_length_counts_code_points_and_is_told_with_the_rest(void **state)
{
    (void)state;
    char text[4 * 200 + 1];
    size_t len = 0;
    struct username name;

    for (int i = 0; i < 150; i++)
        len += encode(0x20000 + (uint32_t)i, text + len);
    assert_int_equal(username_check(slice_of(text, len), &name), USERNAME_FINE);
    assert_int_equal(strlen(name.text), 600);
    len += encode('a', text + len);
    assert_int_equal(username_check(slice_of(text, len), &name), USERNAME_TOO_LONG);
    memset(text, '!', 151);
    assert_int_equal(username_check(slice_of(text, 151), &name),
                     USERNAME_TOO_LONG | USERNAME_BAD_CHARACTER);

    /* 50 ligatures of three letters are 150 letters; 51 are too many once they are taken apart. */
    len = 0;
    for (int i = 0; i < 50; i++)
        len += encode(0xFB03, text + len);
    assert_int_equal(username_check(slice_of(text, len), &name), USERNAME_FINE);
    assert_int_equal(strlen(name.text), 150);
    len += encode(0xFB03, text + len);
    assert_int_equal(username_check(slice_of(text, len), &name), USERNAME_TOO_LONG);
}

static void test_a_text_that_is_nobodys_name_has_no_key(void **state)
{
    (void)state;
    char key[USERNAME_MAX_BYTES + 1] = "untouched";
    char *text = xcalloc(1, 16384);

    memset(text, 'a', 16384);
    assert_false(username_key(slice_of(text, 16384), key));
    assert_false(username_key(slice_of(text, USERNAME_MAX_BYTES + 1), key));
    assert_false(username_key(slice_of(text, USERNAME_MAX_POINTS + 1), key));
    assert_false(username_key(slice_of(NULL, 0), key));
    assert_false(username_key(SLICE_LITERAL("a b"), key));
    assert_false(username_key(SLICE_LITERAL("a\0"), key));
    assert_string_equal(key, "untouched");
    assert_true(username_key(slice_of(text, USERNAME_MAX_POINTS), key));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point_is_judged_and_folded_as_python_does),
        cmocka_unit_test(test_the_stored_form_of_every_point_has_its_own_key),
        cmocka_unit_test(test_case_and_compatibility_forms_collide),
        cmocka_unit_test(test_other_scripts_and_other_letters_stay_apart),
        cmocka_unit_test(test_what_nobody_sees_is_refused),
        cmocka_unit_test(test_length_counts_code_points_and_is_told_with_the_rest),
        cmocka_unit_test(test_a_text_that_is_nobodys_name_has_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
