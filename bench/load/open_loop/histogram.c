/* Bucket n below 2,048 holds the value n. Above, a value is shifted right until 11 bits are left;
 * the shift and those bits, of which the first is always set, are its bucket. */
#include "histogram.h"

#include <stddef.h>

#define LONGEST_NS ((1ULL << HISTOGRAM_VALUE_BITS) - 1)

static size_t bucket_of(uint64_t ns)
{
    if (ns < 2 * HISTOGRAM_HALF)
        return ns;
    unsigned shift = 63 - 10 - (unsigned)__builtin_clzll(ns);
    return HISTOGRAM_HALF * (size_t)shift + (ns >> shift);
}

static uint64_t upper_end(size_t bucket)
{
    if (bucket < 2 * HISTOGRAM_HALF)
        return bucket;
    size_t shift = bucket / HISTOGRAM_HALF - 1;
    return ((uint64_t)(bucket - HISTOGRAM_HALF * shift + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    histogram->count++;
    histogram->sum_ns += (double)ns;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
    histogram->counts[bucket_of(ns < LONGEST_NS ? ns : LONGEST_NS)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->counts[i] += from->counts[i];
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        /* The nearest rank; a hair less than wanted is a share that binary fractions cannot hold.
         */
        if (seen != 0 && (double)seen >= wanted - 1e-6) {
            uint64_t end = upper_end(i);
            return end < histogram->max_ns ? end : histogram->max_ns;
        }
    }
    return histogram->max_ns;
}
