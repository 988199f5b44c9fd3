/* Connections of mail.bounce_socket.
 *
 * A connection's turn: send what there is, then feed what came, then read, until the socket has no
 * more, its share of the turn is used up, or the store is awaited.
 * Invariant: a connection with notes under way keeps its place (and its conversation) until their
 * answers came, even when the peer has left. */
#include "lmtp_server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/proc.h"
#include "lmtp.h"
#include "note.h"

#define IN_BYTES     4096
#define READS_A_TURN 4

struct connection {
    struct lmtp_server *server;
    int fd;        /* -1: the peer is gone, or there was none */
    bool is_taken; /* else free */
    bool is_ready; /* something happened: its turn may do something */
    uint32_t interest;
    mono_ns opened_at, active_at;
    struct lmtp lmtp;
    size_t in_at, in_len; /* what came and is not fed yet */
    char in[IN_BYTES];
    size_t notes_asked; /* and not answered */
    struct note notes[LMTP_RECIPIENTS_MAX];
};

struct lmtp_server {
    int listener_fd, epoll_fd;
    const struct bounce_rules *rules;
    struct store_client *store;
    bool is_awake; /* the epoll has something */
    bool is_stopping;
    bool listens;      /* the listener is looked at */
    mono_ns accept_at; /* not before */
    struct connection connections[LMTP_CONNECTIONS_MAX];
};

struct lmtp_server *lmtp_server_open(int listener_fd, const struct bounce_rules *rules,
                                     struct store_client *store)
{
    struct lmtp_server *server = xcalloc(1, sizeof(*server));
    struct epoll_event event = {.events = 0, .data.ptr = NULL};

    /* Field by field: half a MiB that nobody uses so far stays untouched. */
    server->listener_fd = listener_fd;
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->rules = rules;
    server->store = store;
    if (server->epoll_fd < 0 ||
        epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, listener_fd, &event) != 0)
        die(EXIT_MAIL_SETUP, "mail.bounce_socket: %s", strerror(errno));
    for (size_t i = 0; i < LMTP_CONNECTIONS_MAX; i++) {
        server->connections[i].server = server;
        server->connections[i].fd = -1;
    }
    return server;
}

int lmtp_server_fd(const struct lmtp_server *server)
{
    return server->epoll_fd;
}

void lmtp_server_wake(struct lmtp_server *server)
{
    server->is_awake = true;
}

/* ---- a connection's life -------------------------------------------------------------------- */

static void drop(struct connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd); /* which takes it out of the epoll */
    connection->fd = -1;
    if (connection->notes_asked > 0)
        return;
    lmtp_fini(&connection->lmtp);
    connection->is_taken = false;
}

static void set_interest(struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    if (connection->fd < 0 || connection->interest == events)
        return;
    connection->interest = events;
    if (epoll_ctl(connection->server->epoll_fd, EPOLL_CTL_MOD, connection->fd, &event) != 0)
        drop(connection);
}

static bool admit(struct connection *connection, int fd, mono_ns now)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    if (epoll_ctl(connection->server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return false;
    connection->fd = fd;
    connection->is_taken = connection->is_ready = true;
    connection->interest = event.events;
    connection->opened_at = connection->active_at = now;
    connection->in_at = connection->in_len = 0;
    lmtp_init(&connection->lmtp);
    return true;
}

static struct connection *free_connection(struct lmtp_server *server)
{
    for (size_t i = 0; i < LMTP_CONNECTIONS_MAX; i++) {
        if (!server->connections[i].is_taken)
            return &server->connections[i];
    }
    return NULL;
}

static void accept_waiting(struct lmtp_server *server, mono_ns now)
{
    struct connection *connection;

    while (now >= server->accept_at && (connection = free_connection(server)) != NULL) {
        errno = FAULT_ERRNO("m.lmtp_accept");
        int fd = errno != 0
                     ? -1
                     : accept4(server->listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
            return;
        if (fd < 0 || !admit(connection, fd, now)) {
            log_warning("bounces.unaccepted", "error=\"%s\"", strerror(errno));
            if (fd >= 0)
                close(fd);
            server->accept_at = now + LMTP_ACCEPT_PAUSE_MS * NS_PER_MS;
        }
    }
}

/* With no place or no descriptor the listener is not looked at: it would be ready at every look. */
static void look_at_listener(struct lmtp_server *server, mono_ns now)
{
    bool listens =
        !server->is_stopping && now >= server->accept_at && free_connection(server) != NULL;
    struct epoll_event event = {.events = listens ? EPOLLIN : 0, .data.ptr = NULL};

    if (listens == server->listens)
        return;
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, server->listener_fd, &event) == 0)
        server->listens = listens;
}

/* ---- messages ------------------------------------------------------------------------------- */

static void on_noted(void *context, enum lmtp_answer answer)
{
    struct note *note = context;
    struct connection *connection = note->owner;

    connection->notes_asked--;
    connection->is_ready = true;
    connection->active_at = clock_mono_ns();
    lmtp_answer(&connection->lmtp, note->recipient, answer);
    if (connection->fd < 0)
        drop(connection);
}

static void take_message(struct connection *connection)
{
    struct lmtp_server *server = connection->server;
    struct lmtp *lmtp = &connection->lmtp;
    const size_t count = lmtp->recipient_count; /* the last answer ends the transaction */
    struct report report;

    report_read(slice_of(lmtp->message, lmtp->message_len), bounce_domain(server->rules), &report);
    for (size_t i = 0; i < count; i++) {
        struct note *note = &connection->notes[i];
        note->owner = connection;
        note->recipient = i;
        note->on_answer = on_noted;
        if (note_begin(note, server->store, server->rules, slice_of_text(lmtp->recipients[i]),
                       &report))
            connection->notes_asked++;
        else
            lmtp_answer(lmtp, i, note->answer);
    }
}

/* ---- a connection's turn -------------------------------------------------------------------- */

/* Returns false when the peer takes no more for now, or is gone. */
static bool send_out(struct connection *connection, mono_ns now)
{
    struct lmtp *lmtp = &connection->lmtp;

    while (lmtp->out_len > 0) {
        ssize_t sent = send(connection->fd, lmtp->out, lmtp->out_len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            if (errno == EAGAIN)
                set_interest(connection, EPOLLOUT);
            else
                drop(connection);
            return false;
        }
        connection->active_at = now;
        lmtp_sent(lmtp, (size_t)sent);
    }
    if (lmtp->state == LMTP_CLOSED) {
        drop(connection);
        return false;
    }
    return true;
}

/* What came, until it is fed or something is to be sent or awaited. */
static void feed(struct connection *connection)
{
    struct slice bytes =
        slice_of(connection->in + connection->in_at, connection->in_len - connection->in_at);
    enum lmtp_step step = lmtp_feed(&connection->lmtp, &bytes);

    connection->in_at = connection->in_len - bytes.len;
    switch (step) {
    case LMTP_STEP_RECIPIENT:
        lmtp_recipient(&connection->lmtp, bounce_is_ours(connection->server->rules,
                                                         slice_of_text(connection->lmtp.address)));
        break;
    case LMTP_STEP_MESSAGE:
        take_message(connection);
        break;
    case LMTP_STEP_WAIT:
    case LMTP_STEP_CLOSE:
        break;
    }
}

/* Returns false when nothing came, for now or ever. */
static bool receive(struct connection *connection, mono_ns now)
{
    ssize_t got;

    do {
        got = recv(connection->fd, connection->in, sizeof(connection->in), 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) {
        set_interest(connection, EPOLLIN);
        return false;
    }
    if (got <= 0) {
        drop(connection);
        return false;
    }
    connection->active_at = now;
    connection->in_at = 0;
    connection->in_len = (size_t)got;
    return true;
}

static void move(struct connection *connection, mono_ns now)
{
    unsigned reads = 0;

    while (connection->fd >= 0 && send_out(connection, now)) {
        if (connection->lmtp.state == LMTP_ANSWERING) {
            set_interest(connection, 0);
            connection->is_ready = false;
            return;
        }
        if (connection->in_at < connection->in_len) {
            feed(connection);
            continue;
        }
        if (reads++ == READS_A_TURN) { /* it stays ready: the descriptor is */
            set_interest(connection, EPOLLIN);
            return;
        }
        if (!receive(connection, now))
            break;
    }
    connection->is_ready = false;
}

/* One that waits for the store is not the peer's fault: its notes have deadlines. */
static void expire(struct connection *connection, mono_ns now)
{
    if (connection->fd < 0 || connection->notes_asked > 0)
        return;
    if (now - connection->active_at < LMTP_IDLE_S * NS_PER_S &&
        now - connection->opened_at < LMTP_TOTAL_S * NS_PER_S)
        return;
    lmtp_dismiss(&connection->lmtp, "timed out");
    if (send_out(connection, now) || connection->fd >= 0)
        drop(connection);
}

/* ---- the server's turn ---------------------------------------------------------------------- */

void lmtp_server_turn(struct lmtp_server *server, mono_ns now)
{
    struct epoll_event events[LMTP_CONNECTIONS_MAX + 1];
    int count =
        server->is_awake ? epoll_wait(server->epoll_fd, events, (int)ARRAY_LEN(events), 0) : 0;

    server->is_awake = false; /* what is left makes the descriptor readable again */
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if (connection == NULL)
            accept_waiting(server, now);
        else if ((events[i].events & (EPOLLHUP | EPOLLERR)) != 0 && connection->notes_asked > 0)
            drop(connection); /* the answers come to nobody */
        else
            connection->is_ready = true;
    }
    for (size_t i = 0; i < LMTP_CONNECTIONS_MAX; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->is_taken && connection->is_ready)
            move(connection, now);
        if (connection->is_taken)
            expire(connection, now);
        if (connection->is_taken && server->is_stopping && connection->fd >= 0 &&
            connection->notes_asked == 0) {
            lmtp_dismiss(&connection->lmtp, "the server is stopping");
            if (send_out(connection, now) || connection->fd >= 0)
                drop(connection);
        }
    }
    look_at_listener(server, now);
}

void lmtp_server_stop(struct lmtp_server *server)
{
    server->is_stopping = true;
}

bool lmtp_server_is_quiet(const struct lmtp_server *server)
{
    for (size_t i = 0; i < LMTP_CONNECTIONS_MAX; i++) {
        if (server->connections[i].notes_asked > 0)
            return false;
    }
    return true;
}

void lmtp_server_close(struct lmtp_server **server)
{
    for (size_t i = 0; i < LMTP_CONNECTIONS_MAX; i++) {
        struct connection *connection = &(*server)->connections[i];
        if (connection->fd >= 0)
            close(connection->fd);
        if (connection->is_taken)
            lmtp_fini(&connection->lmtp);
    }
    close((*server)->epoll_fd);
    free(*server);
    *server = NULL;
}
