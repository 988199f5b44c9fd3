/* One call, one line, whatever stands in it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatepost/log.h"

static char captured[16384];

/* Runs what follows with descriptor 2 on a pipe, and gives what was written. */
static int saved_stderr, pipe_ends[2];

static void capture_begin(void)
{
    assert_int_equal(pipe2(pipe_ends, O_NONBLOCK), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
}

static const char *capture_end(void)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(pipe_ends[1]);
    ssize_t len = read(pipe_ends[0], captured, sizeof(captured) - 1);
    captured[len > 0 ? len : 0] = '\0';
    close(pipe_ends[0]);
    return captured;
}

static size_t lines_in(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void test_a_line_names_time_level_process_and_event(void **state)
{
    (void)state;
    log_init("worker.0", LOG_LEVEL_INFO);
    capture_begin();
    log_info("mail.delivered", "job=%d tries=%d", 7, 1);
    const char *line = capture_end();
    assert_int_equal(lines_in(line), 1);
    assert_int_equal(line[10], 'T');
    assert_int_equal(line[23], 'Z');
    assert_non_null(strstr(line, " info worker.0 "));
    assert_non_null(strstr(line, " mail.delivered job=7 tries=1\n"));
}

static void test_input_cannot_forge_a_line_or_steer_a_terminal(void **state)
{
    static const char *const evil[] = {"a\nb",
                                       "a\rb",
                                       "\x1b[2J",
                                       "\xc2\x9b"
                                       "2J",
                                       "\xff\xfe",
                                       "\xe2\x80\xae"
                                       "txt.exe",
                                       "\xe2\x80\xa8",
                                       "\x7f",
                                       "\xed\xa0\x80"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        capture_begin();
        log_info("test.ran", "value=%s", evil[i]);
        const char *line = capture_end();
        assert_int_equal(lines_in(line), 1);
        assert_null(strstr(line, evil[i]));
        assert_non_null(strstr(line, "\\x"));
    }
}

static void test_readable_text_stays_readable(void **state)
{
    (void)state;
    capture_begin();
    log_info("test.ran", "name=%s", "\xe7\x94\xa8\xe6\x88\xb7 \xc3\xa9");
    assert_non_null(strstr(capture_end(), "name=\xe7\x94\xa8\xe6\x88\xb7 \xc3\xa9\n"));
}

static void test_a_quoted_value_cannot_forge_a_field(void **state)
{
    char text[32];

    (void)state;
    assert_string_equal(log_quoted(SLICE_LITERAL("x\" job=1"), text, sizeof(text)),
                        "\"x\\\" job=1\"");
    assert_string_equal(log_quoted(SLICE_LITERAL("a\0b"), text, sizeof(text)), "\"a b\"");
    assert_string_equal(log_quoted(SLICE_LITERAL("abcdef"), text, 6), "\"abc\"");
}

static void test_a_long_line_is_cut_and_marked(void **state)
{
    char *text = calloc(1, 5000);

    (void)state;
    memset(text, 'x', 4999);
    capture_begin();
    log_info("test.ran", "%s", text);
    const char *line = capture_end();
    assert_int_equal(lines_in(line), 1);
    assert_true(strlen(line) <= LOG_LINE_MAX_BYTES);
    assert_string_equal(line + strlen(line) - 4, "...\n");
    memset(text, '\n', 4999);
    capture_begin();
    log_info("test.ran", "%s", text);
    line = capture_end();
    assert_int_equal(lines_in(line), 1);
    assert_true(strlen(line) <= LOG_LINE_MAX_BYTES);
    free(text);
}

static void test_what_is_below_the_level_is_not_written(void **state)
{
    (void)state;
    log_init("worker.0", LOG_LEVEL_WARNING);
    capture_begin();
    log_info("test.ran", "a=1");
    log_warning("test.ran", "b=1");
    const char *lines = capture_end();
    assert_null(strstr(lines, "a=1"));
    assert_non_null(strstr(lines, "b=1"));
    log_init("worker.0", LOG_LEVEL_INFO);
}

static void test_a_full_pipe_drops_lines_and_counts_them(void **state)
{
    uint64_t before = log_dropped();

    (void)state;
    capture_begin();
    for (int i = 0; i < 3000; i++)
        log_info("test.ran", "line=%d %0100d", i, 0);
    capture_end();
    assert_true(log_dropped() > before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_names_time_level_process_and_event),
        cmocka_unit_test(test_input_cannot_forge_a_line_or_steer_a_terminal),
        cmocka_unit_test(test_readable_text_stays_readable),
        cmocka_unit_test(test_a_quoted_value_cannot_forge_a_field),
        cmocka_unit_test(test_a_long_line_is_cut_and_marked),
        cmocka_unit_test(test_what_is_below_the_level_is_not_written),
        cmocka_unit_test(test_a_full_pipe_drops_lines_and_counts_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
