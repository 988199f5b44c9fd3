/* Which new passwords are taken. */
#include "gatepost/password_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static enum password_problem judge(const char *password, const char *const *words)
{
    return password_judge(slice_of_text(password), 8, 4, words);
}

static void test_the_readme_passwords_are_taken_with_the_readme_names(void **state)
{
    (void)state;
    static const char *const words[] = {"testuser", "test", "gatepost", NULL};

    assert_int_equal(judge("testpass123", words), PASSWORD_FINE);
    assert_int_equal(judge("securepassword123", words), PASSWORD_FINE);
    assert_int_equal(judge("s3cret-pw", words), PASSWORD_FINE);
}

static void test_common_passwords_are_refused(void **state)
{
    (void)state;
    static const char *const common[] = {
        "password", "password1", "12345678",  "123456789", "1234567890", "qwertyuiop", "wolverine",
        "iloveyou", "sunshine",  "princess",  "football",  "baseball",   "superman",   "trustno1",
        "aaaaaaaa", "abcdefgh",  "qwerty123", "11111111",  "87654321",   "1q2w3e4r",   "Password",
    };
    for (size_t i = 0; i < ARRAY_LEN(common); i++) {
        if (judge(common[i], NULL) != PASSWORD_TOO_COMMON)
            fail_msg("taken: %s", common[i]);
    }
}

static void test_the_users_own_words_are_common(void **state)
{
    (void)state;
    static const char *const words[] = {"xqzvwk", "gatepost", NULL};

    assert_int_equal(judge("xqzvwk123", NULL), PASSWORD_FINE);
    assert_int_equal(judge("xqzvwk123", words), PASSWORD_TOO_COMMON);
    assert_int_equal(judge("XQZVWK123", words), PASSWORD_TOO_COMMON);
    assert_int_equal(judge("gatepost1", words), PASSWORD_TOO_COMMON);
}

static void test_length_counts_code_points(void **state)
{
    (void)state;
    static const char keys[] = "\xf0\x9f\x94\x91\xf0\x9f\x8d\x95\xf0\x9f\x8c\x8b\xf0\x9f\x9a\x80"
                               "\xf0\x9f\x8e\xb2\xf0\x9f\xa6\x8a\xf0\x9f\xaa\x90\xf0\x9f\xa7\xb2";

    assert_int_equal(judge("", NULL), PASSWORD_TOO_SHORT);
    assert_int_equal(judge("xK3$vq9", NULL), PASSWORD_TOO_SHORT);
    assert_int_equal(judge("xK3$vq9z", NULL), PASSWORD_FINE);
    assert_int_equal(password_judge(slice_of(keys, 28), 8, 4, NULL), PASSWORD_TOO_SHORT);
    assert_int_equal(password_judge(slice_of(keys, 32), 8, 4, NULL), PASSWORD_FINE);
    assert_int_equal(password_judge(slice_of(NULL, 0), 0, 0, NULL), PASSWORD_FINE);
}

static void test_the_seeds_rule_takes_anything(void **state)
{
    (void)state;
    assert_int_equal(password_judge(SLICE_LITERAL("x"), 1, 0, NULL), PASSWORD_FINE);
    assert_int_equal(password_judge(SLICE_LITERAL("password"), 1, 0, NULL), PASSWORD_FINE);
}

static void test_long_phrases_are_taken_up_to_the_limit(void **state)
{
    (void)state;
    char text[PASSWORD_MAX_BYTES + 1];

    assert_int_equal(judge("aaaaaaaa bbbbbbbb", NULL), PASSWORD_FINE);
    assert_int_equal(judge("correct horse battery staple", NULL), PASSWORD_FINE);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "e3Rt7sa0p4q@$l1"[(i * 7 + i / 11) % 15];
    assert_int_equal(password_judge(slice_of(text, PASSWORD_MAX_BYTES), 8, 4, NULL), PASSWORD_FINE);
    assert_int_equal(password_judge(slice_of(text, PASSWORD_MAX_BYTES + 1), 8, 4, NULL),
                     PASSWORD_TOO_LONG);
}

static void test_a_weak_beginning_is_made_up_for_by_the_end(void **state)
{
    (void)state;
    char text[100];

    memset(text, 'a', sizeof(text));
    assert_int_equal(password_judge(slice_of(text, sizeof(text)), 8, 4, NULL), PASSWORD_TOO_COMMON);
    memcpy(text + 90, "xK3$vq9z!7", 10);
    assert_int_equal(password_judge(slice_of(text, sizeof(text)), 8, 4, NULL), PASSWORD_FINE);
}

static int64_t judging_ns(size_t len)
{
    char text[PASSWORD_MAX_BYTES];
    struct timespec begun;
    struct timespec ended;

    memset(text, 'a', sizeof(text));
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(password_judge(slice_of(text, len), 8, 4, NULL), PASSWORD_TOO_COMMON);
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended), 0);
    return (ended.tv_sec - begun.tv_sec) * 1000000000 + ended.tv_nsec - begun.tv_nsec;
}

/* It runs on the event loop. Bare zxcvbn takes 16 times as long for these, and 4 ms. */
static void test_the_longest_password_takes_little_more_to_judge_than_one_of_32(void **state)
{
    (void)state;
    (void)judging_ns(32);
    int64_t short_ns = judging_ns(32);

    assert_true(judging_ns(PASSWORD_MAX_BYTES) < 6 * short_ns);
}

static void test_a_nul_makes_no_password_stronger(void **state)
{
    (void)state;
    assert_int_equal(password_judge(SLICE_LITERAL("password\0xK3$vq9z!7"), 8, 4, NULL),
                     PASSWORD_TOO_COMMON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_readme_passwords_are_taken_with_the_readme_names),
        cmocka_unit_test(test_common_passwords_are_refused),
        cmocka_unit_test(test_the_users_own_words_are_common),
        cmocka_unit_test(test_length_counts_code_points),
        cmocka_unit_test(test_the_seeds_rule_takes_anything),
        cmocka_unit_test(test_long_phrases_are_taken_up_to_the_limit),
        cmocka_unit_test(test_a_weak_beginning_is_made_up_for_by_the_end),
        cmocka_unit_test(test_the_longest_password_takes_little_more_to_judge_than_one_of_32),
        cmocka_unit_test(test_a_nul_makes_no_password_stronger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
