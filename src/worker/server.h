/* The one door to libh2o's server: configuration, TLS, connections, the loop. */
#ifndef WORKER_SERVER_H
#define WORKER_SERVER_H

#include <h2o.h>

#include "worker.h"

#define SERVER_WATCHES_MAX 4

struct server;
struct head_extent;

/* A listening socket. */
struct listening {
    struct server *server;
    h2o_socket_t *socket;
    h2o_accept_ctx_t accept;
    bool is_unix;
};

/* What http2.c keeps of a connection that speaks HTTP/2. */
struct http2_state {
    struct st_h2o_http2_conn_t *conn; /* libh2o's; NULL: it speaks HTTP/1, or nothing yet */
    ssize_t (*read_expect)(struct st_h2o_http2_conn_t *conn, const uint8_t *src, size_t len,
                           const char **err_desc); /* what libh2o would read the next frame with */
    bool greeted;                                  /* the client's preface was good */
    mono_ns counted_since;                         /* the next three: since then */
    uint64_t resets;        /* streams reset before their answer was out, whoever did it */
    uint64_t frames;        /* frames that ask for nothing */
    uint64_t requests;      /* header blocks begun */
    size_t discarded;       /* bytes of DATA that nobody waited for */
    unsigned block_parts;   /* frames of the header block that is being read */
    size_t block_bytes;     /* of the same */
    uint32_t cut_short;     /* the last stream whose body was too large; 0: its client was told */
    mono_ns quiet_since;    /* when it was last seen with a stream open */
    mono_ns farewell_since; /* when it was told that this worker leaves; 0: it was not */
};

/* A client's connection, from accept until it is closed and no longer lingers. */
struct connection {
    struct server *server;
    struct listening *listener;
    h2o_socket_t *socket; /* NULL while it lingers */
    h2o_timeout_entry_t handshake_end;
    struct http2_state http2;
    struct connection *older;
    struct connection *newer;
    int linger_fd; /* a second descriptor of the same socket, or -1 */
    h2o_socket_t *linger;
    h2o_timeout_entry_t linger_end;
    size_t discarded; /* bytes read while lingering */
};

struct server {
    struct worker *worker;
    h2o_globalconf_t config;
    h2o_context_t context;
    SSL_CTX *tls; /* NULL: plain HTTP */
    struct listening listeners[LISTENERS_MAX];
    size_t listener_count;
    bool accepting; /* the listeners are read */
    bool refusing;  /* for good: the worker is leaving */
    size_t connection_count;
    size_t connections_max;
    struct connection *connections; /* newest first */
    h2o_timeout_t linger_timeout;
    h2o_timeout_t handshake_timeout;
    mono_ns http2_looked;        /* when http2_look looked */
    h2o_timeout_t later_timeout; /* of request_call_later */
    bool spares_in_doubt;        /* of server_wipe_outgrown: a connection has ended since */
    int spare_fd;                /* given up to say no when there is no other descriptor left */
    h2o_socket_t *watches[SERVER_WATCHES_MAX];
    size_t watch_count;
};

/* Takes tls, which may be NULL (tls.h). */
struct server *server_new(struct worker *worker, SSL_CTX *tls);
void server_free(struct server **server);

/* One turn of the loop, waiting at most max_wait_ms for something to happen. */
void server_run(struct server *server, int32_t max_wait_ms);

/* The server that a handler of its own belongs to. */
struct server *server_of_handler(h2o_handler_t *handler);

/* Overwrites the buffers that libh2o keeps for its next connections, so many of the newest. A
 * connection's last buffer is the newest when it has just been closed. Cost: 0.2 us each. */
#define SERVER_SPARE_BUFFERS_MAX 16
void server_wipe_spare_buffers(size_t newest);

/* The same of all of them, where one may hold what came before this request's body was whole: its
 * connection's buffer is larger than they are, so that smaller ones went before it; or a connection
 * has ended since the last time, perhaps in the middle of a body. */
void server_wipe_outgrown(h2o_req_t *h2o);

/* Begins to accept; ends it for good: what connects later stays in the backlog for others. */
void server_listen(struct server *server, const struct heritage *heritage);
void server_stop_listening(struct server *server);

/* Every answer from now on says Connection: close, every HTTP/2 connection is told GOAWAY. */
void server_begin_shutdown(struct server *server);

/* Cuts every connection; they are gone after some turns of the loop. */
void server_cut_connections(struct server *server);

/* Calls back when fd is readable, from within the loop. The descriptor stays the caller's. */
typedef void (*server_readable_fn)(struct worker *worker);
void server_watch(struct server *server, int fd, server_readable_fn on_readable);

/* The peer's address as text. */
void server_peer(h2o_req_t *h2o, char *text_out, size_t text_bytes);

/* Who opened the unix socket, as the kernel knows it: "unix:uid=0". */
void server_operator(h2o_req_t *h2o, char *text_out, size_t text_bytes);

/* The client's descriptor; and the end of that connection, whatever is answered on it. */
int server_fd(h2o_req_t *h2o);
void server_cut(h2o_req_t *h2o);

/* Close the connection after this answer, which the client is to read although it may still be
 * sending: what arrives is discarded for a moment (RFC 9112 section 9.6). On HTTP/2 nothing: what
 * is wrong with one stream leaves the others be. */
void server_close_after(h2o_req_t *h2o);

/* The same of a connection that its owner is about to close, whatever is under way on it. */
void server_linger(struct connection *connection);

/* For the fault point w.half_reply: some bytes of a status line, then SIGKILL. */
void server_send_half_and_die(h2o_req_t *h2o);

/* Has more come behind this request, that is another one? Asked before its body is wiped; libh2o
 * reads no further until it is answered. head: of this request (head.h). */
bool server_is_followed(h2o_req_t *h2o, const struct head_extent *head);

/* server_close_after when the worker is about to leave, unless the next request has come already:
 * then that one's answer is the last, so that what has come is answered. */
void server_close_if_leaving(h2o_req_t *h2o, bool followed);

#endif
