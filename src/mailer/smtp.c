/* The SMTP transport: which connection takes a letter, and waiting for all of them at once.
 *
 * The only place besides smtp_setup.c and smtp_session.c that knows libcurl. */
#include <stdlib.h>

#include "gatepost/secret.h"
#include "smtp.h"

#define WAIT_FDS_MAX (SMTP_CONNECTIONS_MAX + 16)

/* The letter as it goes over the wire: a dot before each line that begins with one, and the lone
 * dot at the end (RFC 5321 section 4.5.2). The composer ends every letter with CRLF. */
static void stuff_letter(struct smtp_connection *connection, struct slice letter)
{
    char *out = connection->letter;
    bool at_line_start = true;

    BUG_ON(letter.len < 2 || letter.len > LETTER_MAX_BYTES ||
           memcmp(letter.at + letter.len - 2, "\r\n", 2) != 0);
    for (size_t i = 0; i < letter.len; i++) {
        if (at_line_start && letter.at[i] == '.')
            *out++ = '.';
        *out++ = letter.at[i];
        at_line_start = letter.at[i] == '\n';
    }
    memcpy(out, ".\r\n", 3);
    connection->letter_len = (size_t)(out - connection->letter) + 3;
}

/* Of the relay's connections an idle one that is fit, unless a fresh one is asked for; else a
 * closed one. */
static struct smtp_connection *choose(struct smtp_transport *smtp, unsigned relay, bool fresh)
{
    struct smtp_connection *closed = NULL;
    mono_ns now = clock_mono_ns();

    for (size_t i = 0; i < smtp->connection_count; i++) {
        struct smtp_connection *connection = &smtp->connections[i];
        if (connection->relay != relay)
            continue;
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
    struct smtp_connection *connection = choose(smtp, delivery->relay, delivery->fresh_connection);

    connection->delivery = delivery;
    stuff_letter(connection, letter);
    if (connection->state == CONNECTION_CLOSED)
        connection_open(connection);
    else
        connection_begin(connection);
}

/* libcurl's part: connections that are being opened. */
static void work_on_opening(struct smtp_transport *smtp)
{
    int running, left;
    CURLMsg *message;

    curl_multi_perform(smtp->multi, &running);
    while ((message = curl_multi_info_read(smtp->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        struct smtp_connection *connection = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&connection);
        connection_opened(connection, result);
    }
}

static bool smtp_work(struct transport *transport)
{
    struct smtp_transport *smtp = (struct smtp_transport *)transport;
    mono_ns now = clock_mono_ns();
    bool moved = false;

    if (smtp->opening_count > 0)
        work_on_opening(smtp);
    for (size_t i = 0; i < smtp->connection_count; i++) {
        struct smtp_connection *connection = &smtp->connections[i];
        if (connection->state == CONNECTION_BUSY && connection->is_ready) {
            connection_move(connection);
            moved |= connection->state != CONNECTION_BUSY;
        }
        connection_expire(connection, now);
    }
    return moved;
}

static void smtp_wait(struct transport *transport, struct pollfd *fds, size_t fd_count,
                      int timeout_ms)
{
    struct smtp_transport *smtp = (struct smtp_transport *)transport;
    struct curl_waitfd waits[WAIT_FDS_MAX];
    struct smtp_connection *whose[WAIT_FDS_MAX] = {NULL};
    unsigned count = 0;

    BUG_ON(fd_count > WAIT_FDS_MAX - SMTP_CONNECTIONS_MAX);
    for (size_t i = 0; i < fd_count; i++)
        waits[count++] = (struct curl_waitfd){.fd = fds[i].fd, .events = CURL_WAIT_POLLIN};
    for (size_t i = 0; i < smtp->connection_count; i++) {
        struct smtp_connection *connection = &smtp->connections[i];
        if (connection->state != CONNECTION_BUSY)
            continue;
        short events = CURL_WAIT_POLLIN;
        if (connection->out.len > 0)
            events |= CURL_WAIT_POLLOUT;
        whose[count] = connection;
        waits[count++] = (struct curl_waitfd){.fd = connection->fd, .events = events};
    }
    CURLMcode result = curl_multi_poll(smtp->multi, waits, count, timeout_ms, NULL);
    for (unsigned i = 0; i < count; i++) {
        if (i < fd_count)
            fds[i].revents = result == CURLM_OK ? waits[i].revents : 0;
        else if (waits[i].revents != 0)
            whose[i]->is_ready = true;
    }
}

static void smtp_close(struct transport **transport)
{
    struct smtp_transport *smtp = (struct smtp_transport *)*transport;

    for (size_t i = 0; i < smtp->connection_count; i++) {
        connection_close(&smtp->connections[i], smtp->connections[i].state == CONNECTION_IDLE);
        curl_easy_cleanup(smtp->connections[i].easy);
        secret_wipe(smtp->connections[i].letter, smtp->connections[i].letter_len);
    }
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
