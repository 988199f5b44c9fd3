/* Counting. A process counts in its own slot's words, by relaxed adds; what is printed is made from
 * nothing but the segment (exposition.c), so any process can make it, and a dead one's counts stay.
 */
#include "metrics_layout.h"

#include "gatepost/layout.h"
#include "gatepost/log.h"
#include "gatepost/notes.h"
#include "gatepost/usage.h"

#define USAGE_EVERY_NS (5 * NS_PER_S)

/* Of processes without a seat there is one at a time, and the master ends its gauges. */
#define SEATLESS_GENERATION 1

static struct {
    struct segment *segment;
    uint32_t slot;
    uint64_t generation;    /* of the slot's seat */
    uint64_t dropped_lines; /* of log_dropped, those that are counted */
    mono_ns usage_looked;   /* 0: never */
} counting;                 /* where this process counts; nowhere before metrics_init */

uint64_t metrics_layout(void)
{
    static const char *const words[] = {
#define METRIC(name, prometheus, labels, help)            prometheus "{" labels "}",
#define GAUGE(name, prometheus, labels, help)             "gauge " prometheus "{" labels "}",
#define PROCESS_GAUGE(name, prometheus, unit, help)       "of a process " prometheus,
#define HISTOGRAM(name, prometheus, labels, bounds, help) "histogram " prometheus "{" labels "}",
#define BOUND_HASH(number)                                "hash " #number,
#define BOUND_QUICK(number)                               "quick " #number,
#define BOUND_SIZE(number)                                "size " #number,
#include "gatepost/metrics.def"
    };
    uint64_t layout = LAYOUT_BEGIN;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        layout = layout_fold_text(layout, words[i]);
    return layout;
}

static uint64_t generation_of(const struct segment *segment, uint32_t slot)
{
    return slot < segment_seats(segment) ? seat_look(segment, slot).generation
                                         : SEATLESS_GENERATION;
}

/* Lines that ask for attention are counted, and kept for the status page. */
static void on_line(enum log_level level, struct slice line)
{
    metric_count(level == LOG_LEVEL_ERROR ? METRIC_LOG_ERRORS : METRIC_LOG_WARNINGS);
    note_put(counting.segment, line);
}

void metrics_init(struct segment *segment, uint32_t slot)
{
    log_watch(segment != NULL ? on_line : NULL);
    counting.segment = segment;
    counting.slot = slot;
    counting.generation = segment != NULL ? generation_of(segment, slot) : 0;
    counting.dropped_lines = log_dropped(); /* the master's, before the fork */
    counting.usage_looked = 0;
}

void metrics_add_word(uint32_t counter, uint64_t value)
{
    if (counting.segment)
        counter_add(counting.segment, counting.slot, counter, value);
}

void metric_add(enum metric metric, uint64_t value)
{
    metrics_add_word((uint32_t)metric, value);
}

uint64_t metric_sum(const struct segment *segment, enum metric metric)
{
    return counter_sum(segment, (uint32_t)metric);
}

void metric_count_dropped_lines(void)
{
    const uint64_t dropped = log_dropped();

    if (dropped == counting.dropped_lines)
        return;
    metric_add(METRIC_LOG_DROPPED, dropped - counting.dropped_lines);
    counting.dropped_lines = dropped;
}

/* ---- gauges -------------------------------------------------------------------------------------
 */

/* A generation that has come round to the same lower half is 4 billion processes later. */
static void set(uint32_t counter, uint64_t value)
{
    if (counting.segment != NULL)
        counter_set(counting.segment, counting.slot, counter,
                    counting.generation << 32 | (value < UINT32_MAX ? value : UINT32_MAX));
}

void metric_set(enum metric_gauge gauge, uint64_t value)
{
    set(GAUGES_AT + (uint32_t)gauge, value);
}

bool metric_gauge_read(const struct segment *segment, uint32_t slot, uint32_t counter,
                       uint64_t *value_out)
{
    const uint64_t word = counter_get(segment, slot, counter);
    uint64_t generation = SEATLESS_GENERATION;

    if (slot < segment_seats(segment)) {
        const struct seat_view seat = seat_look(segment, slot);
        if (seat.state != SEAT_LIVE)
            return false;
        generation = seat.generation;
    }
    if (word >> 32 != (uint32_t)generation)
        return false;
    *value_out = (uint32_t)word;
    return true;
}

uint64_t metric_gauge_sum(const struct segment *segment, enum metric_gauge gauge)
{
    uint64_t sum = 0;
    uint64_t value;

    for (uint32_t slot = 0; slot < segment_slots(segment); slot++) {
        if (metric_gauge_read(segment, slot, GAUGES_AT + (uint32_t)gauge, &value))
            sum += value;
    }
    return sum;
}

bool metric_process(const struct segment *segment, uint32_t slot, enum metric_process_gauge gauge,
                    uint64_t *value_out)
{
    return metric_gauge_read(segment, slot, PROCESS_GAUGES_AT + (uint32_t)gauge, value_out);
}

void metric_usage_look(mono_ns now)
{
    struct usage usage;

    if (counting.segment == NULL ||
        (counting.usage_looked != 0 && now - counting.usage_looked < USAGE_EVERY_NS))
        return;
    counting.usage_looked = now;
    if (usage_read(&usage)) {
        set(PROCESS_GAUGES_AT + PROCESS_PSS_KIB, usage.pss_kib);
        set(PROCESS_GAUGES_AT + PROCESS_RSS_KIB, usage.rss_kib);
    }
    if (usage_count_descriptors(&usage.descriptors))
        set(PROCESS_GAUGES_AT + PROCESS_DESCRIPTORS, usage.descriptors);
}

void metric_forget_gauges(struct segment *segment, uint32_t slot)
{
    for (uint32_t counter = GAUGES_AT; counter < HISTOGRAMS_AT; counter++)
        counter_set(segment, slot, counter, 0);
}

/* ---- answers by route ---------------------------------------------------------------------------
 */

static uint32_t answers_at(uint32_t route, uint32_t status_class)
{
    BUG_ON(route >= METRIC_ROUTES_MAX || status_class - 1 >= METRIC_STATUSES);
    return (uint32_t)ANSWERS_AT + route * METRIC_STATUSES + status_class - 1;
}

void metric_count_answer(uint32_t route, int status)
{
    if (status >= 100 && status < 600)
        metrics_add_word(answers_at(route, (uint32_t)status / 100), 1);
}

uint64_t metric_answers(const struct segment *segment, uint32_t route, uint32_t status_class)
{
    return counter_sum(segment, answers_at(route, status_class));
}
