/* Language tags of bodies and of Accept-Language. */
#include "worker/accept_language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_a_tag_is_read_in_its_canonical_case(void **state)
{
    static const char *const tags[][2] = {
        {"de", "de"},
        {"EN", "en"},
        {"pt-br", "pt-BR"},
        {"PT-BR", "pt-BR"},
        {"zh-hans-cn", "zh-Hans-CN"},
        {"SR-LATN", "sr-Latn"},
        {"es-419", "es-419"},
        {"de-ch-1996", "de-CH-1996"},
        {"sl-ROZAJ-biske", "sl-rozaj-biske"},
        {"en-us-u-islamcal", "en-US-u-islamcal"},
        {"en-ca-x-ca", "en-CA-x-ca"}, /* RFC 5646 section 2.1.1 */
        {"az-latn-x-LATN", "az-Latn-x-latn"},
        {"sgn-be-fr", "sgn-BE-FR"},
        {"deutsch", "deutsch"}, /* well-formed: what it means is not looked up */
        {"a2345678", NULL},
        {"abcdefgh-12345678-12345678-12345678", "abcdefgh-12345678-12345678-12345678"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        struct language language;
        if (tags[i][1] == NULL) {
            assert_false(language_read(slice_of_text(tags[i][0]), &language));
            continue;
        }
        if (!language_read(slice_of_text(tags[i][0]), &language))
            fail_msg("not read: %s", tags[i][0]);
        assert_string_equal(language.tag, tags[i][1]);
    }
}

static void test_what_is_no_tag_is_refused_and_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "",       "-",           "d",
        "*",      "x-pig",       "i-navajo",
        "de-",    "-de",         "de--AT",
        "de_AT",  "1de",         "d1",
        "123",    "de-x",        "en-a-b",
        "en-u",   "abcdefghi",   "de-123456789",
        "de AT",  "de\n",        "d\xc3\xa9",
        "de;q=1", "en-US.UTF-8", "abcdefgh-12345678-12345678-123456789",
    };
    struct language language = {"kept"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (language_read(slice_of_text(texts[i]), &language))
            fail_msg("read: %s", texts[i]);
    }
    assert_false(language_read(SLICE_LITERAL("de\0AT"), &language));
    assert_false(language_read(slice_of(NULL, 0), &language));
    assert_string_equal(language.tag, "kept");
}

static void test_the_highest_weight_wins_of_equal_ones_the_first(void **state)
{
    static const char *const headers[][2] = {
        {"de", "de"},
        {"de-AT, de;q=0.9, en;q=0.8", "de-AT"},
        {"en;q=0.8, de;q=0.9", "de"},
        {"fr;q=0.5,es;q=0.5", "fr"},
        {"da, en-gb;q=0.8, en;q=0.7", "da"}, /* RFC 9110's own */
        {"en;q=0.001, ja;q=0.002", "ja"},
        {" \t ja \t; \tq=0.3 , pt-br ; Q=1.000", "pt-BR"},
        {"en;q=1.", "en"},
        {",, ,de,", "de"},
        {"de;q=0, en;q=0.1", "en"},
        {"*, en;q=0.1", "en"},
        {"*;q=0.5", ""},
        {"de;q=0", ""},
        {"", ""},
        {"de;q=1.001, en;q=0.1", "en"},
        {"de;q=2, en;q=0.1", "en"},
        {"de;q=-1, en;q=0.1", "en"},
        {"de;q=0.1234, en;q=0.1", "en"},
        {"de;q=, en;q=0.1", "en"},
        {"de;q, en;q=0.1", "en"},
        {"de;level=1, en;q=0.1", "en"},
        {"de;q=x.5, en;q=0.1", "en"},
        {"de;q=0,5, en;q=0.1", "en"},
        {"d e, en;q=0.1", "en"},
        {"de\x80, en;q=0.1", "en"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct language language = language_accepted(slice_of_text(headers[i][0]));
        if (strcmp(language.tag, headers[i][1]) != 0)
            fail_msg("\"%s\" gives \"%s\"", headers[i][0], language.tag);
    }
    assert_string_equal(language_accepted(slice_of(NULL, 0)).tag, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tag_is_read_in_its_canonical_case),
        cmocka_unit_test(test_what_is_no_tag_is_refused_and_changes_nothing),
        cmocka_unit_test(test_the_highest_weight_wins_of_equal_ones_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
