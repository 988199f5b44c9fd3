/* The last lines that asked for attention: kept by number, shown whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/ring/ring_layout.h"

static struct segment *segment;
static char lines[NOTES_MAX][NOTE_MAX_BYTES + 1];

static int set_up(void **state)
{
    struct err err;

    (void)state;
    segment = segment_create(2, &err);
    return segment != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    segment_close(&segment);
    return 0;
}

static void put(const char *text)
{
    note_put(segment, slice_of_text(text));
}

static void test_lines_come_back_oldest_first(void **state)
{
    (void)state;
    assert_int_equal(notes_read(segment, lines), 0);
    put("one");
    put("two");
    assert_int_equal(notes_read(segment, lines), 2);
    assert_string_equal(lines[0], "one");
    assert_string_equal(lines[1], "two");
}

static void test_the_newest_are_kept(void **state)
{
    char text[32];

    (void)state;
    for (int i = 0; i < 3 * NOTES_MAX + 5; i++) {
        snprintf(text, sizeof(text), "line %d", i);
        put(text);
    }
    assert_int_equal(notes_read(segment, lines), NOTES_MAX);
    snprintf(text, sizeof(text), "line %d", 2 * NOTES_MAX + 5);
    assert_string_equal(lines[0], text);
}

static void test_a_long_line_is_cut_at_a_character(void **state)
{
    char text[NOTE_MAX_BYTES + 100];

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text + NOTE_MAX_BYTES - 1, "\xc3\xa9", 2);
    note_put(segment, slice_of(text, sizeof(text)));
    assert_int_equal(notes_read(segment, lines), 1);
    assert_int_equal(strlen(lines[0]), NOTE_MAX_BYTES - 1);
}

/* Whoever has the segment may write anything there. */
static void test_what_is_no_text_is_left_out(void **state)
{
    (void)state;
    put("fine");
    put("\x1b[2J");
    put("a\nb");
    put("\xff\xff\xff\xff\xff");
    put("\xc2\x9b");
    put("");
    put("fine too");
    assert_int_equal(notes_read(segment, lines), 2);
    assert_string_equal(lines[1], "fine too");
}

static void test_a_place_that_is_being_written_is_left_out(void **state)
{
    (void)state;
    put("one");
    put("two");
    atomic_store(&segment->notes->place[1].number, 0);
    assert_int_equal(notes_read(segment, lines), 1);
    assert_string_equal(lines[0], "two");
    atomic_store(&segment->notes->next, UINT64_MAX);
    (void)notes_read(segment, lines);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_lines_come_back_oldest_first),
        CASE(test_the_newest_are_kept),
        CASE(test_a_long_line_is_cut_at_a_character),
        CASE(test_what_is_no_text_is_left_out),
        CASE(test_a_place_that_is_being_written_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
