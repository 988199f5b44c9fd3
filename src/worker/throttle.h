/* Limits on how often clients may call: what the configuration says, and the check that the route
 * table asks for. */
#ifndef WORKER_THROTTLE_H
#define WORKER_THROTTLE_H

#include "gatepost/limit.h"

#include "request.h"

/* The tables with this worker's rates; with limits.enabled = no none of them limits. */
struct limits *throttle_open(const struct worker *worker);

/* Counts the request in its route's class. Returns false when it was one too many: the request has
 * been answered by 429. Before anything else is done for it: to refuse is to be cheap. */
MUST_USE bool throttle_admit(struct request **request);

/* Who calls it: the loop, once a turn. */
void throttle_count_evictions(const struct worker *worker);

#endif
