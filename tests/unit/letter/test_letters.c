/* The letters that are built in: every one in every language, with values that want to be more. */
#include "gatepost/letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatepost/encoding.h"
#include "lib/letter/built_in.h"
#include "lib/letter/set.h"

#define CREATED 1795445507000LL /* Mon, 23 Nov 2026 14:51:47 UTC */
#define LINK    "https://id.example.org/verify-email?token=abc"

static struct letter_set *letters;
static char text[LETTER_MAX_BYTES + 1];

static void on_problem(void *context, const char *where, const char *sentence)
{
    size_t *count = context;
    print_message("%s: %s\n", where, sentence);
    (*count)++;
}

static bool compose(const char *language, uint8_t purpose, const char *name, enum letter_form form)
{
    const struct letter_head head = {.from = "post@id.example.org",
                                     .public_url = "https://id.example.org:8443",
                                     .letters = letters};
    const struct letter letter = {
        .purpose = purpose,
        .to = "anna@example.com",
        .name = name,
        .language = language,
        .link = mail_purpose_path(purpose) != NULL ? LINK : "",
        .created = CREATED,
        .expires = CREATED + 86400000,
    };
    size_t len = 0;
    bool composed = letter_compose(&head, &letter, form, text, LETTER_MAX_BYTES, &len);

    text[composed ? len : 0] = '\0';
    return composed;
}

static size_t count_of(char c)
{
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++)
        count += *at == c;
    return count;
}

/* What a text is built from; a value must add nothing to it. */
struct shape {
    size_t lines, opened, closed, doubles, singles;
};

static struct shape shape_of(const char *language, uint8_t purpose, const char *name,
                             enum letter_form form)
{
    assert_true(compose(language, purpose, name, form));
    assert_true(utf8_valid(slice_of_text(text)));
    return (struct shape){count_of('\n'), count_of('<'), count_of('>'), count_of('"'),
                          count_of('\'')};
}

static void test_a_hostile_name_changes_the_shape_of_no_letter(void **state)
{
    static const char *const names[] = {
        "<script>alert(1)</script>",
        "\"'><a href=\"https://evil.example\">",
        "--></style></title></p>",
        "&lt;b&gt;&#60;",
        "a\r\n\r\nhttps://evil.example/x\r\n",
        "a\xe2\x80\xa8https://evil.example\xe2\x80\xa9",
        "\xe2\x80\xae"
        "gpj.exe",
        "{link}{{name}{button: x}",
        "\xc2\x85\x7f\x01",
    };
    (void)state;
    for (size_t i = 0; i < BUILT_IN_LANGUAGES; i++) {
        for (uint8_t purpose = 1; purpose < MAIL_PURPOSE_END; purpose++) {
            const char *language = built_in_languages[i];
            struct shape html = shape_of(language, purpose, "anna", LETTER_HTML);
            struct shape plain = shape_of(language, purpose, "anna", LETTER_TEXT);
            assert_int_equal(html.opened, html.closed);
            for (size_t n = 0; n < ARRAY_LEN(names); n++) {
                struct shape other = shape_of(language, purpose, names[n], LETTER_HTML);
                assert_memory_equal(&other, &html, sizeof(html));
                assert_null(strstr(text, "\xe2\x80\xae"));
                other = shape_of(language, purpose, names[n], LETTER_TEXT);
                assert_int_equal(other.lines, plain.lines);
                assert_true(compose(language, purpose, names[n], LETTER_MESSAGE));
            }
        }
    }
}

static void test_the_longest_names_fit_into_every_letter(void **state)
{
    char name[LETTER_NAME_MAX_BYTES + 1] = "";
    (void)state;
    memset(name, '"', LETTER_NAME_MAX_BYTES);
    for (size_t i = 0; i < BUILT_IN_LANGUAGES; i++) {
        for (uint8_t purpose = 1; purpose < MAIL_PURPOSE_END; purpose++)
            assert_true(compose(built_in_languages[i], purpose, name, LETTER_MESSAGE));
    }
}

static void test_a_name_that_is_not_utf8_makes_no_letter(void **state)
{
    (void)state;
    assert_false(compose("en", MAIL_VERIFY, "a\xff", LETTER_MESSAGE));
    assert_false(compose("en", MAIL_VERIFY, "a\xff", LETTER_HTML));
}

static void test_every_language_has_words_of_its_own_for_every_purpose(void **state)
{
    char *first;
    (void)state;
    for (uint8_t purpose = 1; purpose < MAIL_PURPOSE_END; purpose++) {
        for (size_t i = 0; i < BUILT_IN_LANGUAGES; i++) {
            assert_true(compose(built_in_languages[i], purpose, "anna", LETTER_TEXT));
            first = xstrdup(text);
            for (size_t j = 0; j < i; j++) {
                assert_true(compose(built_in_languages[j], purpose, "anna", LETTER_TEXT));
                assert_string_not_equal(first, text);
            }
            free(first);
        }
    }
}

static void expect_language(const char *tag, const char *language)
{
    const char *found = letter_set_language(letters, tag)->tag;
    if (strcmp(found, language) != 0)
        fail_msg("%s found %s", tag, found);
}

static void test_a_tag_finds_the_language_that_it_is_a_kind_of(void **state)
{
    (void)state;
    expect_language("de", "de");
    expect_language("de-AT", "de");
    expect_language("DE-at-1996", "de");
    expect_language("pt-BR", "pt");
    expect_language("ja-Hrkt", "ja");
    expect_language("", "en");
    expect_language("d", "en");
    expect_language("deu", "en");
    expect_language("-de", "en");
    expect_language("tlh", "en");
}

static void test_what_a_language_tag_is(void **state)
{
    static const char *const good[] = {"de", "pt-BR", "gsw", "zh-Hant-TW", "sl-rozaj-biske-1994"};
    static const char *const bad[] = {
        "",      "d",         "de_AT",        "de-",
        "-de",   "d1",        "deutsch",      "de--",
        "de at", "d\xc3\xa9", "de-123456789", "aa-bbbbbbbb-bbbbbbbb-bbbbbbbb-bbbbbbbb"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(language_is_tag(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(language_is_tag(bad[i]));
}

static void expect_date(wall_ms when, const char *language, const char *expected)
{
    char date[DATE_BYTES];
    date_write(when, language, date);
    assert_string_equal(date, expected);
}

static void test_dates_are_written_in_the_language(void **state)
{
    const wall_ms first_of_march = 1772326800000LL; /* 2026-03-01 01:00 UTC */
    (void)state;
    expect_date(CREATED, "en", "23 November 2026 at 14:51 UTC");
    expect_date(CREATED, "de-AT", "23. November 2026 um 14:51 Uhr (UTC)");
    expect_date(CREATED, "fr", "23 novembre 2026 à 14:51 (UTC)");
    expect_date(CREATED, "es", "23 de noviembre de 2026 a las 14:51 (UTC)");
    expect_date(CREATED, "pt", "23 de novembro de 2026 às 14:51 (UTC)");
    expect_date(CREATED, "ja", "2026年11月23日 14:51（UTC）");
    expect_date(CREATED, "it", "2026-11-23 14:51 UTC");
    expect_date(first_of_march, "en", "1 March 2026 at 01:00 UTC");
    expect_date(first_of_march, "de", "1. März 2026 um 01:00 Uhr (UTC)");
    expect_date(first_of_march, "fr", "1er mars 2026 à 01:00 (UTC)");
    expect_date(first_of_march, "es", "1 de marzo de 2026 a la 01:00 (UTC)");
    expect_date(first_of_march, "pt", "1 de março de 2026 à 01:00 (UTC)");
    expect_date(first_of_march, "ja", "2026年3月1日 01:00（UTC）");
    expect_date(253370764799999LL, "es", "31 de diciembre de 9998 a las 23:59 (UTC)");
}

static void test_a_fallback_that_has_no_letters_is_a_problem(void **state)
{
    size_t problems = 0;
    (void)state;
    assert_null(letter_set_load("", "tlh", on_problem, &problems));
    assert_int_equal(problems, 1);
    assert_null(letter_set_load("/nowhere/at/all", "en", on_problem, &problems));
    assert_int_equal(problems, 2);
}

static void test_purposes_have_numbers_names_and_paths(void **state)
{
    (void)state;
    for (unsigned number = 0; number <= UINT8_MAX; number++) {
        const char *name = mail_purpose_name((uint8_t)number);
        assert_int_equal(name != NULL, number >= 1 && number < MAIL_PURPOSE_END);
        if (name != NULL)
            assert_int_equal(mail_purpose_named(slice_of_text(name)), number);
        assert_int_equal(mail_purpose_path((uint8_t)number) != NULL, number >= 1 && number <= 3);
    }
    assert_string_equal(mail_purpose_name(MAIL_RESET_PASSWORD), "reset_password");
    assert_int_equal(mail_purpose_named(SLICE_LITERAL("VERIFY")), 0);
    assert_int_equal(mail_purpose_named(SLICE_LITERAL("")), 0);
}

/* Only where an operator has a folder are the largest letters made at a start. */
static void test_the_built_in_letters_pass_what_an_operators_have_to(void **state)
{
    char folder[] = "/tmp/gatepost-letters-XXXXXX";
    size_t problems = 0;

    (void)state;
    assert_non_null(mkdtemp(folder));
    struct letter_set *checked = letter_set_load(folder, "en", on_problem, &problems);
    assert_int_equal(rmdir(folder), 0);
    assert_non_null(checked);
    assert_int_equal(problems, 0);
    letter_set_free(&checked);
}

static int set_up(void **state)
{
    size_t problems = 0;
    (void)state;
    letters = letter_set_load("", "en", on_problem, &problems);
    return letters != NULL && problems == 0 ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    letter_set_free(&letters);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hostile_name_changes_the_shape_of_no_letter),
        cmocka_unit_test(test_the_longest_names_fit_into_every_letter),
        cmocka_unit_test(test_the_built_in_letters_pass_what_an_operators_have_to),
        cmocka_unit_test(test_a_name_that_is_not_utf8_makes_no_letter),
        cmocka_unit_test(test_every_language_has_words_of_its_own_for_every_purpose),
        cmocka_unit_test(test_a_tag_finds_the_language_that_it_is_a_kind_of),
        cmocka_unit_test(test_what_a_language_tag_is),
        cmocka_unit_test(test_dates_are_written_in_the_language),
        cmocka_unit_test(test_a_fallback_that_has_no_letters_is_a_problem),
        cmocka_unit_test(test_purposes_have_numbers_names_and_paths),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
