/* What a file holds twice: a dry run is to say what the import would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/seen.h"

static struct json_member text_member(const char *text)
{
    return (struct json_member){
        .name = SLICE_LITERAL("x"), .type = JSON_STRING, .text = slice_of_text(text)};
}

/* "" is none. */
static enum seen_result look(struct seen *seen, const char *id, const char *name,
                             const char *address)
{
    struct moved_user user = {
        .id = text_member(id), .username = text_member(name), .email = text_member(address)};
    struct seen_keys keys = seen_keys_of(&user);

    return seen_look(seen, &keys);
}

static void test_what_stood_there_before_is_known_by_any_of_its_three(void **state)
{
    struct seen *seen = seen_new();

    (void)state;
    assert_int_equal(look(seen, "1", "ada", "ada@example.com"), SEEN_NEW);
    assert_int_equal(look(seen, "1", "bob", ""), SEEN_ID);
    assert_int_equal(look(seen, "2", "ADA", ""), SEEN_NAME);
    assert_int_equal(look(seen, "2", "bob", "Ada@Example.com"), SEEN_ADDRESS);
    assert_int_equal(look(seen, "2", "bob", ""), SEEN_NEW);
    assert_int_equal(look(seen, "", "", ""), SEEN_NEW);
    assert_int_equal(look(seen, "", "", ""), SEEN_NEW);
    seen_free(&seen);
    assert_null(seen);
}

static void test_blanks_around_count_for_nothing(void **state)
{
    struct seen *seen = seen_new();

    (void)state;
    assert_int_equal(look(seen, "1", " ada\t", "ada@example.com"), SEEN_NEW);
    assert_int_equal(look(seen, "2", "ada", ""), SEEN_NAME);
    assert_int_equal(look(seen, "3", "bob",
                          "\xc2\xa0"
                          "ada@example.com "),
                     SEEN_ADDRESS);
    seen_free(&seen);
}

static void test_a_name_that_is_another_s_address_is_taken(void **state)
{
    struct seen *seen = seen_new();

    (void)state;
    assert_int_equal(look(seen, "1", "ada", "ada@example.com"), SEEN_NEW);
    assert_int_equal(look(seen, "2", "ADA@example.com", ""), SEEN_NAME);
    assert_int_equal(look(seen, "3", "bob@example.com", "bob@example.com"), SEEN_NEW);
    assert_int_equal(look(seen, "4", "carol", "bob@example.com"), SEEN_ADDRESS);
    seen_free(&seen);
}

static void test_the_same_account_again_is_unchanged(void **state)
{
    struct seen *seen = seen_new();

    (void)state;
    assert_int_equal(look(seen, "1", "ada", "ada@example.com"), SEEN_NEW);
    assert_int_equal(look(seen, "1", "Ada", "ADA@example.com"), SEEN_UNCHANGED);
    assert_int_equal(look(seen, "1", "ada", ""), SEEN_ID);
    assert_int_equal(look(seen, "", "ada", "ada@example.com"), SEEN_UNCHANGED);
    assert_int_equal(look(seen, "2", "ada", "ada@example.com"), SEEN_NAME);
    assert_int_equal(look(seen, "", "ada", ""), SEEN_NAME);
    seen_free(&seen);
}

static void test_ten_thousand_are_all_remembered(void **state)
{
    struct seen *seen = seen_new();
    char name[32];

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 10000; i++) {
            (void)snprintf(name, sizeof(name), "user%u", i);
            assert_int_equal(look(seen, name, name, ""), round == 0 ? SEEN_NEW : SEEN_UNCHANGED);
        }
    }
    seen_free(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stood_there_before_is_known_by_any_of_its_three),
        cmocka_unit_test(test_blanks_around_count_for_nothing),
        cmocka_unit_test(test_a_name_that_is_another_s_address_is_taken),
        cmocka_unit_test(test_the_same_account_again_is_unchanged),
        cmocka_unit_test(test_ten_thousand_are_all_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
