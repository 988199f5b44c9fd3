/* `gatepost mail`: what its words mean, and when "7d" is. */
#include "line.h"

#include "cli/mail.h"
#include "cli/when.h"

/* The words after "mail", separated by blanks. */
static bool reads(const char *line, struct mail_order *order, struct err *err)
{
    const char *words[LINE_WORDS_MAX];
    const size_t count = line_words(line, words);

    *order = (struct mail_order){.command = NULL};
    return mail_order_read(words, count, order, err);
}

static void test_filters_and_operands(void **state)
{
    struct mail_order order;
    struct err err;

    (void)state;
    assert_true(
        reads("list --state dead --domain example.com --since 7d --due --json", &order, &err));
    assert_string_equal(order.options[MAIL_OPTION_STATE], "dead");
    assert_string_equal(order.options[MAIL_OPTION_DOMAIN], "example.com");
    assert_string_equal(order.options[MAIL_OPTION_SINCE], "7d");
    assert_true(has_mail_option(&order, MAIL_OPTION_DUE));
    assert_true(has_mail_option(&order, MAIL_OPTION_JSON));
    assert_false(has_mail_option(&order, MAIL_OPTION_TO));
    assert_true(reads("retry --all", &order, &err));
    assert_null(order.operands[0]);
    assert_true(reads("suppress add anna@example.com --detail asked", &order, &err));
    assert_string_equal(order.operands[0], "add");
    assert_string_equal(order.operands[1], "anna@example.com");
    assert_true(reads("suppress", &order, &err));
    assert_null(order.operands[0]);
}

static void test_wrong_words_are_named(void **state)
{
    static const struct {
        const char *line;
        const char *part; /* of the sentence */
    } cases[] = {
        {"", "missing after mail"},          {"fly", "fly"},
        {"show", "`mail show` needs ID"},    {"show a b", "\"b\""},
        {"show a --all", "--all"},           {"pause --json", "--json"},
        {"list --to", "--to needs a value"}, {"drain --limit 3", "--limit"},
        {"list --lang de", "--lang"},
    };
    struct mail_order order;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {""};
        assert_false(reads(cases[i].line, &order, &err));
        if (strstr(err.text, cases[i].part) == NULL)
            fail_msg("%s: %s", cases[i].line, err.text);
    }
}

static void test_a_number_is_one_from_1_on(void **state)
{
    static const char *const wrong[] = {"0", "-1", "+1", "1x", "x", "99999999999999999999"};
    struct mail_order order;
    struct err err;
    size_t number = 7;

    (void)state;
    assert_true(reads("drain", &order, &err));
    assert_true(mail_number(&order, MAIL_OPTION_WAIT, &number));
    assert_int_equal(number, 0);
    order.options[MAIL_OPTION_WAIT] = "30";
    assert_true(mail_number(&order, MAIL_OPTION_WAIT, &number));
    assert_int_equal(number, 30);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        order.options[MAIL_OPTION_WAIT] = wrong[i];
        assert_false(mail_number(&order, MAIL_OPTION_WAIT, &number));
    }
}

static void test_points_in_time(void **state)
{
    static const char *const wrong[] = {"",    "d",    "7",         "7w",
                                        "-1d", "1.5h", "yesterday", "2026-13-01"};
    wall_ms when = 0;

    (void)state;
    assert_true(when_read("2h", &when));
    assert_in_range((uint64_t)(clock_wall_ms() - when), 7200000, 7210000);
    assert_true(when_read("2026-11-28", &when));
    assert_int_equal(when, 1795824000000LL);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(when_read(wrong[i], &when));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters_and_operands),
        cmocka_unit_test(test_wrong_words_are_named),
        cmocka_unit_test(test_a_number_is_one_from_1_on),
        cmocka_unit_test(test_points_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
