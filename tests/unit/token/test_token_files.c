/* What a key file's name says, and what the key is good for when. */
#include "place.h"

static void test_a_name_that_says_something_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "a.ES256.1.key",
        "a.HS256.1.pem",
        "a.ES384.1.pem",
        "a.es256.1.pem",
        "a.ES256.-1.pem",
        "a.ES256.1e3.pem",
        "a.ES256..pem",
        "a.ES256.1234567890123.pem",
        "a.ES256.1.pem.bak",
        "a.ES256.1",
        "a b.ES256.1.pem",
        "a+.ES256.1.pem",
        "token.key",
        "12345678901234567890123456789012345678901234567890123456789012345.ES256.1.pem",
    };
    struct place *place = *state;
    struct token_names names;
    struct err err;
    char path[TOKEN_PATH_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        put(place, bad[i], "x");
        if (token_names_read(&place->rules, &names, &err))
            fail_msg("%s", bad[i]);
        assert_non_null(strstr(err.text, bad[i]));
        snprintf(path, sizeof(path), "%s/%s", place->dir, bad[i]);
        unlink(path);
    }
    put(place, ".hidden", "x");
    put(place, "a.ES256.1.pem.new.77", "what a maker that died left");
    assert_true(token_names_read(&place->rules, &names, &err));
    assert_int_equal(names.count, 1);
    put(place, "twice.ES256.1.pem", "x");
    put(place, "twice.RS256.2.pem", "x");
    assert_false(token_names_read(&place->rules, &names, &err));
}

static void test_a_directory_that_others_can_get_at_is_refused(void **state)
{
    struct place *place = *state;
    struct token_names names;
    struct err err;

    assert_int_equal(chmod(place->dir, 0711), 0);
    assert_false(token_names_read(&place->rules, &names, &err));
    assert_non_null(strstr(err.text, "chmod 700"));
    place->rules.dir = "/tmp/gatepost-no-such-directory";
    assert_true(token_names_read(&place->rules, &names, &err));
    assert_int_equal(names.count, 1);
}

static void assert_states(const struct token_names *names, int64_t now_s, const char *letters)
{
    static const char of_state[] = {[TOKEN_PUBLISHED] = 'p',
                                    [TOKEN_SIGNING] = 'S',
                                    [TOKEN_RETIRING] = 'r',
                                    [TOKEN_EXPIRED] = '-'};

    assert_int_equal(names->count, strlen(letters));
    for (size_t i = 0; i < names->count; i++) {
        const char found = of_state[token_names_state(names, i, now_s)];

        if (found != letters[i])
            fail_msg("key %zu is %c, not %c, at %lld", i, found, letters[i], (long long)now_s);
    }
}

static void test_a_key_is_published_signs_retires_and_ends_by_the_clock(void **state)
{
    struct place *place = *state;
    struct token_names names;
    struct err err;

    put(place, "second.ES256.5000.pem", "x");
    put(place, "first.ES256.2000.pem", "x");
    assert_true(token_names_read(&place->rules, &names, &err));
    assert_string_equal(names.at[1].kid, "first"); /* by age */
    assert_states(&names, 2000, "-Sp");
    assert_states(&names, 4999, "-Sp");
    assert_states(&names, 5000, "-rS");
    assert_states(&names, 5000 + REFRESH_S + APART_S - 1, "-rS");
    assert_states(&names, 5000 + REFRESH_S + APART_S, "--S");
    assert_states(&names, 1000, "-Sp"); /* the clock was set back: something must sign */
}

static void test_the_secret_files_key_gives_way_to_a_key_with_a_kid(void **state)
{
    struct place *place = *state;
    struct token_names names;
    struct err err;

    place->rules.algorithm = TOKEN_HS256;
    assert_true(token_names_read(&place->rules, &names, &err));
    assert_states(&names, 5000, "S");
    put(place, "a.HS256.3000.key", "x");
    assert_true(token_names_read(&place->rules, &names, &err));
    assert_states(&names, 2999, "Sp");
    assert_states(&names, 3000, "rS");
    assert_states(&names, 3000 + REFRESH_S + APART_S, "-S");
    place->rules.accept_hs256 = true;
    assert_true(token_names_read(&place->rules, &names, &err));
    assert_states(&names, 99999, "rS");
}

static void test_another_algorithm_succeeds_the_keys_of_the_one_before(void **state)
{
    struct place *place = *state;
    struct token_names names;
    struct err err;

    put(place, "a.ES256.2000.pem", "x");
    put(place, "b.EdDSA.3000.pem", "x");
    assert_true(token_names_read(&place->rules, &names, &err));
    assert_states(&names, 9999, "-Sr"); /* b was never signed with: nothing follows it */
    place->rules.algorithm = TOKEN_EDDSA;
    assert_true(token_names_read(&place->rules, &names, &err));
    assert_states(&names, 3000, "-rS");
    assert_states(&names, 3000 + REFRESH_S + APART_S, "--S");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_name_that_says_something_else_is_refused),
        TEST(test_a_directory_that_others_can_get_at_is_refused),
        TEST(test_a_key_is_published_signs_retires_and_ends_by_the_clock),
        TEST(test_the_secret_files_key_gives_way_to_a_key_with_a_kid),
        TEST(test_another_algorithm_succeeds_the_keys_of_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
