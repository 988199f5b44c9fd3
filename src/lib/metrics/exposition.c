/* The Prometheus text of everything that is counted: the rows of metrics.def in their order, then
 * what is seen from outside of the processes: lanes, and which server this is.
 * Source: the Prometheus text exposition format, version 0.0.4. */
#include <inttypes.h>

#include "metrics_layout.h"

struct row {
    const char *name;
    const char *labels; /* without braces; may be "" */
    const char *help;   /* of the first row of a name */
};

static const struct row counter_rows[METRIC_COUNT] =
    {
#define METRIC(name, prometheus, labels, help) {prometheus, labels, help},
#include "gatepost/metrics.def"
},
                        gauge_rows[GAUGE_COUNT] =
                            {
#define GAUGE(name, prometheus, labels, help) {prometheus, labels, help},
#include "gatepost/metrics.def"
},
                        histogram_rows[HISTOGRAM_COUNT] = {
#define HISTOGRAM(name, prometheus, labels, bounds, help) {prometheus, labels, help},
#include "gatepost/metrics.def"
};

static const struct {
    const char *name;
    uint64_t unit;
    const char *help;
} process_rows[PROCESS_GAUGES] = {
#define PROCESS_GAUGE(name, prometheus, unit, help) {prometheus, unit, help},
#include "gatepost/metrics.def"
};

static const struct {
    enum board_word word;
    const char *name;
    uint64_t unit; /* 1000: of the word, which is in thousandths of what is shown */
    const char *help;
} board_rows[] = {
#define BOARD_GAUGE(word, prometheus, unit, help) {word, prometheus, unit, help},
#include "gatepost/metrics.def"
};

static const char *const lane_names[LANE_KINDS] = {
    [LANE_MAIL] = "mail", [LANE_ASK] = "ask", [LANE_ANSWER] = "answer"};

void metrics_print_head(FILE *out, const char *name, const char *help, const char *type)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The head stands before the first of the rows that share a name. */
static void print_head_of(FILE *out, const struct row *rows, uint32_t i, const char *type)
{
    if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
        metrics_print_head(out, rows[i].name, rows[i].help, type);
}

static void print_sample(FILE *out, const struct row *row, uint64_t value)
{
    const bool labelled = row->labels[0] != '\0';

    fprintf(out, "%s%s%s%s %" PRIu64 "\n", row->name, labelled ? "{" : "", row->labels,
            labelled ? "}" : "", value);
}

static void print_counters(FILE *out, const struct segment *segment)
{
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        print_head_of(out, counter_rows, i, "counter");
        print_sample(out, &counter_rows[i], counter_sum(segment, i));
    }
}

static void print_gauges(FILE *out, const struct segment *segment)
{
    for (uint32_t i = 0; i < GAUGE_COUNT; i++) {
        print_head_of(out, gauge_rows, i, "gauge");
        print_sample(out, &gauge_rows[i], metric_gauge_sum(segment, (enum metric_gauge)i));
    }
}

/* ---- histograms ---------------------------------------------------------------------------------
 */

/* The count is the sum of the buckets as they are read here: both stay equal while others count. */
static void print_histogram(FILE *out, const struct segment *segment, enum metric_histogram which)
{
    const struct row *row = &histogram_rows[which];
    const struct bounds *bounds = metric_bounds(which);
    const uint64_t sum = counter_sum(segment, histogram_at(which) + METRIC_BUCKETS_MAX);
    const char *open = row->labels[0] != '\0' ? "{" : "";
    const char *comma = row->labels[0] != '\0' ? "," : "";
    const char *close = row->labels[0] != '\0' ? "}" : "";
    struct metric_buckets buckets;
    uint64_t count = 0;

    metric_buckets_read(segment, which, &buckets);
    for (uint32_t i = 0; i <= bounds->count; i++) {
        count += buckets.count[i];
        fprintf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", row->name, row->labels, comma,
                i < bounds->count ? bounds->names[i] : "+Inf", count);
    }
    if (metric_unit(which) > 1)
        fprintf(out, "%s_sum%s%s%s %llu.%09llu\n", row->name, open, row->labels, close,
                sum / NS_PER_S, sum % NS_PER_S);
    else
        fprintf(out, "%s_sum%s%s%s %" PRIu64 "\n", row->name, open, row->labels, close, sum);
    fprintf(out, "%s_count%s%s%s %" PRIu64 "\n", row->name, open, row->labels, close, count);
}

static void print_histograms(FILE *out, const struct segment *segment)
{
    for (uint32_t i = 0; i < HISTOGRAM_COUNT; i++) {
        print_head_of(out, histogram_rows, i, "histogram");
        print_histogram(out, segment, (enum metric_histogram)i);
    }
}

/* ---- seen from outside --------------------------------------------------------------------------
 */

static void print_board(FILE *out, const struct segment *segment)
{
    for (size_t i = 0; i < ARRAY_LEN(board_rows); i++) {
        const uint64_t value = board_get(segment, board_rows[i].word);
        metrics_print_head(out, board_rows[i].name, board_rows[i].help, "gauge");
        if (board_rows[i].unit == 1)
            fprintf(out, "%s %" PRIu64 "\n", board_rows[i].name, value);
        else
            fprintf(out, "%s %" PRIu64 ".%03" PRIu64 "\n", board_rows[i].name, value / 1000,
                    value % 1000);
    }
}

static const char *role_of_slot(const struct segment *segment, uint32_t slot)
{
    if (slot == segment_store_slot(segment))
        return "store";
    if (slot == segment_master_slot(segment))
        return "master";
    if (slot == SLOT_MAILER)
        return "mailer";
    return seat_look(segment, slot).roles == SEAT_ADMIN ? "admin" : "worker";
}

static void print_processes(FILE *out, const struct segment *segment)
{
    static const char *const roles[] = {"master", "worker", "store", "mailer", "admin"};

    for (uint32_t i = 0; i < PROCESS_GAUGES; i++) {
        metrics_print_head(out, process_rows[i].name, process_rows[i].help, "gauge");
        for (size_t role = 0; role < ARRAY_LEN(roles); role++) {
            uint64_t sum = 0;
            uint64_t value;
            for (uint32_t slot = 0; slot < segment_slots(segment); slot++) {
                if (strcmp(role_of_slot(segment, slot), roles[role]) == 0 &&
                    metric_process(segment, slot, (enum metric_process_gauge)i, &value))
                    sum += value * process_rows[i].unit;
            }
            fprintf(out, "%s{role=\"%s\"} %" PRIu64 "\n", process_rows[i].name, roles[role], sum);
        }
    }
}

struct metric_lane_fill metric_lane_fill(const struct segment *segment, enum lane_kind kind)
{
    struct metric_lane_fill fill = {0};
    size_t most = 0;

    for (uint32_t slot = 0; slot < segment_seats(segment); slot++) {
        if (slot == SLOT_MAILER && kind == LANE_MAIL)
            continue; /* the mailer posts no mail */
        /* A handle is plain memory; this one is only looked through. */
        const struct lane lane = lane_open((struct segment *)(uintptr_t)segment, slot, kind);
        const size_t waiting = lane_waiting_bytes(&lane);
        fill.bytes += waiting;
        if (waiting > most)
            most = waiting;
    }
    fill.fullest = (double)most / LANE_BYTES;
    return fill;
}

static void print_lanes(FILE *out, const struct segment *segment)
{
    struct metric_lane_fill fill[LANE_KINDS];

    metrics_print_head(out, "gatepost_lane_waiting_bytes", "Bytes that wait in lanes, by kind.",
                       "gauge");
    for (enum lane_kind kind = LANE_MAIL; kind < LANE_KINDS; kind++) {
        fill[kind] = metric_lane_fill(segment, kind);
        fprintf(out, "gatepost_lane_waiting_bytes{lane=\"%s\"} %zu\n", lane_names[kind],
                fill[kind].bytes);
    }
    metrics_print_head(out, "gatepost_lane_fill_ratio",
                       "How full the fullest lane of a kind is; at 1 it refuses.", "gauge");
    for (enum lane_kind kind = LANE_MAIL; kind < LANE_KINDS; kind++)
        fprintf(out, "gatepost_lane_fill_ratio{lane=\"%s\"} %.4f\n", lane_names[kind],
                fill[kind].fullest);
}

void metrics_print(FILE *out, const struct segment *segment)
{
    print_counters(out, segment);
    print_histograms(out, segment);
    print_gauges(out, segment);
    print_processes(out, segment);
    print_board(out, segment);
    print_lanes(out, segment);
    metrics_print_head(out, "gatepost_build_info", "1; which version runs is in the label.",
                       "gauge");
    fprintf(out, "gatepost_build_info{version=\"%s\"} 1\n", GATEPOST_VERSION);
}
