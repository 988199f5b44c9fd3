/* The Prometheus text: every counter and histogram, heads once, gauges of those who live and from
 * the board. */
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

#include "exposition.h"
#include "metrics_rig.h"

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

static const char *const not_expositions[] = {
    "# HELP a_total b\n# TYPE a_total counter\na_total 1",
    "# HELP a_total b\na_total 1\n",
    "# TYPE a_total counter\na_total 1\n",
    "# HELP a_total b\n# TYPE a_total gauge\na_total 1\n",
    "# HELP a b\n# TYPE a counter\na 1\n",
    "# HELP a b\n# TYPE a gauge\na 1\n# HELP a b\n# TYPE a gauge\n",
    "# HELP a b\n# TYPE a gauge\na 1\na 1\n",
    "# HELP a b\n# TYPE a gauge\nb 1\n",
    "# HELP a b\n# TYPE a gauge\na{b=c} 1\n",
    "# HELP a b\n# TYPE a gauge\na one\n",
    "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
    "# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n",
    "# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\n",
    "# HELP a b\n# TYPE a histogram\na_bucket{le=\"2\"} 0\na_bucket{le=\"1\"} 1\n"
    "a_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
    "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum "
    "1\na_count 1\n",
};

static void test_the_judge_of_the_text_refuses_what_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(not_expositions); i++) {
        char *wrong = exposition_judge(not_expositions[i]);
        assert_string_not_equal(wrong, "");
        free(wrong);
    }
}

static void test_the_text_is_one_that_prometheus_reads(void **state)
{
    char *wrong;

    (void)state;
    assert_int_equal(seat_take_worker(segment, &(uint32_t){0}), true);
    metrics_init(segment, 1);
    metric_observe(HISTOGRAM_HASH_WAIT, NS_PER_S / 3);
    metric_observe(HISTOGRAM_HASH_TIME, 100 * NS_PER_S);
    metric_set(GAUGE_HASH_LANES, 16);
    print();
    wrong = exposition_judge(text);
    assert_string_equal(wrong, "");
    free(wrong);
    assert_true(occurrences("# TYPE ") > 20);
    assert_int_equal(occurrences(" histogram\n"), HISTOGRAM_COUNT - 2); /* two more series */
}

static void test_a_time_is_counted_in_each_bucket_that_it_fits_in(void **state)
{
    (void)state;
    metric_observe(HISTOGRAM_HASH_TIME, 0);
    metric_observe(HISTOGRAM_HASH_TIME, NS_PER_S / 1000);     /* a bound is in its bucket */
    metric_observe(HISTOGRAM_HASH_TIME, NS_PER_S / 1000 + 1); /* and no more */
    metric_observe(HISTOGRAM_HASH_TIME, 60 * NS_PER_S);
    metrics_init(segment, 2); /* another process */
    metric_observe(HISTOGRAM_HASH_TIME, 60 * NS_PER_S + 1);
    print();
    assert_true(has_line("# TYPE gatepost_password_hash_seconds histogram"));
    assert_true(has_line("gatepost_password_hash_seconds_bucket{le=\"0.001\"} 2"));
    assert_true(has_line("gatepost_password_hash_seconds_bucket{le=\"0.0025\"} 3"));
    assert_true(has_line("gatepost_password_hash_seconds_bucket{le=\"30\"} 3"));
    assert_true(has_line("gatepost_password_hash_seconds_bucket{le=\"60\"} 4"));
    assert_true(has_line("gatepost_password_hash_seconds_bucket{le=\"+Inf\"} 5"));
    assert_true(has_line("gatepost_password_hash_seconds_sum 120.002000002"));
    assert_true(has_line("gatepost_password_hash_seconds_count 5"));
    assert_true(has_line("gatepost_password_wait_seconds_count 0"));
}

static void test_a_gauge_is_what_was_set_last_summed_over_processes(void **state)
{
    uint32_t first, second;

    (void)state;
    assert_true(seat_take_worker(segment, &first) && seat_take_worker(segment, &second));
    metrics_init(segment, first);
    metric_set(GAUGE_HASH_QUEUE, 5);
    metric_set(GAUGE_HASH_QUEUE, 3);
    metrics_init(segment, second);
    metric_set(GAUGE_HASH_QUEUE, 4);
    metric_set(GAUGE_HASH_LANES, 1ULL << 40);
    print();
    assert_true(has_line("# TYPE gatepost_password_queue_depth gauge"));
    assert_true(has_line("gatepost_password_queue_depth 7"));
    assert_true(has_line("gatepost_password_lanes_busy 4294967295"));
}

static void test_a_dead_process_has_no_gauges_and_its_successor_not_its_own(void **state)
{
    uint32_t seat, again;

    (void)state;
    assert_true(seat_take_worker(segment, &seat));
    metrics_init(segment, seat);
    metric_set(GAUGE_HASH_QUEUE, 9);
    seat_bury(segment, seat);
    print();
    assert_true(has_line("gatepost_password_queue_depth 0"));
    seat_close(segment, seat, 1, SEAT_CLOSED_BY_STORE);
    seat_close(segment, seat, 1, SEAT_CLOSED_BY_MAILER);
    assert_true(seat_recycle(segment, seat) && seat_take_worker(segment, &again));
    assert_int_equal(seat, again);
    print();
    assert_true(has_line("gatepost_password_queue_depth 0"));
    metrics_init(segment, again);
    metric_set(GAUGE_HASH_QUEUE, 1);
    print();
    assert_true(has_line("gatepost_password_queue_depth 1"));
}

static void test_measuring_without_a_segment_is_harmless(void **state)
{
    (void)state;
    metrics_init(NULL, 0);
    metric_set(GAUGE_HASH_QUEUE, 9);
    metric_observe(HISTOGRAM_HASH_WAIT, 1);
    metric_usage_look(1);
    metric_count_answer(0, 200);
    print();
    assert_true(has_line("gatepost_password_queue_depth 0"));
    assert_true(has_line("gatepost_password_wait_seconds_count 0"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_counter_starts_at_0_and_shows_what_was_counted),
        CASE(test_processes_count_in_their_own_slots_and_the_text_is_the_sum),
        CASE(test_counting_without_a_segment_is_harmless),
        CASE(test_rows_of_one_name_share_one_head_and_differ_by_label),
        CASE(test_every_row_of_the_table_is_printed_once),
        CASE(test_the_judge_of_the_text_refuses_what_is_none),
        CASE(test_the_text_is_one_that_prometheus_reads),
        CASE(test_a_time_is_counted_in_each_bucket_that_it_fits_in),
        CASE(test_a_gauge_is_what_was_set_last_summed_over_processes),
        CASE(test_a_dead_process_has_no_gauges_and_its_successor_not_its_own),
        CASE(test_measuring_without_a_segment_is_harmless),
        CASE(test_gauges_show_the_board),
        CASE(test_what_waits_in_lanes_is_shown_by_kind),
        CASE(test_lines_that_could_not_be_written_are_counted_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
