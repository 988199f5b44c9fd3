/* Answers counted by route. The tables of routes are the list of labels: there is no other. */
#ifndef WORKER_ROUTE_METRICS_H
#define WORKER_ROUTE_METRICS_H

#include <stdio.h>

#include "request.h"

/* Counts an answer that is about to leave, and how long it took. Cost: three relaxed adds and a
 * look at the clock. */
void route_metrics_count(const struct request *request, int status);

/* One that libh2o made before the request came to us. */
void route_metrics_count_foreign(int status);

/* Their part of /metrics. */
void route_metrics_print(FILE *out, const struct segment *segment);

#endif
