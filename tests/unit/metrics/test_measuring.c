/* What is not a plain counter: gauges by process, answers by route, sizes, quantiles, kept lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gatepost/log.h"
#include "gatepost/notes.h"
#include "gatepost/usage.h"

#include "metrics_rig.h"

static void test_the_gauges_of_a_process_without_a_seat_end_with_the_master_s_word(void **state)
{
    (void)state;
    metrics_init(segment, segment_store_slot(segment));
    metric_set(GAUGE_STORE_LINE, 9);
    metric_count(METRIC_STORE_COMMITS);
    print();
    assert_true(has_line("gatepost_store_line_depth 9"));
    metric_forget_gauges(segment, segment_store_slot(segment));
    print();
    assert_true(has_line("gatepost_store_line_depth 0"));
    assert_true(has_line("gatepost_store_commits_total 1"));
}

static void test_a_process_shows_its_memory_under_its_role(void **state)
{
    uint32_t seat;
    uint64_t kib = 0;

    (void)state;
    usage_open();
    assert_true(seat_take(segment, SEAT_ADMIN, &seat));
    assert_false(metric_process(segment, seat, PROCESS_PSS_KIB, &kib));
    metrics_init(segment, seat);
    metric_usage_look(NS_PER_S);
    assert_true(metric_process(segment, seat, PROCESS_PSS_KIB, &kib));
    assert_in_range(kib, 100, 1 << 20);
    assert_true(metric_process(segment, seat, PROCESS_DESCRIPTORS, &kib));
    assert_in_range(kib, 5, 1000);
    print();
    assert_true(has_line("gatepost_process_pss_bytes{role=\"worker\"} 0"));
    assert_false(has_line("gatepost_process_pss_bytes{role=\"admin\"} 0"));
    seat_bury(segment, seat);
    assert_false(metric_process(segment, seat, PROCESS_PSS_KIB, &kib));
}

static void test_answers_are_counted_by_route_and_class(void **state)
{
    (void)state;
    metrics_init(segment, 1);
    metric_count_answer(0, 204);
    metric_count_answer(0, 200);
    metric_count_answer(METRIC_ROUTES_MAX - 1, 599);
    metric_count_answer(0, 99);
    metric_count_answer(0, 600);
    metrics_init(segment, 2);
    metric_count_answer(0, 201);
    assert_int_equal(metric_answers(segment, 0, 2), 3);
    assert_int_equal(metric_answers(segment, 0, 1), 0);
    assert_int_equal(metric_answers(segment, METRIC_ROUTES_MAX - 1, 5), 1);
}

static void test_a_size_is_counted_as_a_number(void **state)
{
    (void)state;
    metric_observe_size(HISTOGRAM_STORE_BATCH, 1);
    metric_observe_size(HISTOGRAM_STORE_BATCH, 3);
    metric_observe_size(HISTOGRAM_STORE_BATCH, 33);
    print();
    assert_true(has_line("gatepost_store_batch_writes_bucket{le=\"1\"} 1"));
    assert_true(has_line("gatepost_store_batch_writes_bucket{le=\"4\"} 2"));
    assert_true(has_line("gatepost_store_batch_writes_bucket{le=\"32\"} 2"));
    assert_true(has_line("gatepost_store_batch_writes_bucket{le=\"+Inf\"} 3"));
    assert_true(has_line("gatepost_store_batch_writes_sum 37"));
}

static void test_a_quantile_lies_in_its_bucket(void **state)
{
    struct metric_buckets then, now;

    (void)state;
    metric_buckets_read(segment, HISTOGRAM_HTTP_READ, &then);
    assert_true(metric_quantile(HISTOGRAM_HTTP_READ, &then, &then, 0.99) == 0);
    for (int i = 0; i < 99; i++)
        metric_observe(HISTOGRAM_HTTP_READ, 3 * NS_PER_S / 1000);
    metric_observe(HISTOGRAM_HTTP_READ, 1000 * NS_PER_S);
    metric_buckets_read(segment, HISTOGRAM_HTTP_READ, &now);
    assert_int_equal(metric_buckets_total(&then, &now), 100);
    const double half = metric_quantile(HISTOGRAM_HTTP_READ, &then, &now, 0.5);
    assert_true(half > 0.0025 && half < 0.005);
    assert_true(metric_quantile(HISTOGRAM_HTTP_READ, &then, &now, 1) == 60);
    assert_true(metric_quantile(HISTOGRAM_HTTP_READ, &now, &now, 0.5) == 0);
}

static void test_warnings_are_counted_and_kept_and_no_other_lines(void **state)
{
    static char lines[NOTES_MAX][NOTE_MAX_BYTES + 1];

    (void)state;
    log_info("test.ran", "a=1");
    log_warning("test.failed", "why=%s", "b\nc");
    log_error("test.broke", "a=2");
    assert_int_equal(notes_read(segment, lines), 2);
    assert_non_null(strstr(lines[0], " test.failed why=b\\x0ac"));
    assert_non_null(strstr(lines[1], " test.broke a=2"));
    print();
    assert_true(has_line("gatepost_log_lines_total{level=\"error\"} 1"));
    assert_true(has_line("gatepost_log_lines_total{level=\"warning\"} 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_gauges_of_a_process_without_a_seat_end_with_the_master_s_word),
        CASE(test_a_process_shows_its_memory_under_its_role),
        CASE(test_answers_are_counted_by_route_and_class),
        CASE(test_a_size_is_counted_as_a_number),
        CASE(test_a_quantile_lies_in_its_bucket),
        CASE(test_warnings_are_counted_and_kept_and_no_other_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
