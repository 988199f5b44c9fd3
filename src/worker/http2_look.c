/* What time ends on HTTP/2: libh2o's idle timer begins anew with every byte, and stands still while
 * a stream is answered.
 *
 *   a stream whose request is not whole after 10 s   reset, and counted as one; while its header
 *                                                    block is not whole the connection ends
 *   a stream whose answer is not taken after 10 s    reset, and counted as one
 *   no stream for 10 s, whatever else comes          the connection ends
 *
 * A stream that waits for us has no end here: store and hash threads have their own. */
#include "http2.h"

#include <h2o/http2.h>
#include <h2o/http2_internal.h>

#include "gatepost/metrics.h"

#define REQUEST_MS  10000
#define ANSWER_MS   10000
#define QUIET_NS    (10 * NS_PER_S)
#define FAREWELL_NS NS_PER_S       /* a round trip, for the first GOAWAY to be heard */
#define GREETING_NS (3 * NS_PER_S) /* after the handshake, when the worker leaves */

static const char GRACEFUL[] = "graceful shutdown";

/* ---- streams ------------------------------------------------------------------------------------
 */

static int64_t ms_since(const h2o_http2_conn_t *conn, struct timeval then)
{
    const struct timeval now = *h2o_get_timestamp(conn->super.ctx, NULL, NULL);

    return (now.tv_sec - then.tv_sec) * 1000 + (now.tv_usec - then.tv_usec) / 1000;
}

static bool is_overdue(const h2o_http2_conn_t *conn, const h2o_http2_stream_t *stream)
{
    switch (stream->state) {
    case H2O_HTTP2_STREAM_STATE_RECV_HEADERS:
    case H2O_HTTP2_STREAM_STATE_RECV_BODY:
        return ms_since(conn, stream->req.timestamps.request_begin_at) > REQUEST_MS;
    case H2O_HTTP2_STREAM_STATE_SEND_BODY:
    case H2O_HTTP2_STREAM_STATE_SEND_BODY_IS_FINAL:
        return ms_since(conn, stream->req.timestamps.response_start_at) > ANSWER_MS;
    case H2O_HTTP2_STREAM_STATE_IDLE:
    case H2O_HTTP2_STREAM_STATE_REQ_PENDING:
    case H2O_HTTP2_STREAM_STATE_SEND_HEADERS:
    case H2O_HTTP2_STREAM_STATE_END_STREAM:
        break;
    }
    return false;
}

/* libh2o takes streams out of the table while it goes over it, as here. */
static void end_overdue(struct connection *connection)
{
    h2o_http2_conn_t *conn = connection->http2.conn;
    h2o_http2_stream_t *stream;

    kh_foreach_value(conn->streams, stream, {
        if (!is_overdue(conn, stream))
            continue;
        connection->http2.resets++;
        metric_count(METRIC_HTTP2_OVERDUE);
        h2o_http2__encode_rst_stream_frame(&conn->_write.buf, stream->stream_id,
                                           -H2O_HTTP2_ERROR_CANCEL);
        h2o_http2_conn_request_write(conn);
        h2o_http2_stream_reset(conn, stream);
        server_wipe_spare_buffers(1);
    })
}

/* The stream of a header block that goes on and on is among the overdue; its connection takes
 * nothing but that block, so that nothing is lost with it. */
static bool is_amid_a_block(const h2o_http2_conn_t *conn)
{
    bool is_late = false;
    h2o_http2_stream_t *stream;

    if (conn->_headers_unparsed == NULL)
        return false;
    kh_foreach_value(conn->streams, stream, {
        is_late |= stream->stream_id == conn->pull_stream_ids.max_open && is_overdue(conn, stream);
    }) return is_late;
}

/* ---- connections --------------------------------------------------------------------------------
 */

static bool is_quiet(struct http2_state *state, mono_ns now)
{
    if (state->conn->num_streams.pull.open > 0)
        state->quiet_since = now;
    return now - state->quiet_since > QUIET_NS;
}

/* INT32_MAX: whatever was sent before the client read this is served (RFC 9113 section 6.8). */
static void say_farewell(struct http2_state *state, mono_ns now)
{
    h2o_http2_conn_t *conn = state->conn;

    if (state->farewell_since != 0 || !state->greeted || conn->state != H2O_HTTP2_CONN_STATE_OPEN)
        return;
    state->farewell_since = now;
    h2o_http2_encode_goaway_frame(&conn->_write.buf, INT32_MAX, H2O_HTTP2_ERROR_NONE,
                                  h2o_iovec_init(H2O_STRLIT(GRACEFUL)));
    h2o_http2_conn_request_write(conn);
}

/* The last GOAWAY makes libh2o deaf to bodies: it waits for those that are under way. A client that
 * has not greeted yet has its greeting, and often its first request, on the way. */
static bool may_end(const struct http2_state *state, mono_ns now)
{
    const h2o_http2_conn_num_streams_t *streams = &state->conn->num_streams.pull;

    if (!state->greeted)
        return now - state->quiet_since > GREETING_NS;
    return state->farewell_since != 0 && now - state->farewell_since > FAREWELL_NS &&
           streams->open == streams->half_closed;
}

static void look_at(struct connection *connection, bool leaving, mono_ns now)
{
    struct http2_state *state = &connection->http2;
    const struct config *config = connection->server->worker->config;

    if (state->conn->state != H2O_HTTP2_CONN_STATE_OPEN)
        return;
    if (is_amid_a_block(state->conn)) {
        http2_log_cut(connection, "header block not whole in time");
        http2_say_goaway(connection, H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM, "request timeout");
        end_overdue(connection);
        return;
    }
    end_overdue(connection);
    if (state->resets > (uint64_t)config->http_http2_resets_max) {
        http2_log_cut(connection, "too many streams were left lying");
        http2_say_goaway(connection, H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM, "too slow");
    } else if (is_quiet(state, now)) {
        http2_say_goaway(connection, H2O_HTTP2_ERROR_NONE, "idle timeout");
    } else if (leaving) {
        say_farewell(state, now);
        if (may_end(state, now))
            http2_say_goaway(connection, H2O_HTTP2_ERROR_NONE, GRACEFUL);
    }
}

static void look_at_all(struct server *server, mono_ns now)
{
    const bool leaving = server->context.shutdown_requested;
    h2o_linklist_t *anchor = &server->context.http2._conns;
    h2o_linklist_t *next;

    for (h2o_linklist_t *at = anchor->next; at != anchor; at = next) {
        h2o_http2_conn_t *conn = H2O_STRUCT_FROM_MEMBER(h2o_http2_conn_t, _conns, at);
        next = at->next;
        look_at(conn->sock->on_close.data, leaving, now);
    }
}

void http2_look(struct server *server, mono_ns now)
{
    if (now - server->http2_looked < HTTP2_LOOK_MS * NS_PER_MS)
        return;
    server->http2_looked = now;
    look_at_all(server, now);
}

void http2_begin_shutdown(struct server *server)
{
    look_at_all(server, clock_mono_ns());
}
