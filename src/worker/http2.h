/* HTTP/2, which libh2o speaks, and the guard that it lacks: what a peer may do for nothing is
 * counted for each connection, what he leaves lying has an end, and a connection that leaves says
 * so in time. docs/http2.md has what is bounded how. */
#ifndef WORKER_HTTP2_H
#define WORKER_HTTP2_H

#include "request.h"
#include "server.h"

/* The TLS handshake chose HTTP/2: libh2o takes the connection, and the guard sees every frame
 * before libh2o does. */
void http2_begin(struct connection *connection, h2o_accept_ctx_t *accept);

/* Looks after all connections: ends what takes too long, says farewell when the worker leaves.
 * Who calls it: the loop, each turn. Cost: nothing for HTTP2_LOOK_MS after a look. */
#define HTTP2_LOOK_MS 250
void http2_look(struct server *server, mono_ns now);

/* Every connection is told that no new stream will be served on it; what is under way will. */
void http2_begin_shutdown(struct server *server);

/* For the two files of HTTP/2: ends a connection when its last answer is out: GOAWAY with that
 * error (0: no error, else H2O_HTTP2_ERROR_...) and the last stream that was looked at. */
void http2_say_goaway(struct connection *connection, int error, const char *why);

/* A log line about a connection that was ended for what its peer did. */
void http2_log_cut(const struct connection *connection, const char *why);

static inline bool http2_is(const h2o_req_t *h2o)
{
    return h2o->version >= 0x200;
}

/* May one more hash be asked for on this request's connection? HTTP/1 has one at a time anyhow. */
MUST_USE bool http2_may_hash(const struct request *request);

#endif
