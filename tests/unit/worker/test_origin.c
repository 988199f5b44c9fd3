/* The allow-list of origins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "worker/origin.h"

#define PUBLIC "https://accounts.example"

static bool is_listed(const char *list, const char *origin)
{
    struct origins *origins = origins_new(list, PUBLIC);
    const char *found = origins_find(origins, slice_of_text(origin));
    const bool listed = found != NULL;

    if (listed)
        assert_string_equal(found, origin);
    origins_free(&origins);
    assert_null(origins);
    return listed;
}

static void test_an_origin_is_compared_whole(void **state)
{
    static const char list[] = "https://good.example, http://localhost:3000 ,https://b.example";
    static const char *const strangers[] = {
        "",
        "null",
        "*",
        ",",
        "https://good.example,",
        "https://good.exampl",
        "https://good.example.evil",
        "https://good.example:443",
        "http://good.example",
        "HTTPS://good.example",
        " https://good.example",
        "https://good.example, http://localhost:3000",
        PUBLIC,
    };

    (void)state;
    assert_true(is_listed(list, "https://good.example"));
    assert_true(is_listed(list, "http://localhost:3000"));
    assert_true(is_listed(list, "https://b.example"));
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
        assert_false(is_listed(list, strangers[i]));
}

static void test_a_nul_in_a_header_is_a_difference(void **state)
{
    struct origins *origins = origins_new("https://good.example", PUBLIC);

    (void)state;
    assert_null(origins_find(origins, SLICE_LITERAL("https://good.example\0")));
    assert_false(origins_own(origins, SLICE_LITERAL(PUBLIC "\0")));
    origins_free(&origins);
}

static void test_without_a_list_there_are_none(void **state)
{
    struct origins *origins = origins_new("", PUBLIC);

    (void)state;
    assert_false(origins_any(origins));
    assert_null(origins_find(origins, slice_of(NULL, 0)));
    assert_null(origins_find(origins, slice_of_text("")));
    origins_free(&origins);
    assert_true(is_listed("https://a.example", "https://a.example"));
}

static bool is_own(const char *public_url, const char *origin)
{
    struct origins *origins = origins_new("", public_url);
    bool own = origins_own(origins, slice_of_text(origin));

    origins_free(&origins);
    return own;
}

static void test_our_own_origin_is_the_public_url_as_browsers_write_it(void **state)
{
    (void)state;
    assert_true(is_own(PUBLIC, PUBLIC));
    assert_true(is_own("https://Accounts.Example:443", PUBLIC));
    assert_true(is_own("http://127.0.0.1:80", "http://127.0.0.1"));
    assert_true(is_own("https://a.example:80", "https://a.example:80"));
    assert_true(is_own("http://a.example:443", "http://a.example:443"));
    assert_true(is_own("http://a.example:8080", "http://a.example:8080"));
    assert_false(is_own(PUBLIC, "http://accounts.example"));
    assert_false(is_own(PUBLIC, "https://accounts.example:443"));
    assert_false(is_own(PUBLIC, "null"));
    assert_false(is_own(PUBLIC, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_origin_is_compared_whole),
        cmocka_unit_test(test_a_nul_in_a_header_is_a_difference),
        cmocka_unit_test(test_without_a_list_there_are_none),
        cmocka_unit_test(test_our_own_origin_is_the_public_url_as_browsers_write_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
