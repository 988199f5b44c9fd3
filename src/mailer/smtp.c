/* The SMTP transport: which connection takes a letter, and waiting for all of them at once.
 *
 * The only place besides smtp_setup.c, smtp_opening.c and smtp_session.c that knows libcurl. */
#include <stdlib.h>

#include "smtp.h"

#define OTHER_FDS_MAX 16
#define WAIT_FDS_MAX  (SMTP_CONNECTIONS_MAX + RELAYS_MAX + OTHER_FDS_MAX)

/* Of the relay's connections an idle one that is fit, unless a fresh one is asked for; else a
 * closed one. */
static struct smtp_connection *choose(struct smtp_relay *relay, bool fresh)
{
    struct smtp_connection *closed = NULL;
    mono_ns now = clock_mono_ns();

    for (size_t i = 0; i < relay->connection_count; i++) {
        struct smtp_connection *connection = &relay->connections[i];
        if (connection->state == CONNECTION_IDLE) {
            if (!fresh && connection_is_fit(connection, now))
                return connection;
            connection_close(connection, true);
        }
        if (connection->state == CONNECTION_CLOSED)
            closed = connection;
    }
    BUG_ON(closed == NULL);
    return closed;
}

static void smtp_send(struct transport *transport, struct delivery *delivery, struct slice letter)
{
    struct smtp_transport *smtp = (struct smtp_transport *)transport;
    struct smtp_connection *connection =
        choose(&smtp->relays[delivery->relay], delivery->fresh_connection);

    BUG_ON(letter.len > LETTER_MAX_BYTES);
    connection->delivery = delivery;
    return_path_make(transport->return_path, &delivery->job_id, connection->from);
    connection->envelope = (struct smtp_envelope){
        .from = connection->from,
        .to = delivery->to,
        .needs = smtp_needs_of(connection->from, delivery->to, letter),
    };
    connection->wire_len = smtp_letter_stuff(letter, connection->wire);
    if (connection->state == CONNECTION_CLOSED)
        connection_open(connection);
    else
        connection_begin(connection);
}

/* libcurl's part: connections that are being opened. Returns true when one could not be. */
static bool work_on_opening(struct smtp_transport *smtp)
{
    int running, left;
    CURLMsg *message;
    bool has_failed = false;

    curl_multi_perform(smtp->multi, &running);
    while ((message = curl_multi_info_read(smtp->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        struct smtp_connection *connection = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&connection);
        connection_opened(connection, result);
        has_failed |= connection->state != CONNECTION_BUSY;
    }
    return has_failed;
}

static bool smtp_work(struct transport *transport)
{
    struct smtp_transport *smtp = (struct smtp_transport *)transport;
    mono_ns now = clock_mono_ns();
    bool has_ended = smtp->opening_count > 0 && work_on_opening(smtp);

    for (size_t i = 0; i < smtp->connection_count; i++) {
        struct smtp_connection *connection = &smtp->connections[i];
        if (connection->state == CONNECTION_CLOSED)
            continue;
        bool had_letter = connection->delivery != NULL;
        connection_move(connection, now);
        has_ended |= had_letter && connection->delivery == NULL;
    }
    return has_ended;
}

struct waits {
    struct curl_waitfd fds[WAIT_FDS_MAX];
    struct smtp_connection *whose[WAIT_FDS_MAX]; /* NULL: nobody's, or a token's */
    unsigned count;
};

static void waits_add(struct waits *waits, int fd, short events, struct smtp_connection *whose)
{
    waits->whose[waits->count] = whose;
    waits->fds[waits->count++] = (struct curl_waitfd){.fd = fd, .events = events};
}

static void gather(struct smtp_transport *smtp, struct waits *waits)
{
    for (unsigned i = 0; i < smtp->transport.relay_count; i++) {
        const struct smtp_relay *relay = &smtp->relays[i];
        if (relay->token != NULL && smtp_token_fd(relay->token) >= 0)
            waits_add(waits, smtp_token_fd(relay->token), CURL_WAIT_POLLIN, NULL);
    }
    for (size_t i = 0; i < smtp->connection_count; i++) {
        struct smtp_connection *connection = &smtp->connections[i];
        if (connection->state == CONNECTION_BUSY)
            waits_add(waits, connection->fd,
                      connection->out.len > 0 ? CURL_WAIT_POLLIN | CURL_WAIT_POLLOUT
                                              : CURL_WAIT_POLLIN,
                      connection);
    }
}

/* libcurl looks at every handle that it has before it waits; with none that is being opened it has
 * nothing to wait for. */
static bool wait_for_them(struct smtp_transport *smtp, struct waits *waits, int timeout_ms)
{
    if (smtp->opening_count > 0)
        return curl_multi_poll(smtp->multi, waits->fds, waits->count, timeout_ms, NULL) == CURLM_OK;
    struct pollfd fds[WAIT_FDS_MAX];
    for (unsigned i = 0; i < waits->count; i++)
        fds[i] = (struct pollfd){
            .fd = waits->fds[i].fd,
            .events = waits->fds[i].events & CURL_WAIT_POLLOUT ? POLLIN | POLLOUT : POLLIN};
    if (poll(fds, waits->count, timeout_ms) < 0)
        return false;
    for (unsigned i = 0; i < waits->count; i++)
        waits->fds[i].revents = fds[i].revents;
    return true;
}

static void smtp_wait(struct transport *transport, struct pollfd *fds, size_t fd_count,
                      int timeout_ms)
{
    struct smtp_transport *smtp = (struct smtp_transport *)transport;
    struct waits waits;

    BUG_ON(fd_count > OTHER_FDS_MAX);
    waits.count = 0;
    for (size_t i = 0; i < fd_count; i++)
        waits_add(&waits, fds[i].fd, CURL_WAIT_POLLIN, NULL);
    gather(smtp, &waits);
    bool waited = wait_for_them(smtp, &waits, timeout_ms);
    for (unsigned i = 0; i < waits.count; i++) {
        if (i < fd_count)
            fds[i].revents = waited ? waits.fds[i].revents : 0;
        else if (waited && waits.whose[i] != NULL && waits.fds[i].revents != 0)
            waits.whose[i]->is_ready = true;
    }
}

static void smtp_close(struct transport **transport)
{
    struct smtp_transport *smtp = (struct smtp_transport *)*transport;

    for (size_t i = 0; i < smtp->connection_count; i++) {
        connection_close(&smtp->connections[i], smtp->connections[i].state == CONNECTION_IDLE);
        curl_easy_cleanup(smtp->connections[i].easy);
        secret_wipe(smtp->connections[i].wire, smtp->connections[i].wire_len);
    }
    for (unsigned i = 0; i < RELAYS_MAX; i++)
        smtp_token_free(&smtp->relays[i].token);
    curl_multi_cleanup(smtp->multi);
    curl_global_cleanup();
    free(smtp);
    *transport = NULL;
}

const struct transport smtp_transport_calls = {
    .name = "smtp",
    .send = smtp_send,
    .work = smtp_work,
    .wait = smtp_wait,
    .close = smtp_close,
};
