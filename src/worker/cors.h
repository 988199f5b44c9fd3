/* Cross-origin resource sharing: what answers say to a browser about other origins' pages. */
#ifndef WORKER_CORS_H
#define WORKER_CORS_H

#include <h2o.h>

#include "worker.h"

/* Adds the headers of CORS to an answer that has its status and its other headers: for paths of the
 * API, where http.cors_origins lists any. allow: the methods of the path; NULL when there are none.
 * Everything it adds lives as long as the worker. Source: WHATWG Fetch, "HTTP extensions". */
void cors_dress(const struct worker *worker, h2o_req_t *h2o, const char *allow);

#endif
