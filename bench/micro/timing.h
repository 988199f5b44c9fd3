/* CPU time of this thread, and the median of what was measured. */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gatepost/base.h"

#define MEDIAN_MAX 99

static inline double cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

static inline int compare_doubles(const void *a, const void *b)
{
    const double *first = a;
    const double *second = b;

    return (*first > *second) - (*first < *second);
}

/* count: 1 to MEDIAN_MAX. */
static inline double median(const double *values, size_t count)
{
    double sorted[MEDIAN_MAX];

    BUG_ON(count == 0 || count > MEDIAN_MAX);
    memcpy(sorted, values, count * sizeof(sorted[0]));
    qsort(sorted, count, sizeof(sorted[0]), compare_doubles);
    return sorted[count / 2];
}

#endif
