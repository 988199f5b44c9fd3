/* Counters, gauges and histograms in shared memory, and their Prometheus text. */
#ifndef GATEPOST_METRICS_H
#define GATEPOST_METRICS_H

#include "gatepost/segment.h"

enum metric {
#define METRIC(name, prometheus, labels, help) METRIC_##name,
#include "gatepost/metrics.def"
    METRIC_COUNT
};

enum metric_gauge {
#define GAUGE(name, prometheus, help) GAUGE_##name,
#include "gatepost/metrics.def"
    GAUGE_COUNT
};

enum metric_histogram {
#define HISTOGRAM(name, prometheus, help) HISTOGRAM_##name,
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

/* What this process has now; more than UINT32_MAX is shown as that. It ends with the process, and
 * is kept by processes with a seat alone: workers and the mailer. One thread. */
void metric_set(enum metric_gauge gauge, uint64_t value);

/* The sum of it over the processes that live. */
uint64_t metric_gauge_sum(const struct segment *segment, enum metric_gauge gauge);

/* One more that took so long. Any thread. */
void metric_observe(enum metric_histogram histogram, mono_ns took);

/* Counts the log lines that this process could not write since the last call, or since
 * metrics_init. Who calls it: the loop of every process, once a turn; one thread. */
void metric_count_dropped_lines(void);

/* The Prometheus text exposition (version 0.0.4) of all of them and of the board's gauges.
 * Gives: heap text that the caller frees. */
char *metrics_text(const struct segment *segment, size_t *len_out);

#endif
