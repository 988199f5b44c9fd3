/* The head of an HTTP/2 request, which libh2o has taken apart: what head.h is for HTTP/1. */
#ifndef WORKER_HTTP2_HEAD_H
#define WORKER_HTTP2_HEAD_H

#include <h2o.h>

#include "head.h"

/* Refuses what HTTP/1 would refuse of the same request, and what only HTTP/2 can spell: a path that
 * is none, an octet in a value that would end a line, a Content-Length that the body has not.
 * libh2o has refused before: upper case in names, unknown and repeated pseudo headers, most fields
 * of a connection (Connection, Transfer-Encoding, Upgrade, TE). It drops Host; :authority stands
 * for it, and neither is used for anything. Source: RFC 9113 sections 8.1.1, 8.2, 8.3. */
MUST_USE enum head_verdict http2_head_check(h2o_req_t *h2o);

#endif
