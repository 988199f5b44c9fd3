/* Numbers as Python's str() shows them; the expected texts are from CPython 3.11. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "worker/number.h"

struct example {
    enum json_type type;
    const char *written;
    const char *shown;
};

static const struct example EXAMPLES[] = {
    {JSON_INTEGER, "1234567890", "1234567890"},
    {JSON_INTEGER, "-0", "0"},
    {JSON_INTEGER, "-17", "-17"},
    {JSON_INTEGER, "123456789012345678901234567890", "123456789012345678901234567890"},
    {JSON_FLOAT, "1.5", "1.5"},
    {JSON_FLOAT, "1.50", "1.5"},
    {JSON_FLOAT, "1e5", "100000.0"},
    {JSON_FLOAT, "1E5", "100000.0"},
    {JSON_FLOAT, "0.1", "0.1"},
    {JSON_FLOAT, "0.30000000000000004", "0.30000000000000004"},
    {JSON_FLOAT, "-0.0", "-0.0"},
    {JSON_FLOAT, "1e15", "1000000000000000.0"},
    {JSON_FLOAT, "1e16", "1e+16"},
    {JSON_FLOAT, "123456789.125e3", "123456789125.0"},
    {JSON_FLOAT, "0.0001", "0.0001"},
    {JSON_FLOAT, "0.00001", "1e-05"},
    {JSON_FLOAT, "-1.25e-7", "-1.25e-07"},
    {JSON_FLOAT, "1.7976931348623157e308", "1.7976931348623157e+308"},
    {JSON_FLOAT, "-2.2250738585072014e-308", "-2.2250738585072014e-308"},
    {JSON_FLOAT, "5e-324", "5e-324"},
    {JSON_FLOAT, "1e-999", "0.0"},
    {JSON_FLOAT, "1e999", "inf"},
    {JSON_FLOAT, "-1e999", "-inf"},
};

static void test_numbers_are_shown_as_python_shows_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(EXAMPLES); i++) {
        const struct json_member member = {.type = EXAMPLES[i].type,
                                           .text = slice_of_text(EXAMPLES[i].written)};
        char storage[NUMBER_TEXT_BYTES];
        char shown[64];
        assert_true(slice_to_text(number_text(&member, storage), shown, sizeof(shown)));
        assert_string_equal(shown, EXAMPLES[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_shown_as_python_shows_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
