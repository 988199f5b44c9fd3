/* The reader refuses what yajl lets pass; the writer writes what the reader reads. */
#include "gatepost/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static enum json_status read_text(const char *text, struct json_object *object)
{
    return json_read(slice_of_text(text), object, NULL);
}

static enum json_status status_of(struct slice body)
{
    struct json_object object;
    enum json_status status = json_read(body, &object, NULL);

    if (status == JSON_SYNTAX || status == JSON_DUPLICATE)
        assert_null(object.text);
    json_object_fini(&object);
    return status;
}

#define assert_slice(slice, text) assert_true(slice_equal((slice), SLICE_LITERAL(text)))

static void test_a_flat_object_is_read_in_its_order(void **state)
{
    (void)state;
    struct json_object object;

    assert_int_equal(read_text(" {\"a\":\"x\", \"n\":-12 ,\"f\":1.50e3,\"t\":true,\"u\":false,"
                               "\"z\":null,\"l\":[1,[2]],\"o\":{\"p\":{\"q\":[]}}}\n",
                               &object),
                     JSON_OK);
    static const enum json_type types[] = {JSON_STRING, JSON_INTEGER, JSON_FLOAT, JSON_TRUE,
                                           JSON_FALSE,  JSON_NULL,    JSON_ARRAY, JSON_OBJECT};
    assert_int_equal(object.count, ARRAY_LEN(types));
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        assert_int_equal(object.members[i].type, types[i]);
        assert_false(object.members[i].has_surrogate);
    }
    assert_slice(object.members[0].name, "a");
    assert_slice(object.members[0].text, "x");
    assert_slice(object.members[1].text, "-12");
    assert_slice(object.members[2].text, "1.50e3");
    assert_slice(object.members[7].name, "o");
    json_object_fini(&object);
}

static void test_numbers_of_any_size_are_text(void **state)
{
    (void)state;
    struct json_object object;

    assert_int_equal(
        read_text("{\"a\":9223372036854775808,\"b\":-9223372036854775808,\"c\":1e999,\"d\":1E2}",
                  &object),
        JSON_OK);
    assert_slice(object.members[0].text, "9223372036854775808");
    assert_slice(object.members[1].text, "-9223372036854775808");
    assert_slice(object.members[2].text, "1e999");
    assert_int_equal(object.members[3].type, JSON_FLOAT);
    json_object_fini(&object);
}

static void test_escapes_are_decoded_and_a_nul_is_passed_on(void **state)
{
    (void)state;
    struct json_object object;

    assert_int_equal(
        read_text("{\"k\\u0000\":\"a\\u0000b\\n\\/\\\"\\\\\\u00e9\\uD83D\\uDE00\"}", &object),
        JSON_OK);
    assert_slice(object.members[0].name, "k\0");
    assert_slice(object.members[0].text, "a\0b\n/\"\\\xc3\xa9\xf0\x9f\x98\x80");
    assert_false(object.members[0].has_surrogate);
    json_object_fini(&object);
}

static void test_a_lone_surrogate_is_told_by_the_member_it_stood_in(void **state)
{
    (void)state;
    struct json_object object;

    assert_int_equal(read_text("{\"a\":\"x\\\\ud800\",\"b\":\"\\uDc00y\\ud800\",\"c\":\"\\ud83d"
                               "\\ude00\",\"d\":\"\\ud801\\ud800\\udc00\"}",
                               &object),
                     JSON_OK);
    assert_false(object.members[0].has_surrogate);
    assert_slice(object.members[0].text, "x\\ud800");
    assert_true(object.members[1].has_surrogate);
    assert_int_equal(object.members[1].surrogate, 0xDC00);
    assert_slice(object.members[1].text, "\xef\xbf\xbdy\xef\xbf\xbd");
    assert_false(object.members[2].has_surrogate);
    assert_true(object.members[3].has_surrogate);
    assert_int_equal(object.members[3].surrogate, 0xD801);
    assert_slice(object.members[3].text, "\xef\xbf\xbd\xf0\x90\x80\x80");
    json_object_fini(&object);
}

static void test_a_lone_surrogate_in_a_name_or_deeper_is_refused(void **state)
{
    (void)state;
    assert_int_equal(status_of(SLICE_LITERAL("{\"\\ud800\":1}")), JSON_SYNTAX);
    assert_int_equal(status_of(SLICE_LITERAL("{\"a\":[\"\\udfff\"]}")), JSON_SYNTAX);
    assert_int_equal(status_of(SLICE_LITERAL("{\"a\":{\"\\udfff\":1}}")), JSON_SYNTAX);
}

static void test_a_name_that_stands_twice_is_a_duplicate(void **state)
{
    (void)state;
    assert_int_equal(status_of(SLICE_LITERAL("{\"a\":1,\"b\":2,\"a\":1}")), JSON_DUPLICATE);
    assert_int_equal(status_of(SLICE_LITERAL("{\"a\":1,\"\\u0061\":1}")), JSON_DUPLICATE);
    assert_int_equal(status_of(SLICE_LITERAL("{\"\":1,\"\":1}")), JSON_DUPLICATE);
    assert_int_equal(status_of(SLICE_LITERAL("{\"a\":1,\"a\\u0000\":1,\"A\":1}")), JSON_OK);
}

static void test_what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "{]",
        "{\"a\":1",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1}x",
        "{}{}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":NaN}",
        "[1,]",
        "tru",
        "nul",
        "\"abc",
        "{\"a\":1e}",
        "{\"a\":Infinity}",
        "// x\n{}",
        "/* x */{}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12G4\"}",
        "{\"a\":\"\\",
        "\xef\xbb\xbf{}",
        "\\ud800",
        "{\\ud800}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (status_of(slice_of_text(texts[i])) != JSON_SYNTAX)
            fail_msg("taken: %s", texts[i]);
    }
    assert_int_equal(status_of(SLICE_LITERAL("{\"a\":\"x\0y\"}")), JSON_SYNTAX);
    assert_int_equal(status_of(SLICE_LITERAL("{}\0")), JSON_SYNTAX);
}

static void test_what_is_no_utf8_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    static const char *const bytes[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe2\x82",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
        "\xf0\x9f\x98",
        "a\xcc",
    };
    char text[64];

    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        (void)snprintf(text, sizeof(text), "{\"a\":\"%s\"}", bytes[i]);
        assert_int_equal(status_of(slice_of_text(text)), JSON_SYNTAX);
        (void)snprintf(text, sizeof(text), "{\"%s\":1}", bytes[i]);
        assert_int_equal(status_of(slice_of_text(text)), JSON_SYNTAX);
        (void)snprintf(text, sizeof(text), "{\"a\":[\"%s\"]}", bytes[i]);
        assert_int_equal(status_of(slice_of_text(text)), JSON_SYNTAX);
    }
    assert_int_equal(
        status_of(SLICE_LITERAL("{\"a\":\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"}")), JSON_OK);
}

static void test_depth_and_members_are_bounded(void **state)
{
    (void)state;
    char text[70000];
    size_t len = 0;

    assert_int_equal(status_of(SLICE_LITERAL("{\"a\":[[[1]]]}")), JSON_OK);
    assert_int_equal(status_of(SLICE_LITERAL("{\"a\":[[[[1]]]]}")), JSON_SYNTAX);
    assert_int_equal(status_of(SLICE_LITERAL("[[[[[]]]]]")), JSON_SYNTAX);
    memset(text, '[', 60000);
    assert_int_equal(status_of(slice_of(text, 60000)), JSON_SYNTAX);

    text[len++] = '{';
    for (int i = 0; i < JSON_MEMBERS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"m%d\":1", i > 0 ? "," : "", i);
    text[len] = '}';
    assert_int_equal(status_of(slice_of(text, len + 1)), JSON_OK);
    (void)snprintf(text + len, sizeof(text) - len, ",\"one more\":1}");
    assert_int_equal(status_of(slice_of_text(text)), JSON_SYNTAX);
}

static void test_a_body_of_the_largest_size_fits_and_one_byte_more_does_not(void **state)
{
    (void)state;
    static const char *const fillers[] = {"x", "\\n", "\\u00e9", "\\ud800"};
    char *text = xcalloc(JSON_BODY_MAX_BYTES + 1, 1);
    struct json_object object;

    for (size_t i = 0; i < ARRAY_LEN(fillers); i++) {
        size_t piece = strlen(fillers[i]);
        size_t len = 6;

        memcpy(text, "{\"a\":\"", len);
        while (len + piece + 2 <= JSON_BODY_MAX_BYTES) {
            memcpy(text + len, fillers[i], piece);
            len += piece;
        }
        memcpy(text + len, "\"}", 2);
        len += 2;
        while (len < JSON_BODY_MAX_BYTES)
            text[len++] = ' ';
        assert_int_equal(json_read(slice_of(text, len), &object, NULL), JSON_OK);
        assert_int_equal(object.members[0].has_surrogate, i == 3);
        json_object_fini(&object);
        text[len] = ' ';
        assert_int_equal(status_of(slice_of(text, len + 1)), JSON_SYNTAX);
    }
    memset(text, '7', JSON_BODY_MAX_BYTES);
    assert_int_equal(status_of(slice_of(text, JSON_BODY_MAX_BYTES)), JSON_NOT_OBJECT);
    free(text);
}

static void test_json_of_another_type_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type top;
    } cases[] = {
        {"[]", JSON_ARRAY},      {"[{\"a\":1,\"a\":2}]", JSON_ARRAY},
        {"\"{}\"", JSON_STRING}, {"12", JSON_INTEGER},
        {"1.0", JSON_FLOAT},     {"true", JSON_TRUE},
        {" false ", JSON_FALSE}, {"null", JSON_NULL},
    };
    struct json_object object;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(read_text(cases[i].text, &object), JSON_NOT_OBJECT);
        assert_int_equal(object.top, cases[i].top);
        assert_int_equal(object.count, 0);
        json_object_fini(&object);
    }
}

static void test_the_error_text_never_quotes_the_input(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"CANARY\":CANARY}", "{\"CANARY\":1,\"CANARY\":2}",
                                        "CANARY", "{\"CANARY\":[[[[[\"CANARY\"]]]]]}"};
    struct json_object object;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct err err = {{0}};

        assert_true(json_read(slice_of_text(texts[i]), &object, &err) != JSON_OK);
        assert_true(strlen(err.text) > 0);
        assert_null(strstr(err.text, "CANARY"));
    }
}

static void test_the_writer_writes_compact_json(void **state)
{
    (void)state;
    struct json_writer *writer = json_writer_new();

    json_object_begin(writer);
    json_string(writer, SLICE_LITERAL("name"));
    json_string(writer, SLICE_LITERAL("a\"\\\n\x01\0/\xc3\xa9"));
    json_string(writer, SLICE_LITERAL("list"));
    json_array_begin(writer);
    json_integer(writer, INT64_MIN);
    json_flag(writer, true);
    json_flag(writer, false);
    json_null(writer);
    json_string(writer, slice_of(NULL, 0));
    json_array_end(writer);
    json_string(writer, SLICE_LITERAL("inner"));
    json_object_begin(writer);
    json_object_end(writer);
    json_object_end(writer);
    assert_slice(json_writer_text(writer),
                 "{\"name\":\"a\\\"\\\\\\n\\u0001\\u0000/\xc3\xa9\","
                 "\"list\":[-9223372036854775808,true,false,null,\"\"],\"inner\":{}}");
    json_writer_free(&writer);
    assert_null(writer);
    json_writer_free(&writer);
}

static void test_what_the_writer_wrote_the_reader_reads(void **state)
{
    (void)state;
    char every[0x80 * 2];
    size_t len = 0;

    for (char c = 0; len < 0x80; c++)
        every[len++] = c;
    len += (size_t)snprintf(every + len, sizeof(every) - len, "\xe2\x80\xa8\xf4\x8f\xbf\xbf");

    struct json_writer *writer = json_writer_new();
    struct json_object object;
    json_object_begin(writer);
    json_string(writer, SLICE_LITERAL("k"));
    json_string(writer, slice_of(every, len));
    json_object_end(writer);
    assert_int_equal(json_read(json_writer_text(writer), &object, NULL), JSON_OK);
    assert_true(slice_equal(object.members[0].text, slice_of(every, len)));
    json_object_fini(&object);
    json_writer_free(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flat_object_is_read_in_its_order),
        cmocka_unit_test(test_numbers_of_any_size_are_text),
        cmocka_unit_test(test_escapes_are_decoded_and_a_nul_is_passed_on),
        cmocka_unit_test(test_a_lone_surrogate_is_told_by_the_member_it_stood_in),
        cmocka_unit_test(test_a_lone_surrogate_in_a_name_or_deeper_is_refused),
        cmocka_unit_test(test_a_name_that_stands_twice_is_a_duplicate),
        cmocka_unit_test(test_what_is_no_json_is_refused),
        cmocka_unit_test(test_what_is_no_utf8_is_refused_wherever_it_stands),
        cmocka_unit_test(test_depth_and_members_are_bounded),
        cmocka_unit_test(test_a_body_of_the_largest_size_fits_and_one_byte_more_does_not),
        cmocka_unit_test(test_json_of_another_type_is_named),
        cmocka_unit_test(test_the_error_text_never_quotes_the_input),
        cmocka_unit_test(test_the_writer_writes_compact_json),
        cmocka_unit_test(test_what_the_writer_wrote_the_reader_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
