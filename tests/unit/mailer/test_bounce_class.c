/* Which failures are the address's fault, and where codes stand in text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailer/bounce_class.h"

static const struct {
    const char *said;
    unsigned smtp_code;
    bool hard;
} cases[] = {
    {"5.1.1", 0, true},    {"5.1.2", 0, true},    {"5.1.3", 0, true},     {"5.1.4", 0, true},
    {"5.1.6", 0, true},    {"5.1.10", 0, true},   {"5.1.0", 0, true},     {"5.1.351", 0, true},
    {"5.1.7", 550, false}, {"5.1.8", 550, false}, {"5.1.9", 0, false},    {"5.2.1", 0, true},
    {"5.2.0", 550, false}, {"5.2.2", 552, false}, {"5.2.3", 0, false},    {"5.2.4", 0, false},
    {"5.3.0", 550, false}, {"5.3.4", 0, false},   {"5.4.1", 0, false},    {"5.4.1", 550, true},
    {"5.4.4", 0, true},    {"5.4.6", 0, false},   {"5.4.7", 0, false},    {"5.4.310", 0, true},
    {"5.5.0", 550, true},  {"5.5.0", 0, false},   {"5.5.2", 550, false},  {"5.6.1", 550, false},
    {"5.7.1", 550, false}, {"5.7.17", 0, true},   {"5.7.26", 550, false}, {"5.0.0", 0, false},
    {"5.0.0", 550, true},  {"5.0.0", 551, true},  {"5.0.0", 552, false},  {"5.0.0", 553, true},
    {"5.0.0", 554, false}, {"5.0.0", 450, false}, {"5.9.1", 550, false},  {"4.1.1", 550, false},
    {"4.2.2", 452, false}, {"2.1.5", 250, false},
};

static void test_only_what_says_that_the_address_takes_no_mail_is_hard(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct status_code code;
        assert_true(status_code_find(slice_of_text(cases[i].said), &code));
        if (bounce_is_hard(&code, cases[i].smtp_code) != cases[i].hard)
            fail_msg("%s with %u", cases[i].said, cases[i].smtp_code);
    }
    assert_false(bounce_is_hard(&(struct status_code){0}, 550));
}

static void test_a_status_is_found_where_it_stands_alone(void **state)
{
    static const char *const none[] = {"",        "5",      "5.1",      "5.1.",     "192.0.2.25",
                                       "5.6.7.8", "15.1.1", "v5.1.1",   "5.1234.1", "3.1.1",
                                       "1.1.1",   "5..1",   "10.5.1.1", "a.5.1.1"};
    struct status_code code;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        if (status_code_find(slice_of_text(none[i]), &code))
            fail_msg("%s", none[i]);
    }
    assert_true(status_code_find(SLICE_LITERAL("mailbox is gone. (#5.1.1)"), &code));
    assert_true(code.class == 5 && code.subject == 1 && code.detail == 1);
    assert_true(status_code_find(SLICE_LITERAL("550-5.7.26 no, 4.2.2"), &code));
    assert_true(code.class == 5 && code.subject == 7 && code.detail == 26);
    assert_true(status_code_find(SLICE_LITERAL("host 192.0.2.25 said: 4.2.2."), &code));
    assert_true(code.class == 4 && code.subject == 2 && code.detail == 2);
}

static void test_an_smtp_code_is_found_at_the_beginning_of_a_word(void **state)
{
    (void)state;
    assert_int_equal(smtp_code_find(SLICE_LITERAL("550 no")), 550);
    assert_int_equal(smtp_code_find(SLICE_LITERAL("said: 451-try again")), 451);
    assert_int_equal(smtp_code_find(SLICE_LITERAL("553")), 553);
    assert_int_equal(smtp_code_find(SLICE_LITERAL("192.0.2.550 is 5500 or x550 or 250 ok")), 0);
    assert_int_equal(smtp_code_find(SLICE_LITERAL("5.1.1 5")), 0);
    assert_int_equal(smtp_code_find(SLICE_LITERAL("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_says_that_the_address_takes_no_mail_is_hard),
        cmocka_unit_test(test_a_status_is_found_where_it_stands_alone),
        cmocka_unit_test(test_an_smtp_code_is_found_at_the_beginning_of_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
