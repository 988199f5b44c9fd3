/* The SMTP transport's inside: shared by its three files, by nobody else. */
#ifndef MAILER_SMTP_H
#define MAILER_SMTP_H

#include <curl/curl.h>

#include "smtp_reply.h"
#include "transport.h"

#define SMTP_LETTERS_PER_CONNECTION 100
#define SMTP_IDLE_S                 60  /* a connection without work is closed then */
#define SMTP_SESSION_S              60  /* name, TCP, greeting, TLS, AUTH; some greet late */
#define SMTP_TRANSACTION_S          120 /* MAIL to the reply to the dot */
#define SMTP_COMMANDS_MAX_BYTES     1024
#define SMTP_CONNECTIONS_MAX        (64 * RELAYS_MAX)

enum connection_state {
    CONNECTION_CLOSED,
    CONNECTION_OPENING, /* in libcurl's hands, up to AUTH; the letter waits */
    CONNECTION_IDLE,
    CONNECTION_BUSY, /* in ours: a transaction */
};

struct smtp_connection {
    struct smtp_transport *smtp;
    unsigned relay; /* index into the transport's relays */
    CURL *easy;
    enum connection_state state;
    curl_socket_t fd;          /* IDLE, BUSY */
    unsigned letters;          /* begun on this connection */
    bool needs_reset;          /* the last transaction was left open */
    bool is_ready;             /* BUSY: there may be something to read or write */
    mono_ns used_at;           /* when it became IDLE */
    mono_ns deadline;          /* BUSY */
    struct delivery *delivery; /* OPENING, BUSY: borrowed */
    struct slice out;          /* BUSY: what is still to be written, in commands or letter */
    struct smtp_dialogue dialogue;
    size_t letter_len;
    char error[CURL_ERROR_SIZE];
    char commands[SMTP_COMMANDS_MAX_BYTES];
    char letter[2 * LETTER_MAX_BYTES + 8]; /* dot-stuffed, with the final dot */
};

struct smtp_transport {
    struct transport transport; /* first */
    CURLM *multi;
    size_t opening_count;
    size_t connection_count;
    struct smtp_connection connections[]; /* connection_count of them: each relay's together */
};

/* smtp.c: the calls, to be completed by smtp_open. */
extern const struct transport smtp_transport_calls;

/* smtp_session.c */
void connection_open(struct smtp_connection *connection);
void connection_opened(struct smtp_connection *connection, CURLcode result);
void connection_close(struct smtp_connection *connection, bool say_quit);
bool connection_is_fit(struct smtp_connection *connection, mono_ns now);
void connection_begin(struct smtp_connection *connection);
void connection_move(struct smtp_connection *connection);
void connection_expire(struct smtp_connection *connection, mono_ns now);

#endif
