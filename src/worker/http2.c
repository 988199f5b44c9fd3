/* The guard: a hook in front of libh2o's reading of frames.
 *
 * Debian's libh2o 2.2.5 answers floods of PING and SETTINGS within bounds, and knows nothing of
 * streams that are reset as fast as they are opened (CVE-2023-44487), nor of those that the server
 * is made to reset (CVE-2025-8671). A reset stream has cost a request, and does not count to
 * MAX_CONCURRENT_STREAMS. It also answers a body over the limit by a reset that clients retry on,
 * and writes a line to standard error for each frame of a kind that it does not know.
 *
 * The hook is conn->_read_expect, the function that reads the next frame, of a struct that
 * libh2o-dev-common has in <h2o/http2_internal.h>. libh2o sets it to one of three; after each call
 * the guard keeps what libh2o set and puts itself in front again.
 *
 * Invariant: libh2o's functions see whole frames, in the order of the wire, but for those that the
 * guard swallows: of unknown kinds, and DATA that nobody waits for. */
#include "http2.h"

#include <h2o/http2.h>
#include <h2o/http2_internal.h>

#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "gatepost/secret.h"

#include "head.h"
#include "hpack.h"
#include "peer.h"

#define WINDOW_NS          (60 * NS_PER_S) /* what http.http2_..._max are counted over */
#define FRAMES_PER_REQUEST 10              /* window updates, priorities: what comes with one */
#define FIELDS_MAX         100             /* as many as libh2o takes on HTTP/1 */
#define BLOCK_MAX_BYTES    (2 * HEAD_MAX_BYTES)
#define PARTS_MAX          16 /* frames of one header block */
#define DISCARD_MAX_BYTES  ((size_t)8 << 20)
#define BODY_MAX_BYTES     16384 /* routes.c refuses one byte more */
#define FRAME_HEAD         H2O_HTTP2_FRAME_HEADER_SIZE

static const char TOO_MANY_RESETS[] = "too many streams were reset";
static const char TOO_MANY_FRAMES[] = "too many frames that ask for nothing";
static const char TOO_MANY_FIELDS[] = "too many header fields";
static const char HEAD_TOO_LONG[] = "header block too long";
static const char TOO_MUCH_DATA[] = "too much data that nobody waits for";

static struct connection *connection_of(const h2o_http2_conn_t *conn)
{
    return conn->sock->on_close.data;
}

/* ---- what is counted ----------------------------------------------------------------------------
 */

static void count_from_now(struct http2_state *state, mono_ns now)
{
    if (now - state->counted_since < WINDOW_NS)
        return;
    state->counted_since = now;
    state->resets = 0;
    state->frames = 0;
    state->requests = 0;
}

/* Streams that libh2o has reset for what a peer did, in all of this worker's connections. Refused
 * ones, beyond MAX_CONCURRENT_STREAMS, are none: a client may open them before it knows. */
static uint64_t made_resets(const h2o_context_t *context)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < H2O_HTTP2_ERROR_MAX; i++) {
        if (i != -H2O_HTTP2_ERROR_REFUSED_STREAM)
            sum += context->http2.events.protocol_level_errors[i];
    }
    return sum;
}

/* NULL: within bounds. */
static const char *find_excess(const struct connection *connection)
{
    const struct config *config = connection->server->worker->config;
    const struct http2_state *state = &connection->http2;

    if (state->resets > (uint64_t)config->http_http2_resets_max)
        return TOO_MANY_RESETS;
    if (state->frames >
        (uint64_t)config->http_http2_frames_max + FRAMES_PER_REQUEST * state->requests)
        return TOO_MANY_FRAMES;
    if (state->discarded > DISCARD_MAX_BYTES)
        return TOO_MUCH_DATA;
    return NULL;
}

void http2_log_cut(const struct connection *connection, const char *why)
{
    char peer[PEER_TEXT_BYTES];
    struct sockaddr_storage address = {0};
    socklen_t len = h2o_socket_getpeername(connection->socket, (struct sockaddr *)&address);

    peer_text((const struct sockaddr *)&address, len, peer, sizeof(peer));
    metric_count(METRIC_HTTP2_CUT);
    log_info("http2.cut", "peer=%s reason=\"%s\"", peer, why);
}

/* The answer for libh2o: it says GOAWAY and closes. */
static ssize_t cut(struct connection *connection, const char *why, const char **why_out)
{
    http2_log_cut(connection, why);
    server_linger(connection);
    *why_out = why;
    return H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
}

void http2_say_goaway(struct connection *connection, int error, const char *why)
{
    h2o_http2_conn_t *conn = connection->http2.conn;

    if (conn->state != H2O_HTTP2_CONN_STATE_OPEN)
        return;
    server_linger(connection);
    h2o_http2_encode_goaway_frame(&conn->_write.buf, conn->pull_stream_ids.max_open, error,
                                  h2o_iovec_init(why, strlen(why)));
    h2o_http2_conn_request_write(conn);
    conn->state = H2O_HTTP2_CONN_STATE_HALF_CLOSED;
}

/* ---- header blocks ------------------------------------------------------------------------------
 */

/* The fields of a block that is whole with this part: libh2o has what came before. */
static size_t count_fields(const h2o_http2_conn_t *conn, const uint8_t *part, size_t len)
{
    const h2o_buffer_t *before = conn->_headers_unparsed;

    if (before == NULL || before->size == 0)
        return hpack_count_fields(slice_of(part, len));
    char *whole = xcalloc(1, before->size + len);
    memcpy(whole, before->bytes, before->size);
    memcpy(whole + before->size, part, len);
    const size_t count = hpack_count_fields(slice_of(whole, before->size + len));
    secret_wipe(whole, before->size + len);
    free(whole);
    return count;
}

static const char *look_at_headers(struct connection *connection, const h2o_http2_frame_t *frame)
{
    struct http2_state *state = &connection->http2;
    h2o_http2_headers_payload_t payload = {.headers = frame->payload, .headers_len = frame->length};
    const char *ignored = NULL;

    if (frame->type == H2O_HTTP2_FRAME_TYPE_HEADERS) {
        if (h2o_http2_decode_headers_payload(&payload, frame, &ignored) != 0)
            return NULL; /* libh2o will say what is wrong */
        state->requests++;
        state->block_parts = 0;
        state->block_bytes = 0;
    }
    state->block_bytes += payload.headers_len;
    if (++state->block_parts > PARTS_MAX || state->block_bytes > BLOCK_MAX_BYTES)
        return HEAD_TOO_LONG;
    if ((frame->flags & H2O_HTTP2_FRAME_FLAG_END_HEADERS) != 0 &&
        count_fields(state->conn, payload.headers, payload.headers_len) > FIELDS_MAX)
        return TOO_MANY_FIELDS;
    return NULL;
}

/* ---- bodies -------------------------------------------------------------------------------------
 */

/* As libh2o does for what it takes. */
static void open_window(h2o_http2_conn_t *conn, size_t bytes)
{
    const ssize_t full = (ssize_t)H2O_HTTP2_SETTINGS_HOST.initial_window_size;

    h2o_http2_window_consume_window(&conn->_input_window, bytes);
    const ssize_t left = h2o_http2_window_get_window(&conn->_input_window);
    if (left * 2 >= full)
        return;
    h2o_http2_encode_window_update_frame(&conn->_write.buf, 0, (int32_t)(full - left));
    h2o_http2_conn_request_write(conn);
    h2o_http2_window_update(&conn->_input_window, full - left);
}

/* Of a stream that is answered before its body was whole, or that is gone. RFC 9113 section 8.1 has
 * the client of the former told to stop; once, and of several at a time the last: the others send
 * what they have. */
static void discard(struct connection *connection, const h2o_http2_frame_t *frame)
{
    struct http2_state *state = &connection->http2;

    state->discarded += frame->length;
    open_window(state->conn, frame->length);
    if (state->cut_short != frame->stream_id ||
        h2o_http2_conn_get_stream(state->conn, frame->stream_id) != NULL)
        return;
    state->cut_short = 0;
    h2o_http2__encode_rst_stream_frame(&state->conn->_write.buf, frame->stream_id, 0);
    h2o_http2_conn_request_write(state->conn);
}

/* libh2o would reset the stream, and clients try a refused stream again. It is given as much as
 * makes the body one byte too long, and is told that this was the end: the answer is 413. */
static ssize_t take_too_much(struct connection *connection, h2o_http2_stream_t *stream,
                             const h2o_http2_frame_t *frame, const h2o_http2_data_payload_t *data,
                             const char **why_out)
{
    uint8_t bytes[FRAME_HEAD + BODY_MAX_BYTES + 1];
    const size_t room = BODY_MAX_BYTES + 1 - stream->_req_body->size;
    h2o_http2_conn_t *conn = connection->http2.conn;

    h2o_http2_encode_frame_header(bytes, room, H2O_HTTP2_FRAME_TYPE_DATA,
                                  H2O_HTTP2_FRAME_FLAG_END_STREAM, (int32_t)frame->stream_id);
    memcpy(bytes + FRAME_HEAD, data->data, room);
    stream->_expected_content_length = SIZE_MAX;
    connection->http2.cut_short = frame->stream_id;
    const ssize_t result = conn->_read_expect(conn, bytes, FRAME_HEAD + room, why_out);
    secret_wipe(bytes, sizeof(bytes));
    if (result < 0)
        return result;
    open_window(conn, frame->length - room);
    return (ssize_t)(FRAME_HEAD + frame->length);
}

/* Passwords: what libh2o has copied into the stream's own buffer is wiped with the request. */
static void wipe_payload(const h2o_http2_frame_t *frame)
{
    secret_wipe((void *)(uintptr_t)frame->payload, frame->length);
}

/* Has the peer ended the stream before, or has it been ended? */
static bool is_over(const h2o_http2_conn_t *conn, const h2o_http2_stream_t *stream, uint32_t id)
{
    return id % 2 == 1 && id <= conn->pull_stream_ids.max_open &&
           (stream == NULL || stream->state > H2O_HTTP2_STREAM_STATE_RECV_BODY);
}

static ssize_t take_data(struct connection *connection, const h2o_http2_frame_t *frame,
                         const uint8_t *src, size_t len, const char **why_out)
{
    h2o_http2_conn_t *conn = connection->http2.conn;
    h2o_http2_stream_t *stream = h2o_http2_conn_get_stream(conn, frame->stream_id);
    h2o_http2_data_payload_t data = {.length = 0};
    const char *ignored = NULL;
    const bool is_whole = h2o_http2_decode_data_payload(&data, frame, &ignored) == 0;
    ssize_t result;

    if (is_over(conn, stream, frame->stream_id)) {
        connection->http2.frames++;
        discard(connection, frame);
        result = (ssize_t)(FRAME_HEAD + frame->length);
    } else if (is_whole && stream != NULL && stream->state == H2O_HTTP2_STREAM_STATE_RECV_BODY &&
               stream->_req_body->size + data.length > BODY_MAX_BYTES) {
        result = take_too_much(connection, stream, frame, &data, why_out);
    } else {
        if (data.length == 0 && (frame->flags & H2O_HTTP2_FRAME_FLAG_END_STREAM) == 0)
            connection->http2.frames++;
        result = conn->_read_expect(conn, src, len, why_out);
    }
    wipe_payload(frame);
    return result;
}

/* ---- the hook -----------------------------------------------------------------------------------
 */

/* In the middle of a header block libh2o takes nothing but CONTINUATION. */
static bool is_unknown(const struct connection *connection, const h2o_http2_frame_t *frame)
{
    return frame->type > H2O_HTTP2_FRAME_TYPE_CONTINUATION &&
           connection->http2.conn->_headers_unparsed == NULL;
}

/* A whole frame, within what SETTINGS allow. */
static ssize_t take_frame(struct connection *connection, const h2o_http2_frame_t *frame,
                          const uint8_t *src, size_t len, const char **why_out)
{
    struct http2_state *state = &connection->http2;
    h2o_http2_conn_t *conn = state->conn;
    const char *excess = NULL;
    ssize_t result;

    switch (frame->type) {
    case H2O_HTTP2_FRAME_TYPE_DATA:
        return take_data(connection, frame, src, len, why_out);
    case H2O_HTTP2_FRAME_TYPE_HEADERS:
    case H2O_HTTP2_FRAME_TYPE_CONTINUATION:
        excess = look_at_headers(connection, frame);
        if (excess != NULL)
            return cut(connection, excess, why_out);
        return conn->_read_expect(conn, src, len, why_out);
    case H2O_HTTP2_FRAME_TYPE_RST_STREAM:
        if (h2o_http2_conn_get_stream(conn, frame->stream_id) == NULL) {
            state->frames++;
            break;
        }
        state->resets++;
        metric_count(METRIC_HTTP2_RESETS);
        result = conn->_read_expect(conn, src, len, why_out);
        server_wipe_spare_buffers(1); /* the stream's body may have gone there */
        return result;
    default:
        state->frames++;
    }
    if (is_unknown(connection, frame))
        return (ssize_t)(FRAME_HEAD + frame->length);
    return conn->_read_expect(conn, src, len, why_out);
}

static ssize_t on_frame(h2o_http2_conn_t *conn, const uint8_t *src, size_t len,
                        const char **why_out)
{
    struct connection *connection = connection_of(conn);
    struct http2_state *state = &connection->http2;
    const uint64_t resets = made_resets(conn->super.ctx);
    h2o_http2_frame_t frame;
    const char *ignored = NULL;
    ssize_t result;

    conn->_read_expect = state->read_expect;
    if (!state->greeted) {
        result = conn->_read_expect(conn, src, len, why_out);
        state->greeted = result > 0;
    } else if (h2o_http2_decode_frame(&frame, src, len, &H2O_HTTP2_SETTINGS_HOST, &ignored) < 0) {
        result = conn->_read_expect(conn, src, len, why_out);
    } else {
        count_from_now(state, clock_mono_ns());
        result = take_frame(connection, &frame, src, len, why_out);
        state->resets += made_resets(conn->super.ctx) - resets;
        const char *excess = result < 0 ? NULL : find_excess(connection);
        if (excess != NULL)
            result = cut(connection, excess, why_out);
    }
    state->read_expect = conn->_read_expect;
    conn->_read_expect = on_frame;
    return result;
}

/* What came with the handshake's last bytes is kept aside: libh2o would read it at once, before
 * the hook is there. */
void http2_begin(struct connection *connection, h2o_accept_ctx_t *accept)
{
    h2o_socket_t *socket = connection->socket;
    h2o_buffer_t *early = socket->input;

    h2o_buffer_init(&socket->input, &h2o_socket_buffer_prototype);
    h2o_http2_accept(accept, socket, *h2o_get_timestamp(accept->ctx, NULL, NULL));
    h2o_buffer_dispose(&socket->input);
    socket->input = early;

    h2o_http2_conn_t *conn = socket->data;
    BUG_ON(conn->sock != socket || conn->_read_expect == NULL);
    connection->http2 = (struct http2_state){
        .conn = conn,
        .read_expect = conn->_read_expect,
        .counted_since = clock_mono_ns(),
        .quiet_since = clock_mono_ns(),
    };
    conn->_read_expect = on_frame;
    metric_count(METRIC_HTTP2_CONNECTIONS);
    if (early->size > 0)
        socket->_cb.read(socket, NULL);
}

/* ---- hashes -------------------------------------------------------------------------------------
 */

bool http2_may_hash(const struct request *request)
{
    int64_t under_way = 0;

    if (request->h2o == NULL || !http2_is(request->h2o))
        return true;
    for (const struct request *at = request->worker->requests; at != NULL; at = at->older)
        under_way += at->hash != NULL && at->h2o != NULL && at->h2o->conn == request->h2o->conn;
    return under_way < request->worker->config->http_http2_hashes_max;
}
