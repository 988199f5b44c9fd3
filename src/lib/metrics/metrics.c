/* Counting, and the Prometheus text of everything that is counted.
 *
 * Story: the counters in the order of metrics.def, its histograms, its gauges, then the gauges that
 * are seen from outside: board words, lanes. The text is made from nothing but the segment, so any
 * process can make it, and a dead one's counts stay.
 * A slot's words: a counter each; a gauge each, with the seat's generation in the upper half, so
 * that a word outlives its process without counting for it; the buckets and the sum of each
 * histogram.
 * Source: the Prometheus text exposition format, version 0.0.4. */
#include "gatepost/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/lane.h"
#include "gatepost/layout.h"
#include "gatepost/log.h"

#define SECOND(bound) ((mono_ns)((bound)*1e9 + 0.5))

static const mono_ns bounds[] = {
#define BOUND(seconds) SECOND(seconds),
#include "gatepost/metrics.def"
};
static const char *const bound_names[] = {
#define BOUND(seconds) #seconds,
#include "gatepost/metrics.def"
};

#define BUCKETS         (ARRAY_LEN(bounds) + 1) /* the last one has no bound */
#define GAUGES_AT       METRIC_COUNT
#define HISTOGRAMS_AT   (GAUGES_AT + GAUGE_COUNT)
#define HISTOGRAM_WORDS (BUCKETS + 1) /* and the sum, in nanoseconds */

_Static_assert(HISTOGRAMS_AT + HISTOGRAM_COUNT * HISTOGRAM_WORDS <= SEGMENT_COUNTERS,
               "more metrics than words in a slot");

static struct {
    struct segment *segment;
    uint32_t slot;
    uint64_t generation;    /* of the slot's seat; 0 without one */
    uint64_t dropped_lines; /* of log_dropped, those that are counted */
} counting;                 /* where this process counts; nowhere before metrics_init */

uint64_t metrics_layout(void)
{
    static const char *const words[] = {
#define METRIC(name, prometheus, labels, help) prometheus "{" labels "}",
#define GAUGE(name, prometheus, help)          "gauge " prometheus,
#define HISTOGRAM(name, prometheus, help)      "histogram " prometheus,
#define BOUND(seconds)                         "bound " #seconds,
#include "gatepost/metrics.def"
    };
    uint64_t layout = LAYOUT_BEGIN;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        layout = layout_fold_text(layout, words[i]);
    return layout;
}

void metrics_init(struct segment *segment, uint32_t slot)
{
    counting.segment = segment;
    counting.slot = slot;
    counting.generation =
        segment != NULL && slot < segment_seats(segment) ? seat_look(segment, slot).generation : 0;
    counting.dropped_lines = log_dropped(); /* the master's, before the fork */
}

void metric_add(enum metric metric, uint64_t value)
{
    if (counting.segment)
        counter_add(counting.segment, counting.slot, (uint32_t)metric, value);
}

/* A generation that has come round to the same lower half is 4 billion processes later. */
static uint64_t gauge_word(uint64_t generation, uint64_t value)
{
    return generation << 32 | (value < UINT32_MAX ? value : UINT32_MAX);
}

void metric_set(enum metric_gauge gauge, uint64_t value)
{
    if (counting.generation != 0)
        counter_set(counting.segment, counting.slot, GAUGES_AT + (uint32_t)gauge,
                    gauge_word(counting.generation, value));
}

static uint32_t histogram_at(enum metric_histogram histogram)
{
    return (uint32_t)(HISTOGRAMS_AT + (size_t)histogram * HISTOGRAM_WORDS);
}

void metric_observe(enum metric_histogram histogram, mono_ns took)
{
    uint32_t bucket = 0;

    if (counting.segment == NULL)
        return;
    while (bucket < ARRAY_LEN(bounds) && took > bounds[bucket])
        bucket++;
    counter_add(counting.segment, counting.slot, histogram_at(histogram) + bucket, 1);
    counter_add(counting.segment, counting.slot, histogram_at(histogram) + BUCKETS, took);
}

void metric_count_dropped_lines(void)
{
    const uint64_t dropped = log_dropped();

    if (dropped == counting.dropped_lines)
        return;
    metric_add(METRIC_LOG_DROPPED, dropped - counting.dropped_lines);
    counting.dropped_lines = dropped;
}

static const struct {
    const char *name;
    const char *labels; /* without braces; may be "" */
    const char *help;   /* of the first row of a name */
} metric_rows[METRIC_COUNT] = {
#define METRIC(name, prometheus, labels, help) {prometheus, labels, help},
#include "gatepost/metrics.def"
};

static const struct {
    const char *name;
    const char *help;
} histogram_rows[HISTOGRAM_COUNT] =
    {
#define HISTOGRAM(name, prometheus, help) {prometheus, help},
#include "gatepost/metrics.def"
},
  own_gauge_rows[GAUGE_COUNT] = {
#define GAUGE(name, prometheus, help) {prometheus, help},
#include "gatepost/metrics.def"
};

static const struct {
    enum board_word word;
    const char *name;
    const char *help;
} board_rows[] = {
    {BOARD_OUTBOX_PENDING, "gatepost_outbox_pending", "Letters that wait for delivery."},
    {BOARD_OUTBOX_DEAD, "gatepost_outbox_dead", "Letters that were given up."},
    {BOARD_OUTBOX_SENT, "gatepost_outbox_sent",
     "Letters that a relay took and that are remembered."},
    {BOARD_SUPPRESSIONS, "gatepost_mail_suppressions", "Addresses that get no letters."},
    {BOARD_MAIL_PAUSED, "gatepost_mail_paused", "1 while an operator wants no letters sent."},
    {BOARD_USERS, "gatepost_users", "Accounts."},
    {BOARD_DISK, "gatepost_disk_state", "0 enough space, 1 no sign-ups, 2 no writes."},
    {BOARD_STORE_EPOCH, "gatepost_store_epoch", "Stores started since the server did."},
    {BOARD_STORE_CONDEMNED, "gatepost_store_condemned",
     "1 after a failed flush: every write is refused until a restart."},
    {BOARD_CONFIG_GENERATION, "gatepost_config_generation",
     "Configurations that took effect, the first one included."},
};

static const char *const lane_names[LANE_KINDS] = {
    [LANE_MAIL] = "mail", [LANE_ASK] = "ask", [LANE_ANSWER] = "answer"};

static void print_head(FILE *out, const char *name, const char *help, const char *type)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_counters(FILE *out, const struct segment *segment)
{
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        const bool labelled = metric_rows[i].labels[0] != '\0';
        if (i == 0 || strcmp(metric_rows[i].name, metric_rows[i - 1].name) != 0)
            print_head(out, metric_rows[i].name, metric_rows[i].help, "counter");
        fprintf(out, "%s%s%s%s %" PRIu64 "\n", metric_rows[i].name, labelled ? "{" : "",
                metric_rows[i].labels, labelled ? "}" : "", counter_sum(segment, i));
    }
}

/* The count is the sum of the buckets as they are read here: both stay equal while others count. */
static void print_histogram(FILE *out, const struct segment *segment, enum metric_histogram which)
{
    const char *name = histogram_rows[which].name;
    const uint32_t at = histogram_at(which);
    uint64_t count = 0;

    print_head(out, name, histogram_rows[which].help, "histogram");
    for (uint32_t i = 0; i < BUCKETS; i++) {
        count += counter_sum(segment, at + i);
        fprintf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
                i < ARRAY_LEN(bound_names) ? bound_names[i] : "+Inf", count);
    }
    const uint64_t sum_ns = counter_sum(segment, at + BUCKETS);
    fprintf(out, "%s_sum %llu.%09llu\n", name, sum_ns / NS_PER_S, sum_ns % NS_PER_S);
    fprintf(out, "%s_count %" PRIu64 "\n", name, count);
}

uint64_t metric_gauge_sum(const struct segment *segment, enum metric_gauge gauge)
{
    uint64_t sum = 0;

    for (uint32_t slot = 0; slot < segment_seats(segment); slot++) {
        const struct seat_view seat = seat_look(segment, slot);
        const uint64_t word = counter_get(segment, slot, GAUGES_AT + (uint32_t)gauge);
        if (seat.state == SEAT_LIVE && word >> 32 == (uint32_t)seat.generation)
            sum += (uint32_t)word;
    }
    return sum;
}

static void print_own_gauges(FILE *out, const struct segment *segment)
{
    for (enum metric_gauge i = 0; i < GAUGE_COUNT; i++) {
        print_head(out, own_gauge_rows[i].name, own_gauge_rows[i].help, "gauge");
        fprintf(out, "%s %" PRIu64 "\n", own_gauge_rows[i].name, metric_gauge_sum(segment, i));
    }
}

static void print_board(FILE *out, const struct segment *segment)
{
    for (size_t i = 0; i < ARRAY_LEN(board_rows); i++) {
        print_head(out, board_rows[i].name, board_rows[i].help, "gauge");
        fprintf(out, "%s %" PRIu64 "\n", board_rows[i].name,
                board_get(segment, board_rows[i].word));
    }
    const uint64_t started_ms = board_get(segment, BOARD_STARTED_MS);
    print_head(out, "gatepost_start_time_seconds", "When the server started, since 1970 UTC.",
               "gauge");
    fprintf(out, "gatepost_start_time_seconds %" PRIu64 ".%03" PRIu64 "\n", started_ms / 1000,
            started_ms % 1000);
}

static size_t waiting_bytes(const struct segment *segment, enum lane_kind kind)
{
    size_t sum = 0;

    for (uint32_t slot = 0; slot < segment_seats(segment); slot++) {
        if (slot == SLOT_MAILER && kind == LANE_MAIL)
            continue; /* the mailer posts no mail */
        /* A handle is plain memory; this one is only looked through. */
        const struct lane lane = lane_open((struct segment *)(uintptr_t)segment, slot, kind);
        sum += lane_waiting_bytes(&lane);
    }
    return sum;
}

static void print_lanes(FILE *out, const struct segment *segment)
{
    print_head(out, "gatepost_lane_waiting_bytes", "Bytes that wait in lanes, by kind.", "gauge");
    for (enum lane_kind kind = LANE_MAIL; kind < LANE_KINDS; kind++) {
        fprintf(out, "gatepost_lane_waiting_bytes{lane=\"%s\"} %zu\n", lane_names[kind],
                waiting_bytes(segment, kind));
    }
}

char *metrics_text(const struct segment *segment, size_t *len_out)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    BUG_ON(!out); /* it fails for want of memory alone */
    print_counters(out, segment);
    for (enum metric_histogram i = 0; i < HISTOGRAM_COUNT; i++)
        print_histogram(out, segment, i);
    print_own_gauges(out, segment);
    print_board(out, segment);
    print_lanes(out, segment);
    BUG_ON(fclose(out) != 0);
    *len_out = len;
    return text;
}
