/* What a stored form tells its owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gatepost/password.h"

static void test_the_traits_of_a_form_are_its_method_and_cost(void **state)
{
    const struct password_cost cost = {.algorithm = PASSWORD_ARGON2ID,
                                       .argon2_memory_kib = 19456,
                                       .argon2_passes = 2,
                                       .argon2_lanes = 1};
    struct password_trait traits[PASSWORD_TRAITS_MAX];
    char encoded[PASSWORD_ENCODED_BYTES];
    const char *method;

    (void)state;
    password_form_nobody(&cost, encoded);
    assert_int_equal(password_form_traits(slice_of_text(encoded), &method, traits), 3);
    assert_string_equal(method, "argon2id");
    assert_string_equal(traits[0].name, "memory_kib");
    assert_int_equal(traits[0].value, 19456);
    assert_string_equal(traits[2].name, "lanes");
    assert_int_equal(password_form_traits(SLICE_LITERAL("!"), &method, traits), 0);
    assert_null(method);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_traits_of_a_form_are_its_method_and_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
