/* A file of objects, cut into them wherever its bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/json.h"

#define OBJECT_MAX 64

struct found {
    size_t count;
    size_t stops_at; /* 0: never */
    uint64_t lines[8];
    char objects[8][OBJECT_MAX + 1];
};

static bool on_object(void *context, struct slice object, uint64_t line)
{
    struct found *found = context;

    assert_true(found->count < 8);
    found->lines[found->count] = line;
    assert_true(slice_to_text(object, found->objects[found->count], sizeof(found->objects[0])));
    found->count++;
    return found->count != found->stops_at;
}

/* Feeds text in pieces of that size. Returns whether all of it was a stream of objects. */
static bool feed(const char *text, size_t piece, struct found *found, struct err *err)
{
    struct json_stream *stream = json_stream_new(OBJECT_MAX, on_object, found);
    size_t len = strlen(text);
    bool fine = true;

    found->count = 0;
    err_set(err, "untouched");
    for (size_t at = 0; fine && at < len; at += piece)
        fine =
            json_stream_feed(stream, slice_of(text + at, len - at < piece ? len - at : piece), err);
    fine = fine && json_stream_end(stream, err);
    json_stream_free(&stream);
    return fine;
}

static void assert_two(const char *text, uint64_t first_line, uint64_t second_line)
{
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        struct found found = {0};
        struct err err;

        assert_true(feed(text, piece, &found, &err));
        assert_int_equal(found.count, 2);
        assert_string_equal(found.objects[0], "{\"a\":\"}]\\\"{\\\\\"}");
        assert_string_equal(found.objects[1], "{\"b\":[{},{\"c\":1}]}");
        assert_int_equal(found.lines[0], first_line);
        assert_int_equal(found.lines[1], second_line);
    }
}

static void test_an_array_and_lines_give_the_same_objects_with_their_lines(void **state)
{
    (void)state;
    assert_two("[{\"a\":\"}]\\\"{\\\\\"},{\"b\":[{},{\"c\":1}]}]", 1, 1);
    assert_two("{\"a\":\"}]\\\"{\\\\\"}\n{\"b\":[{},{\"c\":1}]}\n", 1, 2);
    assert_two("\xEF\xBB\xBF\n[\r\n {\"a\":\"}]\\\"{\\\\\"}\n ,\n\t{\"b\":[{},{\"c\":1}]}\n]\n", 3,
               5);
}

static void test_what_is_no_stream_of_objects_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"[\n1]", "line 2"},   {"[{}\n{}]", "comma"},   {"[{},\n]", "line 2"},
        {"{}\n,{}", "line 2"}, {"[{}]\n{}", "behind"},  {"\"text\"", "line 1"},
        {"[{}", "middle"},     {"{\"a\":\"", "middle"}, {"[", "middle"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct found found = {0};
        struct err err;

        assert_false(feed(bad[i].text, 1, &found, &err));
        if (strstr(err.text, bad[i].says) == NULL)
            fail_msg("\"%s\" says: %s", bad[i].text, err.text);
    }
}

static void test_an_empty_file_and_an_empty_array_hold_nothing(void **state)
{
    struct found found = {0};
    struct err err;

    (void)state;
    assert_true(feed("", 1, &found, &err));
    assert_true(feed(" \n", 1, &found, &err));
    assert_true(feed("[ ]\n", 1, &found, &err));
    assert_int_equal(found.count, 0);
}

static void test_an_object_has_a_longest_length(void **state)
{
    char text[OBJECT_MAX + 2];
    struct found found = {0};
    struct err err;

    (void)state;
    memset(text, ' ', sizeof(text));
    text[0] = '{';
    text[OBJECT_MAX - 1] = '}';
    text[OBJECT_MAX] = '\0';
    assert_true(feed(text, 7, &found, &err));
    assert_int_equal(found.count, 1);
    text[OBJECT_MAX - 1] = ' ';
    text[OBJECT_MAX] = '}';
    text[OBJECT_MAX + 1] = '\0';
    assert_false(feed(text, 7, &found, &err));
    assert_non_null(strstr(err.text, "too long"));
}

static void test_who_gets_the_objects_can_end_it(void **state)
{
    struct found found = {.stops_at = 1};
    struct err err;

    (void)state;
    assert_false(feed("{}{}", 4, &found, &err));
    assert_int_equal(found.count, 1);
    assert_string_equal(err.text, "untouched");
}

/* ---- what of a value is not decoded -------------------------------------------------------------
 */

static void test_a_nested_value_comes_as_it_was_written_and_goes_without_blanks(void **state)
{
    static const char nested[] = "{ \"x\" : [1,\n \"\\u00e4 \\\" \\\\\"],\"y\":{}}";
    static const char compact[] = "{\"x\":[1,\"\\u00e4 \\\" \\\\\"],\"y\":{}}";
    char text[200];
    struct json_object object;
    struct json_object inner;
    struct err err;

    (void)state;
    snprintf(text, sizeof(text), "{\"a\\n\":\"b\\t\",\"n\":%s,\"l\":[ ],\"z\":1}", nested);
    assert_int_equal(json_read(slice_of_text(text), &object, &err), JSON_OK);
    assert_int_equal(object.count, 4);
    assert_true(slice_equal(object.members[1].text, slice_of_text(nested)));
    assert_true(slice_equal(object.members[2].text, SLICE_LITERAL("[ ]")));
    assert_true(slice_equal(object.members[3].text, SLICE_LITERAL("1")));
    assert_int_equal(json_read(object.members[1].text, &inner, &err), JSON_OK);
    assert_int_equal(inner.count, 2);
    assert_true(slice_equal(inner.members[0].text, SLICE_LITERAL("[1,\n \"\\u00e4 \\\" \\\\\"]")));

    struct json_writer *writer = json_writer_new();
    json_object_begin(writer);
    json_string(writer, SLICE_LITERAL("n"));
    json_raw(writer, object.members[1].text);
    json_string(writer, SLICE_LITERAL("m"));
    json_integer(writer, 7);
    json_object_end(writer);
    snprintf(text, sizeof(text), "{\"n\":%s,\"m\":7}", compact);
    assert_true(slice_equal(json_writer_text(writer), slice_of_text(text)));
    json_writer_free(&writer);
    json_object_fini(&inner);
    json_object_fini(&object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_array_and_lines_give_the_same_objects_with_their_lines),
        cmocka_unit_test(test_what_is_no_stream_of_objects_is_refused_with_its_line),
        cmocka_unit_test(test_an_empty_file_and_an_empty_array_hold_nothing),
        cmocka_unit_test(test_an_object_has_a_longest_length),
        cmocka_unit_test(test_who_gets_the_objects_can_end_it),
        cmocka_unit_test(test_a_nested_value_comes_as_it_was_written_and_goes_without_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
