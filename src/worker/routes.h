/* The tables of all routes. */
#ifndef WORKER_ROUTES_H
#define WORKER_ROUTES_H

#include "request.h"

struct route_table {
    const struct route *routes;
    size_t count;
};

extern const struct route_table WORKER_ROUTES;
extern const struct route_table ADMIN_ROUTES; /* admin_routes.c */

/* path: the raw request target, query included. One slash at the end is forgiven, nothing is
 * decoded, nothing merged. segments_out: what stands where the route has {id}; borrowed from path,
 * empty where it has none. NULL: no such path. Another operation of the path is returned when it
 * has none for the method: the caller compares. */
const struct route *route_find(const struct route_table *table, struct slice path,
                               enum method method, struct slice segments_out[ROUTE_SEGMENTS_MAX]);

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
