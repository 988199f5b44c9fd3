/* The Authorization header, as simplejwt splits it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "worker/tokens.h"

static enum bearer_status split(const char *header, struct slice *token)
{
    return token_of_header(slice_of_text(header), token);
}

static void test_other_schemes_are_no_credentials(void **state)
{
    struct slice token;

    (void)state;
    assert_int_equal(token_of_header(slice_of(NULL, 0), &token), BEARER_NONE);
    assert_int_equal(split("", &token), BEARER_NONE);
    assert_int_equal(split("  ", &token), BEARER_NONE);
    assert_int_equal(split("Basic YTpi", &token), BEARER_NONE);
    assert_int_equal(split("bearer abc", &token), BEARER_NONE);
    assert_int_equal(split("Bearerabc", &token), BEARER_NONE);
}

static void test_bearer_wants_exactly_one_word_more(void **state)
{
    struct slice token;

    (void)state;
    assert_int_equal(split("Bearer", &token), BEARER_BROKEN);
    assert_int_equal(split("Bearer  ", &token), BEARER_BROKEN);
    assert_int_equal(split("Bearer a b", &token), BEARER_BROKEN);
    assert_int_equal(split(" Bearer \t a.b.c ", &token), BEARER_OK);
    assert_true(slice_equal(token, SLICE_LITERAL("a.b.c")));
}

/* Long words are read in chunks: a blank is found wherever it stands, of whatever kind. */
static void test_a_long_token_ends_at_its_first_blank(void **state)
{
    static const char blanks[] = " \t\n\v\f\r";
    char header[160];
    struct slice token;

    (void)state;
    for (const char *blank = blanks; *blank != '\0'; blank++) {
        for (size_t len = 1; len < 100; len++) {
            memset(header, 'x', sizeof(header));
            memcpy(header, "Bearer ", 7);
            header[7 + len] = *blank;
            assert_int_equal(token_of_header(slice_of(header, 7 + len + 1), &token), BEARER_OK);
            assert_int_equal(token.len, len);
            assert_ptr_equal(token.at, header + 7);
            assert_int_equal(token_of_header(slice_of(header, 150), &token), BEARER_BROKEN);
        }
    }
    for (int c = 1; c < 256; c++) {
        memset(header, 'x', sizeof(header));
        memcpy(header, "Bearer ", 7);
        header[20] = (char)c;
        const bool is_blank = memchr(blanks, c, sizeof(blanks) - 1) != NULL;
        assert_int_equal(token_of_header(slice_of(header, 100), &token),
                         is_blank ? BEARER_BROKEN : BEARER_OK);
    }
}

static void test_an_adopted_session_follows_from_the_jti_alone(void **state)
{
    struct uuid a = token_adopted_session("0123456789abcdef0123456789abcdef");
    struct uuid b = token_adopted_session("0123456789abcdef0123456789abcdef");
    struct uuid c = token_adopted_session("0123456789abcdef0123456789abcdee");

    (void)state;
    assert_true(uuid_equal(&a, &b));
    assert_false(uuid_equal(&a, &c));
    assert_int_equal(a.bytes[6] >> 4, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_schemes_are_no_credentials),
        cmocka_unit_test(test_bearer_wants_exactly_one_word_more),
        cmocka_unit_test(test_a_long_token_ends_at_its_first_blank),
        cmocka_unit_test(test_an_adopted_session_follows_from_the_jti_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
