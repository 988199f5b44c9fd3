/* The relaxed forms: the examples of RFC 6376 and RFC 8463, and what relays do to a letter. */
#include "lib/dkim/canon.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

static void expect_field(const char *field, const char *relaxed)
{
    char bytes[512];
    struct packer out = packer_over(bytes, sizeof(bytes) - 1);

    canon_pack_field(&out, slice_of_text(field));
    bytes[out.len] = '\0';
    assert_string_equal(bytes, relaxed);
}

static void expect_body(struct slice body, const char *same_as)
{
    uint8_t digest[DKIM_DIGEST_BYTES], other[DKIM_DIGEST_BYTES];

    canon_digest_body(body, digest);
    digest_sha256(same_as, strlen(same_as), other);
    assert_memory_equal(digest, other, sizeof(other));
}

/* RFC 6376 section 3.4.5. */
static void test_the_example_of_the_standard(void **state)
{
    (void)state;
    expect_field("A: X", "a:X");
    expect_field("B : Y\t\r\n\tZ  ", "b:Y Z");
    expect_body(SLICE_LITERAL(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
}

static void test_blanks_and_folds_of_a_header_do_not_matter(void **state)
{
    (void)state;
    expect_field("Subject: a b", "subject:a b");
    expect_field("SUBJECT \t:\t a\r\n   b \t", "subject:a b");
    expect_field("Subject:\r\n a\r\n \r\n b", "subject:a b");
    expect_field("Subject:", "subject:");
    expect_field("Subject:  ", "subject:");
    expect_field("Subject: a:b", "subject:a:b");
    expect_field("no colon", "no colon:");
}

static void test_blanks_and_empty_lines_at_the_end_of_a_body_do_not_matter(void **state)
{
    (void)state;
    expect_body(slice_of(NULL, 0), "");
    expect_body(SLICE_LITERAL("\r\n\r\n"), "");
    expect_body(SLICE_LITERAL(" \t\r\n"), "");
    expect_body(SLICE_LITERAL("a"), "a\r\n");
    expect_body(SLICE_LITERAL("a\r\n"), "a\r\n");
    expect_body(SLICE_LITERAL("a \r\n\t\r\n\r\n"), "a\r\n");
    expect_body(SLICE_LITERAL("\r\n \r\na\r\n"), "\r\n\r\na\r\n");
    expect_body(SLICE_LITERAL("  a\tb  c\r\n"), " a b c\r\n");
    expect_body(SLICE_LITERAL("\t\ta\r\n"), " a\r\n");
    expect_body(SLICE_LITERAL("a b c d\r\n"), "a b c d\r\n");
}

/* RFC 8463 appendix A.3: its bh=. */
static void test_the_body_of_the_other_standard(void **state)
{
    static const char body[] = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
    char text[BASE64_TEXT_BYTES(DKIM_DIGEST_BYTES)];
    uint8_t digest[DKIM_DIGEST_BYTES];
    (void)state;
    canon_digest_body(SLICE_LITERAL(body), digest);
    base64_encode(digest, sizeof(digest), text);
    assert_string_equal(text, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
}

static void test_fields_come_one_by_one_with_their_folds(void **state)
{
    struct slice letter = SLICE_LITERAL("A: 1\r\nB: 2\r\n\t3\r\n 4\r\nC:\r\n\r\nbody\r\n\r\n");
    struct slice field;
    (void)state;
    assert_true(canon_next_field(&letter, &field));
    assert_true(slice_equal(field, SLICE_LITERAL("A: 1")));
    assert_true(canon_next_field(&letter, &field));
    assert_true(slice_equal(field, SLICE_LITERAL("B: 2\r\n\t3\r\n 4")));
    assert_true(slice_equal(canon_field_name(field), SLICE_LITERAL("B")));
    assert_true(canon_next_field(&letter, &field));
    assert_true(slice_equal(field, SLICE_LITERAL("C:")));
    assert_false(canon_next_field(&letter, &field));
    assert_true(slice_equal(letter, SLICE_LITERAL("body\r\n\r\n")));
}

static void test_a_letter_without_a_body_ends(void **state)
{
    struct slice letter = SLICE_LITERAL("A: 1\r\n\r\n"), cut = SLICE_LITERAL("A: 1\r\n");
    struct slice field, nothing = slice_of(NULL, 0), torn = SLICE_LITERAL("A: 1");
    (void)state;
    assert_true(canon_next_field(&letter, &field));
    assert_false(canon_next_field(&letter, &field));
    assert_int_equal(letter.len, 0);
    assert_true(canon_next_field(&cut, &field));
    assert_false(canon_next_field(&cut, &field));
    assert_false(canon_next_field(&nothing, &field));
    assert_false(canon_next_field(&torn, &field));
    assert_int_equal(torn.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_of_the_standard),
        cmocka_unit_test(test_blanks_and_folds_of_a_header_do_not_matter),
        cmocka_unit_test(test_blanks_and_empty_lines_at_the_end_of_a_body_do_not_matter),
        cmocka_unit_test(test_the_body_of_the_other_standard),
        cmocka_unit_test(test_fields_come_one_by_one_with_their_folds),
        cmocka_unit_test(test_a_letter_without_a_body_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
