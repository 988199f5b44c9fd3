/* What became of the requests of one kind. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdio.h>

#include "histogram.h"

enum tally_error {
    TALLY_REFUSED,   /* no connection could be made */
    TALLY_CLOSED,    /* the connection ended before the answer did */
    TALLY_TIMED_OUT, /* counts as long as it was waited for */
    TALLY_MALFORMED, /* no answer that can be read */
    TALLY_ERRORS,
};

#define TALLY_STATUSES 600

struct tally {
    struct histogram latency; /* from the moment it was due to the last byte of its answer */
    uint64_t sent, answered;
    uint64_t
        unanswered; /* at the end of all waiting: due, sent or not; counts as long as it waited */
    uint64_t errors[TALLY_ERRORS];
    uint64_t statuses[TALLY_STATUSES];
};

void tally_merge(struct tally *into, const struct tally *from);

/* The members of a JSON object, without its braces. */
void tally_print(FILE *out, const struct tally *tally);

/* "[[share, ms], ...]": shares whose distance to 1 is halved in four steps each, up to the maximum.
 */
void tally_print_points(FILE *out, const struct histogram *histogram);

#endif
