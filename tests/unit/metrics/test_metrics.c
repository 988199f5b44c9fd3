/* The Prometheus text: every counter, heads once, gauges from the board. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatepost/lane.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"

static struct segment *segment;
static char *text;

static int set_up(void **state)
{
    struct err err;

    (void)state;
    segment = segment_create(2, &err);
    metrics_init(segment, 1);
    return segment ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_init(NULL, 0);
    segment_close(&segment);
    free(text);
    text = NULL;
    return 0;
}

static void print(void)
{
    size_t len;

    free(text);
    text = metrics_text(segment, &len);
    assert_int_equal(len, strlen(text));
}

/* A whole line of the text. */
static bool has_line(const char *line)
{
    const size_t len = strlen(line);

    for (const char *at = text; (at = strstr(at, line)); at++) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    }
    return false;
}

static size_t occurrences(const char *part)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

static void test_a_counter_starts_at_0_and_shows_what_was_counted(void **state)
{
    (void)state;
    print();
    assert_true(has_line("gatepost_signups_total 0"));
    metric_count(METRIC_SIGNUPS);
    metric_add(METRIC_SIGNUPS, 41);
    print();
    assert_true(has_line("gatepost_signups_total 42"));
}

static void test_processes_count_in_their_own_slots_and_the_text_is_the_sum(void **state)
{
    (void)state;
    metric_count(METRIC_LOG_DROPPED);
    metrics_init(segment, segment_store_slot(segment));
    metric_add(METRIC_LOG_DROPPED, 2);
    print();
    assert_true(has_line("gatepost_log_dropped_total 3"));
}

static void test_counting_without_a_segment_is_harmless(void **state)
{
    (void)state;
    metrics_init(NULL, 0);
    metric_count(METRIC_SIGNUPS);
    print();
    assert_true(has_line("gatepost_signups_total 0"));
}

static void test_rows_of_one_name_share_one_head_and_differ_by_label(void **state)
{
    (void)state;
    metric_add(METRIC_HTTP_4XX, 9);
    print();
    assert_int_equal(occurrences("# HELP gatepost_http_responses_total "), 1);
    assert_int_equal(occurrences("# TYPE gatepost_http_responses_total counter\n"), 1);
    assert_true(has_line("gatepost_http_responses_total{status=\"2xx\"} 0"));
    assert_true(has_line("gatepost_http_responses_total{status=\"4xx\"} 9"));
}

static void test_every_row_of_the_table_is_printed_once(void **state)
{
    (void)state;
    static const char *const rows[] = {
#define METRIC(name, prometheus, labels, help) "\n" prometheus "{" labels "} ",
#include "gatepost/metrics.def"
#undef METRIC
    };

    print();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char row[256];
        const char *brace = strstr(rows[i], "{} ");
        int len = brace ? (int)(brace - rows[i]) : (int)strlen(rows[i]);
        snprintf(row, sizeof(row), "%.*s%s", len, rows[i], brace ? " " : "");
        assert_int_equal(occurrences(row), 1);
    }
}

static void test_every_line_is_a_head_or_a_sample_and_no_head_comes_twice(void **state)
{
    (void)state;
    char heads[64][128];
    size_t head_count = 0;

    print();
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (char *save, *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char name[128];
        if (sscanf(line, "# TYPE %127s", name) == 1) {
            for (size_t i = 0; i < head_count; i++)
                assert_string_not_equal(heads[i], name);
            assert_true(head_count < ARRAY_LEN(heads));
            memcpy(heads[head_count++], name, sizeof(name));
        } else if (strncmp(line, "# HELP ", 7) != 0) {
            /* a sample stands under its own head */
            size_t len = strlen(heads[head_count - 1]);
            assert_memory_equal(line, heads[head_count - 1], len);
            assert_true(line[len] == ' ' || line[len] == '{');
        }
    }
    assert_true(head_count > 20);
}

static void test_gauges_show_the_board(void **state)
{
    (void)state;
    board_set(segment, BOARD_OUTBOX_PENDING, 7);
    board_set(segment, BOARD_OUTBOX_DEAD, 8);
    board_set(segment, BOARD_USERS, 1234567);
    board_set(segment, BOARD_DISK, 1);
    board_set(segment, BOARD_CONFIG_GENERATION, 3);
    board_set(segment, BOARD_STARTED_MS, 1795359600042);
    print();
    assert_true(has_line("gatepost_outbox_pending 7"));
    assert_true(has_line("gatepost_outbox_dead 8"));
    assert_true(has_line("gatepost_users 1234567"));
    assert_true(has_line("gatepost_disk_state 1"));
    assert_true(has_line("gatepost_config_generation 3"));
    assert_true(has_line("gatepost_start_time_seconds 1795359600.042"));
    assert_true(has_line("# TYPE gatepost_users gauge"));
}

static void test_what_waits_in_lanes_is_shown_by_kind(void **state)
{
    (void)state;
    struct lane first = lane_open(segment, 1, LANE_ASK);
    struct lane second = lane_open(segment, 2, LANE_ASK);
    struct lane mail = lane_open(segment, 2, LANE_MAIL);

    assert_true(lane_push(&first, "12345678", 8));
    assert_true(lane_push(&second, "12345678", 8));
    assert_true(lane_push(&mail, "1", 1));
    print();
    assert_true(has_line("gatepost_lane_waiting_bytes{lane=\"ask\"} 32"));
    assert_true(has_line("gatepost_lane_waiting_bytes{lane=\"mail\"} 16"));
    assert_true(has_line("gatepost_lane_waiting_bytes{lane=\"answer\"} 0"));
}

/* A pipe that nobody reads, in the place of the log, until it is full. */
static void test_lines_that_could_not_be_written_are_counted_once(void **state)
{
    int ends[2];
    int log_fd = dup(STDERR_FILENO);
    char line[80];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    while (log_dropped() < 3)
        log_info("test.ran", "filler=%0500d", 0);
    dup2(log_fd, STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    close(log_fd);

    metric_count_dropped_lines();
    metric_count_dropped_lines();
    print();
    snprintf(line, sizeof(line), "gatepost_log_dropped_total %llu",
             (unsigned long long)log_dropped());
    assert_true(has_line(line));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_counter_starts_at_0_and_shows_what_was_counted),
        CASE(test_processes_count_in_their_own_slots_and_the_text_is_the_sum),
        CASE(test_counting_without_a_segment_is_harmless),
        CASE(test_rows_of_one_name_share_one_head_and_differ_by_label),
        CASE(test_every_row_of_the_table_is_printed_once),
        CASE(test_every_line_is_a_head_or_a_sample_and_no_head_comes_twice),
        CASE(test_gauges_show_the_board),
        CASE(test_what_waits_in_lanes_is_shown_by_kind),
        CASE(test_lines_that_could_not_be_written_are_counted_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
