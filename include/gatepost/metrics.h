/* Counters, gauges and histograms in shared memory, and their Prometheus text. */
#ifndef GATEPOST_METRICS_H
#define GATEPOST_METRICS_H

#include <stdio.h>

#include "gatepost/lane.h"
#include "gatepost/segment.h"

enum metric {
#define METRIC(name, prometheus, labels, help) METRIC_##name,
#include "gatepost/metrics.def"
    METRIC_COUNT
};

enum metric_gauge {
#define GAUGE(name, prometheus, labels, help) GAUGE_##name,
#include "gatepost/metrics.def"
    GAUGE_COUNT
};

enum metric_process_gauge {
#define PROCESS_GAUGE(name, prometheus, unit, help) PROCESS_##name,
#include "gatepost/metrics.def"
    PROCESS_GAUGES
};

enum metric_histogram {
#define HISTOGRAM(name, prometheus, labels, bounds, help) HISTOGRAM_##name,
#include "gatepost/metrics.def"
    HISTOGRAM_COUNT
};

/* Which word means what, as a number (gatepost/layout.h). */
uint64_t metrics_layout(void);

/* One line at a process's start: where its counters are. Threads of one process may count
 * together: the add is atomic. */
void metrics_init(struct segment *segment, uint32_t slot);
void metric_add(enum metric metric, uint64_t value);

static inline void metric_count(enum metric metric)
{
    metric_add(metric, 1);
}

/* The sum of a counter over all processes, the dead included. */
uint64_t metric_sum(const struct segment *segment, enum metric metric);

/* What this process has now; more than UINT32_MAX is shown as that. It ends with the process. One
 * thread. */
void metric_set(enum metric_gauge gauge, uint64_t value);

/* The sum of it over the processes that live. */
uint64_t metric_gauge_sum(const struct segment *segment, enum metric_gauge gauge);

/* Memory and descriptors of this process (usage.h), measured anew when that was not done for a
 * while. Who calls it: the loop of every process, best when it has nothing else to do: the kernel
 * walks the process's pages for it. */
void metric_usage_look(mono_ns now);

/* What the process in that slot told last. Returns false when it has told nothing yet, or has
 * ended. */
MUST_USE bool metric_process(const struct segment *segment, uint32_t slot,
                             enum metric_process_gauge gauge, uint64_t *value_out);

/* The master, of a process without a seat that it has reaped: its gauges end. */
void metric_forget_gauges(struct segment *segment, uint32_t slot);

/* One more that took so long. Any thread. */
void metric_observe(enum metric_histogram histogram, mono_ns took);
/* One more of that size, for histograms with the bounds SIZE. */
void metric_observe_size(enum metric_histogram histogram, uint64_t size);

/* What a histogram has counted, to be compared with what it has counted later. */
#define METRIC_BUCKETS_MAX 21
struct metric_buckets {
    uint64_t count[METRIC_BUCKETS_MAX];
};
void metric_buckets_read(const struct segment *segment, enum metric_histogram histogram,
                         struct metric_buckets *buckets_out);
/* Of what came between the two looks: how many, and the value that a share of them stayed under,
 * between the bounds of its bucket by proportion. 0 when there were none. */
uint64_t metric_buckets_total(const struct metric_buckets *then, const struct metric_buckets *now);
double metric_quantile(enum metric_histogram histogram, const struct metric_buckets *then,
                       const struct metric_buckets *now, double share);

/* Answers by route: rows of the tables of routes, numbered by their owner. */
#define METRIC_ROUTES_MAX 64U
#define METRIC_STATUSES   5U /* 1xx, 2xx, 3xx, 4xx, 5xx */
void metric_count_answer(uint32_t route, int status);
uint64_t metric_answers(const struct segment *segment, uint32_t route, uint32_t status_class);

/* What waits in the lanes of a kind, and how full the fullest of them is, 0 to 1. */
struct metric_lane_fill {
    size_t bytes;
    double fullest;
};
struct metric_lane_fill metric_lane_fill(const struct segment *segment, enum lane_kind kind);

/* Counts the log lines that this process could not write since the last call, or since
 * metrics_init. Who calls it: the loop of every process, once a turn; one thread. */
void metric_count_dropped_lines(void);

/* The Prometheus text exposition (version 0.0.4) of all of them, but for the answers by route,
 * whose names are not known here. metrics_print_head: a family's first two lines. */
void metrics_print(FILE *out, const struct segment *segment);
void metrics_print_head(FILE *out, const char *name, const char *help, const char *type);

#endif
