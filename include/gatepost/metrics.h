/* Counters in shared memory, and their Prometheus text. */
#ifndef GATEPOST_METRICS_H
#define GATEPOST_METRICS_H

#include "gatepost/segment.h"

enum metric {
#define METRIC(name, prometheus, labels, help) METRIC_##name,
#include "gatepost/metrics.def"
#undef METRIC
    METRIC_COUNT
};

_Static_assert(METRIC_COUNT <= SEGMENT_COUNTERS, "more metrics than words in a slot");

/* One line at a process's start: where its counters are. Threads of one process may count
 * together: the add is atomic. */
void metrics_init(struct segment *segment, uint32_t slot);
void metric_add(enum metric metric, uint64_t value);

static inline void metric_count(enum metric metric)
{
    metric_add(metric, 1);
}

/* Counts the log lines that this process could not write since the last call, or since
 * metrics_init. Who calls it: the loop of every process, once a turn; one thread. */
void metric_count_dropped_lines(void);

/* The Prometheus text exposition (version 0.0.4) of all counters and of the board's gauges.
 * Gives: heap text that the caller frees. */
char *metrics_text(const struct segment *segment, size_t *len_out);

#endif
