/* Accepting, and the life of a connection around what libh2o does with it.
 *
 * Invariant: connection_count is the number of descriptors that clients cost us, lingering ones
 * included; it never passes connections_max. When it is reached the listeners are not read, so that
 * clients wait in the backlog, where another worker may take them. */
#include "connections.h"

#include <errno.h>
#include <fcntl.h>
#include <h2o/http1.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/metrics.h"

#include "head.h"
#include "http2.h"
#include "peer.h"

#define ACCEPTS_AT_ONCE   16
#define UNSENT_TIMEOUT_MS 10000U /* libh2o has no timer while it writes an answer */
#define RECEIVE_BYTES     (64 << 10)
#define HANDSHAKE_MS      5000
#define LINGER_MS         2000
#define LINGER_MAX_BYTES  ((size_t)8 << 20)

/* ---- accepting ----------------------------------------------------------------------------------
 */

static void on_connection_closed(void *of_connection);
static void on_client_waits(h2o_socket_t *socket, const char *error);

static void set_accepting(struct server *server, bool accepting)
{
    if (server->accepting == accepting)
        return;
    server->accepting = accepting;
    for (size_t i = 0; i < server->listener_count; i++) {
        if (accepting)
            h2o_socket_read_start(server->listeners[i].socket, on_client_waits);
        else
            h2o_socket_read_stop(server->listeners[i].socket);
    }
}

static void open_spare(struct server *server)
{
    server->spare_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0); /* a worker has no paths */
}

/* No descriptor is left: the one that was kept for this takes the client and closes at once. Left
 * alone, the listener would stay readable and the loop would spin. */
static void turn_away(struct server *server, int listener_fd)
{
    if (server->spare_fd >= 0)
        close(server->spare_fd);
    int fd = accept4(listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    open_spare(server);
}

static void on_handshake_timeout(h2o_timeout_entry_t *entry)
{
    struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, handshake_end, entry);

    h2o_socket_close(connection->socket);
}

static void on_handshake(h2o_socket_t *socket, const char *error)
{
    struct connection *connection = socket->on_close.data;
    h2o_accept_ctx_t *accept = &connection->listener->accept;

    h2o_timeout_unlink(&connection->handshake_end);
    if (error != NULL) {
        h2o_socket_close(socket);
        return;
    }
    const h2o_iovec_t protocol = h2o_socket_ssl_get_selected_protocol(socket);
    if (h2o_memis(protocol.base, protocol.len, H2O_STRLIT("h2")))
        http2_begin(connection, accept);
    else
        h2o_http1_accept(accept, socket, *h2o_get_timestamp(accept->ctx, NULL, NULL));
}

/* What h2o_accept does, with a place between the handshake and the first byte of HTTP. */
static void begin(struct connection *connection)
{
    struct server *server = connection->server;
    h2o_accept_ctx_t *accept = &connection->listener->accept;

    if (accept->ssl_ctx == NULL) {
        h2o_http1_accept(accept, connection->socket, *h2o_get_timestamp(accept->ctx, NULL, NULL));
        return;
    }
    connection->handshake_end.cb = on_handshake_timeout;
    h2o_timeout_link(server->context.loop, &server->handshake_timeout, &connection->handshake_end);
    h2o_socket_ssl_handshake(connection->socket, accept->ssl_ctx, NULL, on_handshake);
}

static void adopt(struct listening *listener, h2o_socket_t *socket)
{
    struct server *server = listener->server;
    struct connection *connection = xcalloc(1, sizeof(*connection));

    connection->server = server;
    connection->listener = listener;
    connection->socket = socket;
    connection->linger_fd = -1;
    connection->older = server->connections;
    if (connection->older != NULL)
        connection->older->newer = connection;
    server->connections = connection;
    server->connection_count++;
    metric_count(METRIC_HTTP_CONNECTIONS);

    if (!listener->is_unix) {
        unsigned unsent_ms = UNSENT_TIMEOUT_MS;
        int on = 1;
        setsockopt(h2o_socket_get_fd(socket), IPPROTO_TCP, TCP_USER_TIMEOUT, &unsent_ms,
                   sizeof(unsent_ms));
        setsockopt(h2o_socket_get_fd(socket), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    FAULT("w.accepted");
    socket->on_close.cb = on_connection_closed;
    socket->on_close.data = connection;
    begin(connection);
}

static void on_client_waits(h2o_socket_t *socket, const char *error)
{
    struct listening *listener = socket->data;
    struct server *server = listener->server;

    (void)error; /* a listener is not read by h2o */
    for (int i = 0; i < ACCEPTS_AT_ONCE && server->accepting; i++) {
        h2o_socket_t *client = h2o_evloop_socket_accept(socket);
        if (client == NULL) {
            if (errno == EMFILE || errno == ENFILE)
                turn_away(server, h2o_socket_get_fd(socket));
            return;
        }
        adopt(listener, client);
        if (server->connection_count >= server->connections_max)
            set_accepting(server, false);
    }
}

/* libh2o reads all that the kernel has, also while a request is at work; left to grow by itself,
 * the kernel's buffer lets one client that pipelines without end take megabytes. The largest
 * request fits. Accepted sockets inherit it. */
static void bound_what_waits(int listener_fd)
{
    const int bytes = RECEIVE_BYTES;

    setsockopt(listener_fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

void server_listen(struct server *server, const struct heritage *heritage)
{
    for (size_t i = 0; i < heritage->listener_count; i++) {
        struct listening *listener = &server->listeners[i];
        listener->server = server;
        listener->is_unix = heritage->listeners[i].is_unix;
        listener->accept = (h2o_accept_ctx_t){
            .ctx = &server->context,
            .hosts = server->config.hosts,
            .ssl_ctx = listener->is_unix ? NULL : server->tls,
        };
        listener->socket = h2o_evloop_socket_create(server->context.loop, heritage->listeners[i].fd,
                                                    H2O_SOCKET_FLAG_DONT_READ);
        listener->socket->data = listener;
        bound_what_waits(heritage->listeners[i].fd);
    }
    server->listener_count = heritage->listener_count;
    set_accepting(server, true);
}

void server_stop_listening(struct server *server)
{
    /* A last look: at an address that a reload took away nobody comes after this worker. */
    for (size_t i = 0; i < server->listener_count && !server->refusing; i++)
        on_client_waits(server->listeners[i].socket, NULL);
    set_accepting(server, false);
    server->refusing = true;
    for (size_t i = 0; i < server->listener_count; i++)
        h2o_socket_close(server->listeners[i].socket);
    server->listener_count = 0;
}

/* ---- closing ------------------------------------------------------------------------------------
 */

static void forget(struct connection *connection)
{
    struct server *server = connection->server;

    if (connection->older != NULL)
        connection->older->newer = connection->newer;
    if (connection->newer != NULL)
        connection->newer->older = connection->older;
    else
        server->connections = connection->older;
    server->connection_count--;
    free(connection);
    if (!server->refusing && server->connection_count < server->connections_max)
        set_accepting(server, true);
}

static void end_lingering(struct connection *connection)
{
    h2o_timeout_unlink(&connection->linger_end);
    h2o_socket_close(connection->linger);
    forget(connection);
}

static void on_linger_timeout(h2o_timeout_entry_t *entry)
{
    end_lingering(H2O_STRUCT_FROM_MEMBER(struct connection, linger_end, entry));
}

static void on_late_bytes(h2o_socket_t *socket, const char *error)
{
    struct connection *connection = socket->data;
    char sink[16384];
    ssize_t len;

    (void)error;
    while ((len = read(h2o_socket_get_fd(socket), sink, sizeof(sink))) > 0) {
        connection->discarded += (size_t)len;
        if (connection->discarded > LINGER_MAX_BYTES)
            break;
    }
    if (len >= 0 || (errno != EAGAIN && errno != EINTR))
        end_lingering(connection);
}

/* The client has not seen its answer yet: bytes that arrive at a closed socket would make the
 * kernel reset the connection and throw the answer away. */
static void begin_lingering(struct connection *connection)
{
    struct server *server = connection->server;

    shutdown(connection->linger_fd, SHUT_WR);
    connection->linger = h2o_evloop_socket_create(server->context.loop, connection->linger_fd,
                                                  H2O_SOCKET_FLAG_DONT_READ);
    connection->linger->data = connection;
    connection->linger_end.cb = on_linger_timeout;
    h2o_timeout_link(server->context.loop, &server->linger_timeout, &connection->linger_end);
    h2o_socket_read_start(connection->linger, on_late_bytes);
}

static void on_connection_closed(void *of_connection)
{
    struct connection *connection = of_connection;

    connection->socket = NULL;
    connection->server->spares_in_doubt = true;
    h2o_timeout_unlink(&connection->handshake_end); /* a client may leave amid its handshake */
    server_wipe_spare_buffers(connection->http2.conn != NULL ? SERVER_SPARE_BUFFERS_MAX : 1);
    connection->http2.conn = NULL;
    if (connection->linger_fd >= 0)
        begin_lingering(connection);
    else
        forget(connection);
}

void server_linger(struct connection *connection)
{
    if (connection->linger_fd < 0)
        connection->linger_fd = fcntl(h2o_socket_get_fd(connection->socket), F_DUPFD_CLOEXEC, 0);
}

void server_close_after(h2o_req_t *h2o)
{
    if (http2_is(h2o))
        return;
    h2o->http1_is_persistent = 0;
    server_linger(h2o->conn->callbacks->get_socket(h2o->conn)->on_close.data);
}

int server_fd(h2o_req_t *h2o)
{
    return h2o_socket_get_fd(h2o->conn->callbacks->get_socket(h2o->conn));
}

/* libh2o frees the connection when it fails to write the answer. */
void server_cut(h2o_req_t *h2o)
{
    h2o->http1_is_persistent = 0;
    shutdown(server_fd(h2o), SHUT_RDWR);
}

void server_send_half_and_die(h2o_req_t *h2o)
{
    (void)!write(server_fd(h2o), "HTTP/1.1 2", 10);
    kill(getpid(), SIGKILL);
}

/* A head with a Connection field of its own may mean that nothing follows, whatever comes. */
bool server_is_followed(h2o_req_t *h2o, const struct head_extent *head)
{
    if (h2o->version != 0x101 || head->bytes == 0 || head->names_connection)
        return false;
    const h2o_buffer_t *input = h2o->conn->callbacks->get_socket(h2o->conn)->input;
    if (h2o->entity.len > 0)
        return h2o->entity.base + h2o->entity.len < input->bytes + input->size;
    return head->bytes < input->size;
}

/* libh2o ends every connection with its next answer then; it is told to keep this one. */
void server_close_if_leaving(h2o_req_t *h2o, bool followed)
{
    const struct connection *connection =
        h2o->conn->callbacks->get_socket(h2o->conn)->on_close.data;

    if (!h2o->conn->ctx->shutdown_requested || h2o->version >= 0x200)
        return;
    if (!followed)
        server_close_after(h2o);
    else if (connection->linger_fd < 0)
        h2o->http1_is_persistent = 1;
}

void server_cut_connections(struct server *server)
{
    for (struct connection *at = server->connections; at != NULL; at = at->older) {
        int fd = at->socket != NULL ? h2o_socket_get_fd(at->socket) : at->linger_fd;
        shutdown(fd, SHUT_RDWR);
    }
}

void server_peer(h2o_req_t *h2o, char *text_out, size_t text_bytes)
{
    struct sockaddr_storage address = {0};
    socklen_t len = h2o->conn->callbacks->get_peername(h2o->conn, (struct sockaddr *)&address);

    peer_text((const struct sockaddr *)&address, len, text_out, text_bytes);
}

void server_operator(h2o_req_t *h2o, char *text_out, size_t text_bytes)
{
    struct ucred who;
    socklen_t len = sizeof(who);

    if (getsockopt(server_fd(h2o), SOL_SOCKET, SO_PEERCRED, &who, &len) == 0)
        (void)snprintf(text_out, text_bytes, "unix:uid=%u", (unsigned)who.uid);
    else
        server_peer(h2o, text_out, text_bytes);
}

/* ---- begin and end ------------------------------------------------------------------------------
 */

void connections_init(struct server *server)
{
    server->connections_max = (size_t)server->worker->config->http_connections_max;
    h2o_timeout_init(server->context.loop, &server->linger_timeout, LINGER_MS);
    h2o_timeout_init(server->context.loop, &server->handshake_timeout, HANDSHAKE_MS);
    open_spare(server);
}

void connections_fini(struct server *server)
{
    server_stop_listening(server);
    if (server->spare_fd >= 0)
        close(server->spare_fd);
    h2o_timeout_dispose(server->context.loop, &server->linger_timeout);
    h2o_timeout_dispose(server->context.loop, &server->handshake_timeout);
}
