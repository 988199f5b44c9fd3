/* One thread, one epoll, connections that wait their turn in a ring.
 *
 * Requests are due one after the other and are sent in that order, so those that wait for a
 * connection need no queue: the schedule stands still at the first of them.
 *
 * Of what is measured, the generator's own part is only known where it could have sent and had not
 * yet: the connection was free, or its answer stood in the batch that epoll gave. That is its lag.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES 16384
#define EVENTS       16 /* a turn: more answers than that do not keep a request from being sent */
#define CHECK_NS     (50 * NS_PER_MS)

struct connection {
    int fd;          /* -1: closed; the next request opens it */
    bool is_busy;    /* with a request of kind */
    bool is_sent;    /* bytes holds its answer so far, else the request */
    bool is_counted; /* the request */
    struct kind *kind;
    char *token;       /* that it spends, or NULL */
    mono_ns due, sent; /* sent: when it was begun to be */
    mono_ns free_since;
    size_t len;
    char bytes[BUFFER_BYTES];
};

struct load {
    const struct load_options *options;
    struct schedule *schedule;
    struct mix *mix;
    struct tally *tallies;
    struct load_result *result;
    struct connection *connections;
    size_t *idle; /* a ring of their numbers, the one that is free for longest first */
    size_t idle_first, idle_count;
    int epoll_fd;
    mono_ns woken, counts_from;
};

static struct tally *tally_of(struct load *load, const struct kind *kind)
{
    return &load->tallies[kind - load->mix->kinds];
}

static void become_idle(struct load *load, struct connection *connection)
{
    size_t places = load->options->connections;

    connection->is_busy = false;
    connection->free_since = load->woken;
    load->idle[(load->idle_first + load->idle_count) % places] =
        (size_t)(connection - load->connections);
    load->idle_count++;
}

static void close_connection(struct connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}

/* Opens it; false: it cannot be. must_wait: until it is there, at most 5 s. */
static bool open_connection(struct load *load, struct connection *connection, bool must_wait)
{
    const struct sockaddr_in *to = &load->options->address;
    const struct timeval limit = {.tv_sec = 5};
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (must_wait ? 0 : SOCK_NONBLOCK), 0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = connection};

    if (fd < 0)
        return false;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if ((connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 && errno != EINPROGRESS) ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return false;
    }
    connection->fd = fd;
    return true;
}

static void fail(struct load *load, struct connection *connection, enum tally_error error)
{
    struct tally *tally = tally_of(load, connection->kind);

    if (connection->is_counted) {
        tally->errors[error]++;
        if (error == TALLY_TIMED_OUT)
            histogram_add(&tally->latency, clock_mono_ns() - connection->due);
    }
    kind_give_back(connection->kind, &connection->token, slice_of(NULL, 0));
    close_connection(connection);
    become_idle(load, connection);
}

/* The request into the socket, which takes it whole: it is far smaller than the kernel's buffer. */
static void send_request(struct load *load, struct connection *connection)
{
    ssize_t sent = send(connection->fd, connection->bytes, connection->len, MSG_NOSIGNAL);

    if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN))
        return; /* it is being connected: an event will tell */
    if (sent != (ssize_t)connection->len) {
        fail(load, connection, errno == ECONNREFUSED ? TALLY_REFUSED : TALLY_CLOSED);
        return;
    }
    connection->is_sent = true;
    connection->len = 0;
}

static void note_lag(struct load *load, const struct connection *connection)
{
    bool was_free = connection->free_since <= connection->due;
    mono_ns possible = was_free ? connection->due : connection->free_since;
    mono_ns lag = connection->sent - possible;
    double waited_ms = (double)(possible - connection->due) / (double)NS_PER_MS;

    histogram_add(&load->result->lag, lag);
    load->result->late += lag > LOAD_LATE_NS;
    if (waited_ms > load->result->queue_max_ms)
        load->result->queue_max_ms = waited_ms;
}

/* The next request that is due, on the connection that is free for longest. */
static void start_request(struct load *load, mono_ns now)
{
    struct connection *connection = &load->connections[load->idle[load->idle_first]];

    load->idle_first = (load->idle_first + 1) % load->options->connections;
    load->idle_count--;
    connection->due = schedule_due(load->schedule);
    connection->sent = now;
    connection->kind = mix_kind(load->mix, schedule_draw(load->schedule, load->mix->weight));
    schedule_advance(load->schedule);
    connection->is_busy = true;
    connection->is_sent = false;
    connection->is_counted = connection->due >= load->counts_from;
    connection->len = kind_write(connection->kind, connection->bytes, sizeof(connection->bytes),
                                 &connection->token);
    if (connection->len == 0) {
        fprintf(stderr,
                "open_loop: %s: no token is left, or it does not fit; a file of tokens has "
                "more lines than there are connections\n",
                connection->kind->name);
        exit(2);
    }
    if (connection->is_counted) {
        tally_of(load, connection->kind)->sent++;
        note_lag(load, connection);
    }
    if (connection->fd < 0 && !open_connection(load, connection, false))
        fail(load, connection, TALLY_REFUSED);
    else
        send_request(load, connection);
}

/* The refresh token that takes the place of the one that was spent; empty: there is none. Gatepost
 * and simplejwt call it by the first name, OAuth (RFC 6749, 5.1) by the second. */
static struct slice successor_in(const struct answer *answer)
{
    if (answer->status != 200)
        return slice_of(NULL, 0);
    struct slice found = answer_member(answer->body, SLICE_LITERAL("\"refresh\":"));
    if (found.len == 0)
        found = answer_member(answer->body, SLICE_LITERAL("\"refresh_token\":"));
    return found;
}

static void finish(struct load *load, struct connection *connection, const struct answer *answer)
{
    mono_ns now = clock_mono_ns();

    load->result->in_time += now >= load->counts_from && now < load->schedule->end;
    if (connection->is_counted) {
        struct tally *tally = tally_of(load, connection->kind);
        tally->answered++;
        tally->statuses[answer->status]++;
        histogram_add(&tally->latency, now - connection->due);
    }
    kind_give_back(connection->kind, &connection->token, successor_in(answer));
    if (answer->closes)
        close_connection(connection);
    become_idle(load, connection);
}

/* Reads until there is no more, the connection's end, or the answer is whole. */
static void read_answer(struct load *load, struct connection *connection)
{
    for (;;) {
        struct answer answer;
        size_t room = sizeof(connection->bytes) - connection->len;
        ssize_t got = recv(connection->fd, connection->bytes + connection->len, room, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        bool has_ended = got <= 0;
        connection->len += has_ended ? 0 : (size_t)got;
        switch (answer_read(slice_of(connection->bytes, connection->len), has_ended, &answer)) {
        case ANSWER_WHOLE:
            finish(load, connection, &answer);
            return;
        case ANSWER_UNFINISHED:
            if (connection->len < sizeof(connection->bytes))
                break;
            fail(load, connection, TALLY_MALFORMED);
            return;
        case ANSWER_MALFORMED:
            fail(load, connection, has_ended ? TALLY_CLOSED : TALLY_MALFORMED);
            return;
        }
    }
}

static void on_event(struct load *load, struct connection *connection, uint32_t events)
{
    if (connection->fd < 0)
        return;
    if (!connection->is_busy) { /* nothing was asked: the server closes it */
        if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
            close_connection(connection);
        return;
    }
    if (!connection->is_sent && (events & EPOLLERR))
        fail(load, connection, TALLY_REFUSED);
    else if (!connection->is_sent)
        send_request(load, connection);
    else if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        read_answer(load, connection);
}

static void check_timeouts(struct load *load, mono_ns now)
{
    mono_ns limit = (mono_ns)(load->options->timeout_s * (double)NS_PER_S);

    for (size_t i = 0; i < load->options->connections; i++) {
        struct connection *connection = &load->connections[i];
        if (connection->is_busy && now - connection->sent > limit)
            fail(load, connection, TALLY_TIMED_OUT);
    }
}

/* What was due and has no answer counts with the time that it waited until now. */
static void count_unanswered(struct load *load)
{
    mono_ns now = clock_mono_ns();

    for (size_t i = 0; i < load->options->connections; i++) {
        struct connection *connection = &load->connections[i];
        if (!connection->is_busy)
            continue;
        if (connection->is_counted) {
            struct tally *tally = tally_of(load, connection->kind);
            tally->unanswered++;
            histogram_add(&tally->latency, now - connection->due);
        }
        kind_give_back(connection->kind, &connection->token, slice_of(NULL, 0));
    }
    for (mono_ns due; (due = schedule_due(load->schedule)) != UINT64_MAX;
         schedule_advance(load->schedule)) {
        struct kind *kind = mix_kind(load->mix, schedule_draw(load->schedule, load->mix->weight));
        if (due < load->counts_from)
            continue;
        tally_of(load, kind)->unanswered++;
        histogram_add(&tally_of(load, kind)->latency, now - due);
    }
}

/* Until something happens, a request is due that can be sent, or it is time to look for timeouts.
 */
static int wait_for_events(struct load *load, struct epoll_event *events, mono_ns now,
                           mono_ns check)
{
    mono_ns until = load->idle_count > 0 ? schedule_due(load->schedule) : UINT64_MAX;
    mono_ns left = until < check ? until : check;

    left = left > now ? left - now : 0;
    struct timespec timeout = {(time_t)(left / NS_PER_S), (long)(left % NS_PER_S)};
    int count = epoll_pwait2(load->epoll_fd, events, EVENTS, &timeout, NULL);
    BUG_ON(count < 0 && errno != EINTR);
    load->woken = clock_mono_ns();
    return count;
}

static void run_loop(struct load *load)
{
    mono_ns over = load->schedule->end + (mono_ns)(load->options->drain_s * (double)NS_PER_S);
    mono_ns check = 0;

    for (;;) {
        struct epoll_event events[EVENTS];
        mono_ns now = clock_mono_ns();
        while (load->idle_count > 0 && schedule_due(load->schedule) <= now) {
            start_request(load, now);
            now = clock_mono_ns();
        }
        bool all_answered = load->idle_count == load->options->connections;
        if (now >= over || (all_answered && schedule_due(load->schedule) == UINT64_MAX))
            return;
        if (now >= check) {
            check_timeouts(load, now);
            check = now + CHECK_NS;
        }
        int count = wait_for_events(load, events, now, check);
        for (int i = 0; i < count; i++)
            on_event(load, events[i].data.ptr, events[i].events);
    }
}

void load_run(const struct load_options *options, struct schedule *schedule, struct mix *mix,
              struct tally *tallies, struct load_result *result)
{
    struct load load = {.options = options,
                        .schedule = schedule,
                        .mix = mix,
                        .tallies = tallies,
                        .result = result,
                        .connections = xcalloc(options->connections, sizeof(struct connection)),
                        .idle = xcalloc(options->connections, sizeof(size_t)),
                        .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};

    BUG_ON(load.epoll_fd < 0);
    prctl(PR_SET_TIMERSLACK, 1UL); /* else what is due is sent 50 us late */
    for (size_t i = 0; i < options->connections; i++) {
        load.connections[i].fd = -1;
        if (!options->opens_late && !open_connection(&load, &load.connections[i], true)) {
            fprintf(stderr, "open_loop: connection %zu: %s\n", i + 1, strerror(errno));
            exit(1);
        }
        become_idle(&load, &load.connections[i]);
    }
    schedule->start = clock_mono_ns();
    load.counts_from = schedule->start + (mono_ns)(options->warm_s * (double)NS_PER_S);
    schedule->end = load.counts_from + (mono_ns)(options->seconds * (double)NS_PER_S);
    run_loop(&load);
    count_unanswered(&load);
    for (size_t i = 0; i < options->connections; i++)
        close_connection(&load.connections[i]);
    close(load.epoll_fd);
    free(load.connections);
    free(load.idle);
}
