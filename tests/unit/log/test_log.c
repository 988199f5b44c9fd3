/* One call, one line, whatever stands in it. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
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

/* cmocka catches it otherwise, and goes on in the child. */
static void signal_default_abort(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    sigaction(SIGABRT, &action, NULL);
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

/* ---- JSON ---------------------------------------------------------------------------------------
 */

/* What follows the event in the line that was captured. */
static const char *fields_of(const char *line)
{
    const char *at = strstr(line, "\"event\":\"test.ran\"");

    assert_non_null(at);
    assert_int_equal(lines_in(line), 1);
    return at + strlen("\"event\":\"test.ran\"");
}

#define assert_json(expected, ...)                                                                 \
    do {                                                                                           \
        log_use_json(true);                                                                        \
        capture_begin();                                                                           \
        log_info("test.ran", __VA_ARGS__);                                                         \
        const char *line_ = capture_end();                                                         \
        log_use_json(false);                                                                       \
        assert_string_equal(fields_of(line_), expected);                                           \
    } while (0)

static void test_a_line_of_json_is_an_object_with_the_same_fields(void **state)
{
    (void)state;
    log_use_json(true);
    capture_begin();
    log_warning("test.ran", "job=%s tries=%u", "a", 3U);
    const char *line = capture_end();
    log_use_json(false);
    assert_int_equal(line[0], '{');
    assert_int_equal(memcmp(line, "{\"time\":\"20", 11), 0);
    assert_non_null(strstr(line, "Z\",\"level\":\"warning\",\"process\":\"worker.0\",\"pid\":"));
    assert_string_equal(fields_of(line), ",\"job\":\"a\",\"tries\":3}\n");
}

static void test_what_is_printed_as_a_number_is_one(void **state)
{
    (void)state;
    assert_json(",\"a\":-1,\"b\":18,\"c\":1.50,\"d\":0}\n", "a=%d b=%llu c=%.2f d=%zu", -1, 18ULL,
                1.5, (size_t)0);
    assert_json(",\"id\":\"123\",\"hex\":\"1f\"}\n", "id=%s hex=%x", "123", 31U);
    assert_json(",\"a\":\"18446744073709551615\"}\n", "a=%llu", ~0ULL);
    assert_json(",\"a\":\"007\",\"b\":\"nan\"}\n", "a=%03d b=%f", 7, (double)__builtin_nanf(""));
}

static void test_values_are_escaped_as_json_has_it(void **state)
{
    char text[64];

    (void)state;
    assert_json(",\"a\":\"x\\\"y\\\\z\",\"b\":1}\n", "a=%s b=%d",
                log_quoted(SLICE_LITERAL("x\"y\\z"), text, sizeof(text)), 1);
    assert_json(",\"a\":\"x\\u000ay\\u007f\\u001b\"}\n", "a=%s", "x\ny\x7f\x1b");
    assert_json(",\"a\":\"\\ufffd\\ufffd\"}\n", "a=%s", "\xff\xfe");
    assert_json(",\"a\":\"\\u202e\\u2028\\u009b\xc3\xa9\"}\n", "a=%s",
                "\xe2\x80\xae\xe2\x80\xa8\xc2\x9b\xc3\xa9");
}

static void test_a_value_goes_on_to_the_next_field(void **state)
{
    char text[64];

    (void)state;
    assert_json(",\"error\":\"No such file\",\"b\":2}\n", "error=%s b=%d", "No such file", 2);
    assert_json(",\"a\":\"x b=1\",\"b\":2}\n", "a=%s b=%d",
                log_quoted(SLICE_LITERAL("x b=1"), text, sizeof(text)), 2);
    assert_json(",\"a\":\"x\\\" b=1\",\"b\":2}\n", "a=%s b=%d",
                log_quoted(SLICE_LITERAL("x\" b=1"), text, sizeof(text)), 2);
    assert_json(",\"because\":\"a flush failed\",\"b\":2}\n", "because=\"a flush failed\" b=%d", 2);
    assert_json(",\"a\":\"\",\"b\":\"\"}\n", "a=%s b=%s", "", "");
}

static void test_a_sentence_is_the_message_and_names_of_the_line_stay_its_own(void **state)
{
    (void)state;
    assert_json(",\"exit\":10,\"message\":\"x y=z is wrong\"}\n", "exit=%d %s", 10,
                "x y=z is wrong");
    assert_json(",\"message\":\"only this\"}\n", "%s", "only this");
    assert_json("}\n", "%s", "");
    assert_json(",\"field_pid\":1,\"field_event\":\"x\"}\n", "pid=%d event=%s", 1, "x");
}

static void test_a_line_of_json_that_is_cut_is_whole(void **state)
{
    char *text = calloc(1, 5000);

    (void)state;
    log_use_json(true);
    for (int i = 0; i < 3; i++) {
        memset(text, i == 0 ? 'x' : i == 1 ? '\n' : '"', 4999);
        capture_begin();
        log_info("test.ran", "a=%s b=%d", text, 7);
        const char *line = capture_end();
        const size_t len = strlen(line);
        assert_int_equal(lines_in(line), 1);
        assert_true(len <= 4096);
        assert_string_equal(line + len - strlen("\",\"cut\":true}\n"), "\",\"cut\":true}\n");
    }
    log_use_json(false);
    free(text);
}

static void test_a_thread_s_lines_name_the_request_that_they_are_about(void **state)
{
    (void)state;
    log_about("r-1");
    capture_begin();
    log_info("test.ran", "a=%d", 1);
    assert_non_null(strstr(capture_end(), " test.ran a=1 request=r-1\n"));
    assert_json(",\"request\":\"r-1\",\"a\":1}\n", "a=%d", 1);
    log_about("");
    capture_begin();
    log_info("test.ran", "a=%d", 1);
    assert_non_null(strstr(capture_end(), " test.ran a=1\n"));
}

/* In the form that the other lines have, so that whoever reads them sees it. */
static void test_a_bug_is_told_as_json_where_lines_are_json(void **state)
{
    (void)state;
    log_use_json(true);
    capture_begin();
    const pid_t pid = fork();
    if (pid == 0) {
        signal_default_abort();
        BUG_ON(state != NULL || true);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    const char *line = capture_end();
    log_use_json(false);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_int_equal(lines_in(line), 1);
    assert_non_null(strstr(line, "\"event\":\"bug.found\",\"file\":\""));
    assert_non_null(strstr(line, "\"condition\":\"state != NULL || true\"}\n"));
}

static size_t watched;
static char watched_line[LOG_LINE_MAX_BYTES + 8];

static void on_line(enum log_level level, struct slice line)
{
    assert_true(level <= LOG_LEVEL_WARNING);
    assert_true(slice_to_text(line, watched_line, sizeof(watched_line)));
    watched++;
}

static void test_who_watches_hears_of_warnings_as_text(void **state)
{
    (void)state;
    log_watch(on_line);
    for (int json = 0; json < 2; json++) {
        log_use_json(json == 1);
        capture_begin();
        log_info("test.ran", "a=1");
        log_warning("test.ran", "b=%d", json);
        capture_end();
        assert_int_equal(watched, json + 1);
        assert_non_null(strstr(watched_line, json == 0 ? " test.ran b=0" : " test.ran b=1"));
        assert_null(strchr(watched_line, '\n'));
    }
    log_use_json(false);
    log_watch(NULL);
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
        cmocka_unit_test(test_a_line_of_json_is_an_object_with_the_same_fields),
        cmocka_unit_test(test_what_is_printed_as_a_number_is_one),
        cmocka_unit_test(test_values_are_escaped_as_json_has_it),
        cmocka_unit_test(test_a_value_goes_on_to_the_next_field),
        cmocka_unit_test(test_a_sentence_is_the_message_and_names_of_the_line_stay_its_own),
        cmocka_unit_test(test_a_line_of_json_that_is_cut_is_whole),
        cmocka_unit_test(test_a_thread_s_lines_name_the_request_that_they_are_about),
        cmocka_unit_test(test_a_bug_is_told_as_json_where_lines_are_json),
        cmocka_unit_test(test_who_watches_hears_of_warnings_as_text),
        cmocka_unit_test(test_a_full_pipe_drops_lines_and_counts_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
