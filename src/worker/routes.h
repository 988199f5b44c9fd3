/* The table of all routes. */
#ifndef WORKER_ROUTES_H
#define WORKER_ROUTES_H

#include "request.h"

/* path: the raw request target, query included. One slash at the end is forgiven, nothing is
 * decoded, nothing merged. segment_out: what stands where the route has {id}; borrowed from path,
 * empty for a route without. NULL: no such path. Another operation of the path is returned when it
 * has none for the method: the caller compares. */
const struct route *route_find(struct slice path, enum method method, struct slice *segment_out);

/* The request target without its query, and without scheme and authority when it has them (RFC
 * 9112 section 3.2.2). */
struct slice route_path(struct slice target);

/* Who asks, method, content type and size, then the endpoint. Takes the request. */
void route_dispatch(struct request **request);

/* How a body of that Content-Type is read. Returns false when it is not: 415. An empty body is
 * BODY_EMPTY whatever its type, as in DRF. */
MUST_USE bool route_body_format(enum route_body takes, struct slice content_type,
                                struct slice content_encoding, size_t body_len,
                                enum body_format *format_out);

#endif
