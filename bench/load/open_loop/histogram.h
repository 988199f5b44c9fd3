/* Latencies of very different sizes, each to three significant digits.
 *
 * Shape: log-linear, as HdrHistogram's: 2,048 buckets of one nanosecond, then 1,024 for each
 * doubling, so a bucket is never wider than a thousandth of what is in it. Adding costs a shift and
 * an increment however many there are. Units: nanoseconds; what is longer than 36 minutes counts as
 * that, but for the maximum. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_HALF       1024
#define HISTOGRAM_VALUE_BITS 41
#define HISTOGRAM_BUCKETS    (HISTOGRAM_HALF * (HISTOGRAM_VALUE_BITS - 9))

struct histogram {
    uint64_t count;
    uint64_t max_ns; /* exact */
    double sum_ns;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The longest of that share of all, 0.99 for p99: the upper end of its bucket. 0 when there are
 * none. */
uint64_t histogram_at(const struct histogram *histogram, double share);

#endif
