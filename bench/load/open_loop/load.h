/* An open loop: every request is sent when it is due, or, while all connections are busy, as soon
 * as one is free; it is measured from the moment it was due in any case. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>

#include "answer.h"
#include "mix.h"
#include "schedule.h"
#include "tally.h"

struct load_options {
    struct sockaddr_in address;
    size_t connections; /* one request each at a time */
    bool opens_late;    /* by the first request that needs it, else all of them beforehand */
    double warm_s;      /* what is due in it is sent and not counted */
    double seconds;     /* what is due in it is counted */
    double drain_s;     /* so long answers are waited for after the last one was due */
    double timeout_s;   /* from when it was sent; then its connection is closed */
};

/* What the load as a whole did. */
struct load_result {
    struct histogram lag; /* of the generator itself: from when it could have sent to when it did */
    uint64_t late;        /* sent more than LOAD_LATE_NS later than it could have been */
    uint64_t in_time; /* answers that came between the first counted one's due time and the end */
    double queue_max_ms; /* the longest that one waited for a connection */
};

#define LOAD_LATE_NS NS_PER_MS

/* tallies: one for each kind of the mix, zeroed. Dies when the server cannot be connected to at
 * first. */
void load_run(const struct load_options *options, struct schedule *schedule, struct mix *mix,
              struct tally *tallies, struct load_result *result);

#endif
