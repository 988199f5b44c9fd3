/* libh2o, set up for what Gatepost needs of it: one handler, small limits, HTTP/2 behind a guard of
 * our own (http2.c) and only where it is asked for.
 *
 * Whatever libh2o answers
 * by itself goes through a filter that makes it ours, so that every answer is JSON and carries the
 * same headers. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "gatepost/log.h"

#include "access_log.h"
#include "connections.h"
#include "cors.h"
#include "http2.h"
#include "reply.h"
#include "request.h"

/* One more than our own limit, which routes.c applies: libh2o refuses a chunked body of exactly its
 * limit and takes one with Content-Length. */
#define BODY_LIMIT_OF_H2O  (16384 + 1)
#define REQUEST_TIMEOUT_MS 10000 /* head and body, from the first byte or the last answer on */
#define HTTP2_IDLE_MS      30000 /* without a byte; http2_look.c is stricter, and says why */

#define FREED_BYTE 0xa5 /* any but 0 */

struct own_handler {
    h2o_handler_t super;
    struct server *server;
};

struct own_filter {
    h2o_filter_t super;
    struct server *server;
};

/* ---- what libh2o answers by itself --------------------------------------------------------------
 */

struct own_answer {
    h2o_ostream_t super;
    struct slice body;
};

static void send_ours(h2o_ostream_t *stream, h2o_req_t *h2o, h2o_iovec_t *parts, size_t count,
                      h2o_send_state_t state)
{
    struct slice body = ((struct own_answer *)stream)->body;
    h2o_iovec_t part = {.base = (char *)(uintptr_t)body.at, .len = body.len};

    (void)parts; /* none for HEAD */
    h2o_ostream_send_next(stream, h2o, &part, count == 0 ? 0 : 1, state);
}

/* On the fallback path alone, which only requests that never reached our handler have. */
static void on_foreign_answer(h2o_filter_t *filter, h2o_req_t *h2o, h2o_ostream_t **slot)
{
    struct worker *worker = ((struct own_filter *)filter)->server->worker;
    struct own_answer *answer = (void *)h2o_add_ostream(h2o, sizeof(*answer), slot);
    char id[REQUEST_ID_BYTES];

    request_make_id(worker, id);
    answer->body = reply_dress_foreign(h2o, id);
    cors_dress(worker, h2o, NULL);
    answer->super.do_send = send_ours;
    server_close_after(h2o);
    h2o_setup_next_ostream(h2o, &answer->super.next);
}

/* ---- watched descriptors ------------------------------------------------------------------------
 */

struct watch {
    struct worker *worker;
    server_readable_fn on_readable;
};

static void on_watched(h2o_socket_t *socket, const char *error)
{
    struct watch *watch = socket->data;

    (void)error; /* the socket is not read by h2o, so none can have happened */
    watch->on_readable(watch->worker);
}

void server_watch(struct server *server, int fd, server_readable_fn on_readable)
{
    BUG_ON(server->watch_count == SERVER_WATCHES_MAX);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        die(EXIT_FAILED, "no descriptor to watch with: %s", strerror(errno));

    struct watch *watch = xcalloc(1, sizeof(*watch));
    *watch = (struct watch){.worker = server->worker, .on_readable = on_readable};
    h2o_socket_t *socket =
        h2o_evloop_socket_create(server->context.loop, copy, H2O_SOCKET_FLAG_DONT_READ);
    socket->data = watch;
    h2o_socket_read_start(socket, on_watched);
    server->watches[server->watch_count++] = socket;
}

static void unwatch_all(struct server *server)
{
    for (size_t i = 0; i < server->watch_count; i++) {
        free(server->watches[i]->data);
        h2o_socket_close(server->watches[i]);
    }
    server->watch_count = 0;
}

/* ---- setting up ---------------------------------------------------------------------------------
 */

static void configure(struct server *server)
{
    h2o_globalconf_t *config = &server->config;

    h2o_config_init(config);
    config->server_name = h2o_iovec_init(H2O_STRLIT(""));
    config->max_request_entity_size =
        server->worker->heritage->role == ROLE_ADMIN ? LINES_BODY_MAX_BYTES + 1 : BODY_LIMIT_OF_H2O;
    config->http1.req_timeout = REQUEST_TIMEOUT_MS;
    config->http1.upgrade_to_http2 = 0;
    config->http2.idle_timeout = HTTP2_IDLE_MS;
    config->http2.callbacks.request_shutdown = NULL; /* its timer would outlive the context */

    h2o_hostconf_t *host =
        h2o_config_register_host(config, h2o_iovec_init(H2O_STRLIT("gatepost")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    struct own_handler *handler = (void *)h2o_create_handler(path, sizeof(*handler));
    handler->super.on_req = request_on_h2o;
    handler->server = server;
    struct own_filter *filter = (void *)h2o_create_filter(&host->fallback_path, sizeof(*filter));
    filter->super.on_setup_ostream = on_foreign_answer;
    filter->server = server;
    access_log_register(path, server->worker);
    access_log_register(&host->fallback_path, server->worker);
}

/* Of a body that never comes whole, or is too large, we never hear; and a buffer that has become
 * too small is copied and let go. libh2o keeps some of those, see server_wipe_spare_buffers. What
 * it frees glibc overwrites: all but its smallest blocks, which no buffer is. Taking libh2o's store
 * of buffers away instead would have every request pay for a new one. */
static void overwrite_freed_buffers(void)
{
    (void)mallopt(M_PERTURB, FREED_BYTE);
}

void server_wipe_spare_buffers(size_t newest)
{
    h2o_mem_recycle_t *store = &h2o_socket_buffer_prototype.allocator;
    const size_t bytes =
        offsetof(h2o_buffer_t, _buf) + h2o_socket_buffer_prototype._initial_buf.capacity;
    void *taken[SERVER_SPARE_BUFFERS_MAX];
    size_t count = 0;

    BUG_ON(store->max > SERVER_SPARE_BUFFERS_MAX);
    while (count < newest && store->cnt > 0) {
        taken[count] = h2o_mem_alloc_recycle(store, bytes);
        explicit_bzero(taken[count++], bytes);
    }
    while (count > 0)
        h2o_mem_free_recycle(store, taken[--count]);
}

void server_wipe_outgrown(h2o_req_t *h2o)
{
    const h2o_socket_t *socket = h2o->conn->callbacks->get_socket(h2o->conn);
    struct server *server = ((struct connection *)socket->on_close.data)->server;
    const bool outgrown =
        socket->input->capacity != h2o_socket_buffer_prototype._initial_buf.capacity;

    /* HTTP/2 keeps bodies in buffers of their own, which grow too. */
    if (!outgrown && !server->spares_in_doubt && !http2_is(h2o))
        return;
    server_wipe_spare_buffers(SERVER_SPARE_BUFFERS_MAX);
    server->spares_in_doubt = false;
}

struct server *server_new(struct worker *worker, SSL_CTX *tls)
{
    struct server *server = xcalloc(1, sizeof(*server));

    overwrite_freed_buffers();
    server->worker = worker;
    server->tls = tls;
    configure(server);
    h2o_context_init(&server->context, h2o_evloop_create(), &server->config);
    h2o_timeout_init(server->context.loop, &server->later_timeout, REQUEST_LATER_MS);
    connections_init(server);
    return server;
}

void server_free(struct server **server)
{
    struct server *gone = *server;

    if (gone == NULL)
        return;
    unwatch_all(gone);
    connections_fini(gone);
    h2o_timeout_dispose(gone->context.loop, &gone->later_timeout);
    h2o_loop_t *loop = gone->context.loop;
    h2o_multithread_queue_t *queue = gone->context.queue;
    h2o_context_dispose(&gone->context);
    free(queue);             /* libh2o ends its queue and does not free it */
    h2o_evloop_run(loop, 0); /* frees the sockets that were closed just now */
    h2o_evloop_destroy(loop);
    h2o_config_dispose(&gone->config);
    SSL_CTX_free(gone->tls);
    free(gone);
    *server = NULL;
}

struct server *server_of_handler(h2o_handler_t *handler)
{
    return ((struct own_handler *)handler)->server;
}

void server_run(struct server *server, int32_t max_wait_ms)
{
    /* EINTR is the one failure that means nothing; any other and the loop is of no use. */
    while (h2o_evloop_run(server->context.loop, max_wait_ms) != 0)
        BUG_ON(errno != EINTR);
}

void server_begin_shutdown(struct server *server)
{
    h2o_context_request_shutdown(&server->context);
    http2_begin_shutdown(server);
}
