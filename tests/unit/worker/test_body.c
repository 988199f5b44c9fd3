/* Bodies: field tables, forms, and the sentences of DRF 3.14 in their order. The expected sentences
 * were recorded from Django 3.2 with DRF 3.14. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gatepost/encoding.h"
#include "worker/body.h"

struct form {
    struct email email;
    struct username username;
    struct slice password;
};

static const struct field FIELDS[] = {
    {"email", FIELD_EMAIL, offsetof(struct form, email)},
    {"username", FIELD_USERNAME, offsetof(struct form, username)},
    {"password", FIELD_PASSWORD, offsetof(struct form, password)},
};

#define REQUIRED   "This field is required."
#define BLANK      "This field may not be blank."
#define IS_NULL    "This field may not be null."
#define NOT_STRING "Not a valid string."
#define NOT_EMAIL  "Enter a valid email address."
#define HAS_NUL    "Null characters are not allowed."
#define BAD_NAME                                                                                   \
    "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ "         \
    "characters."
#define LONG_NAME "Ensure this field has no more than 150 characters."
#define LONG_MAIL "Ensure this field has no more than 254 characters."

/* All sentences of one body: fields apart by '|', sentences by '&'; "" when all is well. */
static void sentences(enum body_format format, const char *text, char *told, size_t max)
{
    struct body body;
    struct form form = {.password = slice_of(NULL, 0)};
    struct field_problems problems[3];
    struct err err = {""};

    assert_int_equal(body_read(format, slice_of_text(text), &body, &err), BODY_OK);
    size_t wrong = body_check(&body, FIELDS, 3, &form, problems);
    told[0] = '\0';
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < problems[i].count; j++) {
            if (told[0] != '\0')
                strncat(told, j > 0 ? "&" : "|", max - strlen(told) - 1);
            strncat(told, problems[i].sentences[j], max - strlen(told) - 1);
        }
    }
    assert_int_equal(wrong == 0, told[0] == '\0');
    body_fini(&body);
}

static void tells(enum body_format format, const char *text, const char *expected)
{
    char told[1024];

    sentences(format, text, told, sizeof(told));
    assert_string_equal(told, expected);
}

static void test_a_good_body_gives_its_values(void **state)
{
    static const char text[] =
        "{\"username\":\"  joe \",\"email\":\" Joe@EX\\u00e4mple.com\\n\",\"password\":\" p w \"}";
    struct body body;
    struct form form;
    struct field_problems problems[3];
    struct err err;

    (void)state;
    assert_int_equal(body_read(BODY_JSON, slice_of_text(text), &body, &err), BODY_OK);
    assert_int_equal(body_check(&body, FIELDS, 3, &form, problems), 0);
    assert_string_equal(form.username.text, "joe");
    assert_string_equal(form.email.address, "Joe@xn--exmple-cua.com");
    assert_true(slice_equal(form.password, SLICE_LITERAL(" p w ")));
    body_fini(&body);
}

static void test_every_wrong_field_is_told_at_once(void **state)
{
    (void)state;
    tells(BODY_JSON, "{}", REQUIRED "|" REQUIRED "|" REQUIRED);
    tells(BODY_EMPTY, "", REQUIRED "|" REQUIRED "|" REQUIRED);
    tells(BODY_JSON, "{\"username\":\"   \",\"email\":\"\",\"password\":\" \\u2003\\u001f \"}",
          BLANK "|" BLANK "|" BLANK);
    tells(BODY_JSON, "{\"username\":null,\"email\":null,\"password\":null}",
          IS_NULL "|" IS_NULL "|" IS_NULL);
}

static void test_only_texts_and_numbers_are_texts(void **state)
{
    (void)state;
    tells(BODY_JSON, "{\"username\":[\"x\"],\"email\":[\"x@example.com\"],\"password\":{}}",
          NOT_EMAIL "|" NOT_STRING "|" NOT_STRING);
    tells(BODY_JSON, "{\"username\":true,\"email\":false,\"password\":true}",
          NOT_EMAIL "|" NOT_STRING "|" NOT_STRING);
    tells(BODY_JSON, "{\"username\":1e5,\"email\":5,\"password\":1.5}", NOT_EMAIL);
}

static void test_sentences_stand_in_the_order_of_drf(void **state)
{
    char body[700] = "{\"email\":\"a@b.com\",\"password\":\"p\",\"username\":\"";
    size_t len = strlen(body);

    (void)state;
    memset(body + len, '!', 151);
    memcpy(body + len + 151, "\\u0000\\udabc\"}", 15);
    tells(BODY_JSON, body,
          BAD_NAME "&" LONG_NAME "&" HAS_NUL "&Surrogate characters are not allowed: U+DABC.");
    tells(BODY_JSON, "{\"email\":\"a\\u0000@b.com\",\"password\":\"\\ud800\",\"username\":\"a\"}",
          HAS_NUL "&" NOT_EMAIL "|Surrogate characters are not allowed: U+D800.");
    tells(BODY_JSON, "{\"email\":\"\\ud800@b.com\",\"password\":\"a\\u0000\",\"username\":\"a\"}",
          "Surrogate characters are not allowed: U+D800.&" NOT_EMAIL "|" HAS_NUL);
}

static void test_a_long_address_is_told_to_be_long_and_wrong_only_if_it_is(void **state)
{
    char body[800];

    (void)state;
    snprintf(body, sizeof(body),
             "{\"username\":\"a\",\"password\":\"p\",\"email\":\"%.*s@%.*s.%.*s.%.*s.com\"}", 60,
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 62,
             "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 63,
             "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", 63,
             "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd");
    tells(BODY_JSON, body, LONG_MAIL);
    char *at = strchr(body, '@');
    *at = 'a';
    tells(BODY_JSON, body, LONG_MAIL "&" NOT_EMAIL);
}

static void test_forms_are_read_like_querydicts(void **state)
{
    (void)state;
    tells(BODY_FORM, "username=zz&username=joe&email=joe%40b.com&password=p", "");
    tells(BODY_FORM, "username=joe&email=joe@b.com&password=", BLANK);
    tells(BODY_FORM, "username=joe&email=joe@b.com&password", BLANK);
    tells(BODY_FORM, "username=%zz&email=joe@b.com&password=+%", BAD_NAME);
    tells(BODY_FORM, "&&username=j%00&email=joe@b.com&&password=p&", BAD_NAME "&" HAS_NUL);
}

static void test_of_a_repeated_name_the_last_value_counts(void **state)
{
    struct body body;
    struct form form;
    struct field_problems problems[3];

    (void)state;
    assert_int_equal(body_read(BODY_FORM,
                               slice_of_text("password=one&username=j&password=t%77o+2&"
                                             "email=a%2Bb@c.com"),
                               &body, NULL),
                     BODY_OK);
    assert_int_equal(body_check(&body, FIELDS, 3, &form, problems), 0);
    assert_true(slice_equal(form.password, SLICE_LITERAL("two 2")));
    assert_string_equal(form.email.address, "a+b@c.com");
    body_fini(&body);
}

static void test_a_form_that_is_not_utf8_or_has_too_many_names_is_refused(void **state)
{
    char many[400] = "";
    struct body body;

    (void)state;
    assert_int_equal(body_read(BODY_FORM, slice_of_text("a=%ff"), &body, NULL), BODY_NOT_FORM);
    body_fini(&body);
    assert_int_equal(body_read(BODY_FORM, slice_of_text("a=\xc0\x80"), &body, NULL), BODY_NOT_FORM);
    body_fini(&body);
    for (int i = 0; i <= JSON_MEMBERS_MAX; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "n%d=1&", i);
    assert_int_equal(body_read(BODY_FORM, slice_of_text(many), &body, NULL), BODY_NOT_FORM);
    body_fini(&body);
}

static void test_what_is_no_object_is_named_as_python_names_it(void **state)
{
    static const char *const texts[] = {"[]", "\"x\"", "5", "1.5", "true", "null"};
    static const char *const names[] = {"list.",  "str.",  "int.",
                                        "float.", "bool.", "No data provided"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct body body;
        struct err err;
        assert_int_equal(body_read(BODY_JSON, slice_of_text(texts[i]), &body, &err),
                         BODY_NOT_OBJECT);
        const char *sentence = body_not_object_sentence(body.object.top);
        assert_string_equal(sentence + strlen(sentence) - strlen(names[i]), names[i]);
        body_fini(&body);
    }
}

static void test_broken_json_is_told_without_quoting_it(void **state)
{
    static const char *const texts[] = {"{\"canary\"", "{\"canary\":NaN}", "\xef\xbb\xbf{}",
                                        "{\"canary\":1,\"canary\":2}", "{\"canary\":\"\xff\"}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct body body;
        struct err err = {""};
        assert_int_equal(body_read(BODY_JSON, slice_of_text(texts[i]), &body, &err), BODY_NOT_JSON);
        assert_true(err.text[0] != '\0');
        assert_null(strstr(err.text, "canary"));
        body_fini(&body);
    }
}

static void test_python_strips_more_than_ascii_blanks(void **state)
{
    (void)state;
    assert_true(slice_equal(text_trimmed(slice_of_text("\xe3\x80\x80\x1c a b\xc2\xa0\xc2\x85")),
                            SLICE_LITERAL("a b")));
    /* U+200B is no blank for Python, U+180E has not been one since Unicode 6.3. */
    assert_true(
        slice_equal(text_trimmed(slice_of_text("\xe2\x80\x8b")), SLICE_LITERAL("\xe2\x80\x8b")));
    assert_int_equal(text_trimmed(slice_of_text(" \t ")).len, 0);
}

static void test_a_flag_is_true_or_false_and_nothing_else(void **state)
{
    static const struct field flag = {"on", FIELD_FLAG, 0};
    static const struct {
        enum body_format format;
        const char *text;
        const char *sentence; /* NULL: good */
        bool on;
    } bodies[] = {
        {BODY_JSON, "{\"on\":true}", NULL, true},
        {BODY_JSON, "{\"on\":false}", NULL, false},
        {BODY_FORM, "on=true", NULL, true},
        {BODY_FORM, "on=false", NULL, false},
        {BODY_JSON, "{\"on\":null}", IS_NULL, false},
        {BODY_JSON, "{}", REQUIRED, false},
        {BODY_JSON, "{\"on\":1}", "Must be a valid boolean.", false},
        {BODY_JSON, "{\"on\":[true]}", "Must be a valid boolean.", false},
        {BODY_FORM, "on=", "Must be a valid boolean.", false},
        {BODY_FORM, "on=TRUE ", "Must be a valid boolean.", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct body body;
        struct field_problems problems;
        struct err err;
        bool on = !bodies[i].on;
        assert_int_equal(body_read(bodies[i].format, slice_of_text(bodies[i].text), &body, &err),
                         BODY_OK);
        assert_int_equal(body_has_value(&body, "on"), strstr(bodies[i].text, "on") != NULL &&
                                                          strstr(bodies[i].text, "null") == NULL);
        size_t wrong = body_check(&body, &flag, 1, &on, &problems);
        assert_int_equal(wrong, bodies[i].sentence != NULL);
        if (wrong > 0)
            assert_string_equal(problems.sentences[0], bodies[i].sentence);
        else
            assert_int_equal(on, bodies[i].on);
        body_fini(&body);
    }
}

static void test_a_language_may_be_missing_and_is_a_tag(void **state)
{
    static const struct field field = {"language", FIELD_LANGUAGE, 0};
    static const char not_tag[] = "Enter a valid language tag, such as en or pt-BR.";
    static const struct {
        enum body_format format;
        const char *text;
        const char *sentence; /* NULL: good */
        const char *tag;
    } bodies[] = {
        {BODY_JSON, "{}", NULL, "was"},
        {BODY_JSON, "{\"language\":\"\"}", NULL, "was"},
        {BODY_JSON, "{\"language\":\" pt-br \"}", NULL, "pt-BR"},
        {BODY_FORM, "language=de-AT", NULL, "de-AT"},
        {BODY_FORM, "language=", NULL, "was"},
        {BODY_JSON, "{\"language\":null}", IS_NULL, "was"},
        {BODY_JSON, "{\"language\":1}", NOT_STRING, "was"},
        {BODY_JSON, "{\"language\":[\"de\"]}", NOT_STRING, "was"},
        {BODY_JSON, "{\"language\":{}}", NOT_STRING, "was"},
        {BODY_JSON, "{\"language\":\"de_AT\"}", not_tag, "was"},
        {BODY_JSON, "{\"language\":\"de\\u0000\"}", not_tag, "was"},
        {BODY_JSON, "{\"language\":\"\\ud800\"}", not_tag, "was"},
        {BODY_JSON, "{\"language\":\"abcdefgh-12345678-12345678-12345678-1\"}", not_tag, "was"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct body body;
        struct field_problems problems;
        struct err err;
        struct language language = {"was"};
        assert_int_equal(body_read(bodies[i].format, slice_of_text(bodies[i].text), &body, &err),
                         BODY_OK);
        assert_int_equal(body_check(&body, &field, 1, &language, &problems),
                         bodies[i].sentence != NULL);
        if (bodies[i].sentence != NULL)
            assert_string_equal(problems.sentences[0], bodies[i].sentence);
        assert_string_equal(language.tag, bodies[i].tag);
        body_fini(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_body_gives_its_values),
        cmocka_unit_test(test_every_wrong_field_is_told_at_once),
        cmocka_unit_test(test_only_texts_and_numbers_are_texts),
        cmocka_unit_test(test_sentences_stand_in_the_order_of_drf),
        cmocka_unit_test(test_a_long_address_is_told_to_be_long_and_wrong_only_if_it_is),
        cmocka_unit_test(test_forms_are_read_like_querydicts),
        cmocka_unit_test(test_of_a_repeated_name_the_last_value_counts),
        cmocka_unit_test(test_a_form_that_is_not_utf8_or_has_too_many_names_is_refused),
        cmocka_unit_test(test_what_is_no_object_is_named_as_python_names_it),
        cmocka_unit_test(test_broken_json_is_told_without_quoting_it),
        cmocka_unit_test(test_a_flag_is_true_or_false_and_nothing_else),
        cmocka_unit_test(test_a_language_may_be_missing_and_is_a_tag),
        cmocka_unit_test(test_python_strips_more_than_ascii_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
