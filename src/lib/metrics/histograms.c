/* Histograms: how long things took and how large they were, in buckets with fixed bounds. */
#include "metrics_layout.h"

#define SECOND(bound) ((uint64_t)((bound)*1e9 + 0.5))

static const uint64_t hash_bounds[] = {
#define BOUND_HASH(seconds) SECOND(seconds),
#include "gatepost/metrics.def"
};
static const char *const hash_names[] = {
#define BOUND_HASH(seconds) #seconds,
#include "gatepost/metrics.def"
};
static const uint64_t quick_bounds[] = {
#define BOUND_QUICK(seconds) SECOND(seconds),
#include "gatepost/metrics.def"
};
static const char *const quick_names[] = {
#define BOUND_QUICK(seconds) #seconds,
#include "gatepost/metrics.def"
};
static const uint64_t size_bounds[] = {
#define BOUND_SIZE(size) size,
#include "gatepost/metrics.def"
};
static const char *const size_names[] = {
#define BOUND_SIZE(size) #size,
#include "gatepost/metrics.def"
};

_Static_assert(ARRAY_LEN(hash_bounds) < METRIC_BUCKETS_MAX &&
                   ARRAY_LEN(quick_bounds) < METRIC_BUCKETS_MAX &&
                   ARRAY_LEN(size_bounds) < METRIC_BUCKETS_MAX,
               "one more bucket has no bound");

enum bound_set { SET_HASH, SET_QUICK, SET_SIZE, SETS };

static const struct bounds sets[SETS] = {
    [SET_HASH] = {hash_bounds, hash_names, ARRAY_LEN(hash_bounds)},
    [SET_QUICK] = {quick_bounds, quick_names, ARRAY_LEN(quick_bounds)},
    [SET_SIZE] = {size_bounds, size_names, ARRAY_LEN(size_bounds)},
};

static const enum bound_set set_of[HISTOGRAM_COUNT] = {
#define HISTOGRAM(name, prometheus, labels, bounds, help) SET_##bounds,
#include "gatepost/metrics.def"
};

const struct bounds *metric_bounds(enum metric_histogram histogram)
{
    return &sets[set_of[histogram]];
}

double metric_unit(enum metric_histogram histogram)
{
    return set_of[histogram] == SET_SIZE ? 1 : NS_PER_S;
}

static void observe(enum metric_histogram histogram, uint64_t value)
{
    const struct bounds *bounds = metric_bounds(histogram);
    uint32_t bucket = 0;

    while (bucket < bounds->count && value > bounds->at[bucket])
        bucket++;
    metrics_add_word(histogram_at(histogram) + bucket, 1);
    metrics_add_word(histogram_at(histogram) + METRIC_BUCKETS_MAX, value);
}

void metric_observe(enum metric_histogram histogram, mono_ns took)
{
    observe(histogram, took);
}

void metric_observe_size(enum metric_histogram histogram, uint64_t size)
{
    BUG_ON(set_of[histogram] != SET_SIZE);
    observe(histogram, size);
}

void metric_buckets_read(const struct segment *segment, enum metric_histogram histogram,
                         struct metric_buckets *buckets_out)
{
    for (uint32_t i = 0; i < METRIC_BUCKETS_MAX; i++)
        buckets_out->count[i] = counter_sum(segment, histogram_at(histogram) + i);
}

uint64_t metric_buckets_total(const struct metric_buckets *then, const struct metric_buckets *now)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < METRIC_BUCKETS_MAX; i++)
        total += now->count[i] - then->count[i];
    return total;
}

/* As PromQL's histogram_quantile does it: what lies beyond the last bound is shown as that bound.
 */
double metric_quantile(enum metric_histogram histogram, const struct metric_buckets *then,
                       const struct metric_buckets *now, double share)
{
    const struct bounds *bounds = metric_bounds(histogram);
    const double unit = metric_unit(histogram);
    const uint64_t total = metric_buckets_total(then, now);
    const double wanted = share * (double)total;
    double before = 0;

    if (total == 0)
        return 0;
    for (uint32_t i = 0; i < bounds->count; i++) {
        const double here = (double)(now->count[i] - then->count[i]);
        const double from = i == 0 ? 0 : (double)bounds->at[i - 1];
        if (here > 0 && before + here >= wanted)
            return (from + ((double)bounds->at[i] - from) * (wanted - before) / here) / unit;
        before += here;
    }
    return (double)bounds->at[bounds->count - 1] / unit;
}
