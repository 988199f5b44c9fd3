/* `gatepost user`: what its words mean, and what a terminal is shown. */
#include "line.h"

#include "cli/terminal.h"
#include "cli/user.h"

/* ---- words ------------------------------------------------------------------------------------
 */

/* The words after "user", separated by blanks. */
static bool reads(const char *line, struct user_order *order, struct err *err)
{
    const char *words[LINE_WORDS_MAX];
    const size_t count = line_words(line, words);

    *order = (struct user_order){.command = NULL};
    return user_order_read(words, count, order, err);
}

static void test_operands_and_options_come_in_any_order(void **state)
{
    struct user_order order;
    struct err err;

    (void)state;
    assert_true(reads("add --verified anna --json anna@example.com --generate", &order, &err));
    assert_string_equal(order.command->words.name, "add");
    assert_string_equal(order.operands[0], "anna");
    assert_string_equal(order.operands[1], "anna@example.com");
    assert_true(has_option(&order, OPTION_VERIFIED) && has_option(&order, OPTION_JSON));
    assert_true(has_option(&order, OPTION_GENERATE));
    assert_false(has_option(&order, OPTION_NO_PASSWORD));
    assert_true(reads("list --limit 12 --search x", &order, &err));
    assert_int_equal(order.limit, 12);
    assert_string_equal(order.options[OPTION_SEARCH], "x");
    assert_true(reads("list", &order, &err));
    assert_int_equal(order.limit, 0);
    assert_true(reads("show -- --json", &order, &err));
    assert_string_equal(order.operands[0], "--json");
    assert_true(reads("sessions anna --end --end", &order, &err));
    assert_string_equal(order.options[OPTION_END], "--end");
}

static void test_wrong_words_are_named(void **state)
{
    static const struct {
        const char *line;
        const char *sentence; /* a part of it */
    } wrong[] = {
        {"", "a command is missing"},
        {"lst", "unknown command: user lst"},
        {"show", "`user show` needs USER"},
        {"add anna", "needs USERNAME EMAIL"},
        {"show anna berta", "takes no \"berta\""},
        {"list anna", "takes no \"anna\""},
        {"list --limit", "--limit needs a value"},
        {"list --limit 0", "--limit needs a number"},
        {"list --limit -1", "--limit needs a number"},
        {"list --limit 1x", "--limit needs a number"},
        {"list --limit 99999999999999999999", "--limit needs a number"},
        {"show anna --yes", "has no option --yes"},
        {"show anna --nonsense", "has no option --nonsense"},
        {"show anna -j", "has no option -j"},
        {"add anna a@example.com --generate --password-stdin", "exclude one another"},
        {"add anna a@example.com --no-password --generate", "exclude one another"},
        {"sessions anna --end x --end-all", "exclude one another"},
        {"show \xff", "not UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct user_order order;
        struct err err = {""};
        assert_false(reads(wrong[i].line, &order, &err));
        if (strstr(err.text, wrong[i].sentence) == NULL)
            fail_msg("\"%s\": %s", wrong[i].line, err.text);
    }
}

static void test_an_empty_name_is_no_name(void **state)
{
    const char *const words[] = {"delete", "", "--yes"};
    struct user_order order;
    struct err err = {""};

    (void)state;
    assert_false(user_order_read(words, ARRAY_LEN(words), &order, &err));
}

static void test_a_name_is_one_segment_of_the_path_whatever_is_in_it(void **state)
{
    static const char *const names[][2] = {
        {"anna", "/admin/users/anna/sessions"},
        {"a/../b?c#d", "/admin/users/a%2F..%2Fb%3Fc%23d/sessions"},
        {"a+b%20@example.com", "/admin/users/a%2Bb%2520%40example.com/sessions"},
        {"\xc3\xa4", "/admin/users/%C3%A4/sessions"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = admin_user_path(names[i][0], "/sessions");
        assert_string_equal(path, names[i][1]);
        free(path);
    }
}

/* ---- the terminal -----------------------------------------------------------------------------
 */

static void assert_shown(struct slice text, const char *expected)
{
    char *shown = terminal_text(text);

    assert_string_equal(shown, expected);
    free(shown);
}

static void test_nothing_that_a_terminal_obeys_is_shown_as_it_is(void **state)
{
    (void)state;
    assert_shown(SLICE_LITERAL("anna \xc3\xa4 \xe6\x98\x8e"), "anna \xc3\xa4 \xe6\x98\x8e");
    assert_shown(SLICE_LITERAL(""), "");
    assert_shown(SLICE_LITERAL("a\x1b[2Jb\r\n\x7f"), "a\\u{1B}[2Jb\\u{D}\\u{A}\\u{7F}");
    assert_shown(SLICE_LITERAL("\xc2\x9b"), "\\u{9B}"); /* C1's CSI */
    assert_shown(SLICE_LITERAL("a\xe2\x80\xae"
                               "b"),
                 "a\\u{202E}b"); /* right to left */
    assert_shown(SLICE_LITERAL("\xe2\x80\x8b\xe2\x80\xa8"), "\\u{200B}\\u{2028}");
    assert_shown(SLICE_LITERAL("\xf4\x8f\xbf\xbd"), "\\u{10FFFD}"); /* private use */
    assert_shown(SLICE_LITERAL("a\xff\xc3"), "a\\xFF\\xC3");
    assert_shown(slice_of("a\0b", 3), "a\\u{0}b");
}

static void test_a_table_is_aligned_by_what_a_terminal_shows(void **state)
{
    static const char *const headers[] = {"ID", "NAME", "STATE"};
    char text[512] = "";
    FILE *to = fmemopen(text, sizeof(text), "w");
    struct table *table = table_new(headers, 3);

    (void)state;
    assert_non_null(to);
    table_add(table, (struct slice[]){SLICE_LITERAL("1"),
                                      SLICE_LITERAL("\xe6\x98\x8e\xe6\x97\xa5"
                                                    "\xe9\xa6\x99"),
                                      SLICE_LITERAL("on")});
    table_add(table, (struct slice[]){SLICE_LITERAL("22"), SLICE_LITERAL("o\xcc\x88x"),
                                      SLICE_LITERAL("off")});
    table_print(table, to);
    table_add(table, (struct slice[]){SLICE_LITERAL("333"), SLICE_LITERAL("a"), SLICE_LITERAL("")});
    table_print(table, to);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(text, "ID  NAME    STATE\n"
                              "1   \xe6\x98\x8e\xe6\x97\xa5\xe9\xa6\x99  on\n"
                              "22  o\xcc\x88x      off\n"
                              "333  a       \n");
    table_free(&table);
    assert_null(table);
}

/* ---- passwords --------------------------------------------------------------------------------
 */

static bool reads_password(const char *line, char password_out[PASSWORD_TEXT_BYTES])
{
    struct err err = {""};
    FILE *from = fmemopen((void *)(uintptr_t)line, strlen(line) + 1, "r");

    assert_non_null(from);
    bool fine = password_read(from, password_out, &err);
    assert_int_equal(fclose(from), 0);
    assert_true(fine == (err.text[0] == '\0'));
    return fine;
}

static void test_a_password_is_the_first_line_with_its_blanks(void **state)
{
    char password[PASSWORD_TEXT_BYTES];
    char longest[PASSWORD_TEXT_BYTES + 2];

    (void)state;
    assert_true(reads_password(" two words \nrest", password));
    assert_string_equal(password, " two words ");
    assert_true(reads_password("no end", password));
    assert_string_equal(password, "no end");
    assert_true(reads_password("dos\r\n", password));
    assert_string_equal(password, "dos");
    assert_false(reads_password("\nrest", password));
    assert_false(reads_password("\xff\n", password));
    memset(longest, 'x', sizeof(longest));
    longest[PASSWORD_TEXT_BYTES - 1] = '\n';
    longest[PASSWORD_TEXT_BYTES] = '\0';
    assert_true(reads_password(longest, password));
    assert_int_equal(strlen(password), PASSWORD_TEXT_BYTES - 1);
    longest[PASSWORD_TEXT_BYTES - 1] = 'x';
    longest[PASSWORD_TEXT_BYTES] = '\n';
    longest[PASSWORD_TEXT_BYTES + 1] = '\0';
    assert_false(reads_password(longest, password));
}

static void test_a_made_password_is_as_long_as_the_rule_wants_and_another_each_time(void **state)
{
    char one[PASSWORD_TEXT_BYTES];
    char two[PASSWORD_TEXT_BYTES];

    (void)state;
    password_generate(8, one);
    password_generate(8, two);
    assert_int_equal(strlen(one), 20);
    assert_string_not_equal(one, two);
    password_generate(64, one);
    assert_true(strlen(one) >= 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operands_and_options_come_in_any_order),
        cmocka_unit_test(test_wrong_words_are_named),
        cmocka_unit_test(test_an_empty_name_is_no_name),
        cmocka_unit_test(test_a_name_is_one_segment_of_the_path_whatever_is_in_it),
        cmocka_unit_test(test_nothing_that_a_terminal_obeys_is_shown_as_it_is),
        cmocka_unit_test(test_a_table_is_aligned_by_what_a_terminal_shows),
        cmocka_unit_test(test_a_password_is_the_first_line_with_its_blanks),
        cmocka_unit_test(test_a_made_password_is_as_long_as_the_rule_wants_and_another_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
