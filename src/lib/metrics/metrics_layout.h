/* Where in a slot's words what stands. Private to lib/metrics.
 *
 * A slot's words: a counter each; a gauge each, with the generation of who set it in the upper
 * half, so that a word outlives its process without counting for it; the buckets and the sum of
 * each histogram; answers by route and class of status. */
#ifndef GATEPOST_METRICS_LAYOUT_H
#define GATEPOST_METRICS_LAYOUT_H

#include "gatepost/metrics.h"

#define GAUGES_AT         METRIC_COUNT
#define PROCESS_GAUGES_AT (GAUGES_AT + GAUGE_COUNT)
#define HISTOGRAMS_AT     (PROCESS_GAUGES_AT + PROCESS_GAUGES)
#define HISTOGRAM_WORDS   (METRIC_BUCKETS_MAX + 1) /* and the sum, in its unit */
#define ANSWERS_AT        (HISTOGRAMS_AT + HISTOGRAM_COUNT * HISTOGRAM_WORDS)

_Static_assert(ANSWERS_AT + METRIC_ROUTES_MAX * METRIC_STATUSES <= SEGMENT_COUNTERS,
               "more metrics than words in a slot");

/* Upwards, in the unit that is observed (nanoseconds, or a number); the last bucket has none. */
struct bounds {
    const uint64_t *at;
    const char *const *names; /* as the text shows them */
    uint32_t count;
};

const struct bounds *metric_bounds(enum metric_histogram histogram);
double metric_unit(enum metric_histogram histogram); /* what one of the text is in observed ones */

static inline uint32_t histogram_at(enum metric_histogram histogram)
{
    return (uint32_t)(HISTOGRAMS_AT + (size_t)histogram * HISTOGRAM_WORDS);
}

/* Adds to a word of this process's slot; nothing before metrics_init. */
void metrics_add_word(uint32_t counter, uint64_t value);

/* Is the word that of the process which has the slot now? Its value then. */
bool metric_gauge_read(const struct segment *segment, uint32_t slot, uint32_t counter,
                       uint64_t *value_out);

#endif
