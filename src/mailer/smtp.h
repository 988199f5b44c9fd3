/* The SMTP transport's inside: shared by its files, by nobody else. */
#ifndef MAILER_SMTP_H
#define MAILER_SMTP_H

#include <curl/curl.h>

#include "smtp_command.h"
#include "smtp_token.h"
#include "transport.h"

#define SMTP_CONNECTIONS_MAX (64 * RELAYS_MAX)
#define SMTP_WIRE_MAX_BYTES  (2 * LETTER_MAX_BYTES + 8)
#define SMTP_HEARD_MAX_BYTES 65536 /* of replies to one transaction */

enum connection_state {
    CONNECTION_CLOSED,
    CONNECTION_WAITING, /* for a token to log in with; the letter waits */
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
    uint64_t token_serial;     /* of the token that it logged in with */
    bool needs_reset;          /* the last transaction was left open */
    bool is_ready;             /* BUSY: there may be something to read or write */
    bool spoke_nonsense;       /* OPENING: a line that is no SMTP ended it */
    bool is_unsuited;          /* BUSY: the relay does not take such a letter, `why` says why */
    size_t heard;              /* bytes of replies in this transaction */
    mono_ns used_at;           /* when it became IDLE */
    mono_ns deadline;          /* BUSY */
    struct delivery *delivery; /* WAITING, OPENING, BUSY: borrowed */
    struct slice out;          /* BUSY: what is still to be written, in commands or letter */
    char from[RETURN_PATH_TEXT_BYTES]; /* of the envelope */
    struct smtp_envelope envelope;
    struct smtp_dialogue dialogue;
    struct err why;
    size_t wire_len;
    char error[CURL_ERROR_SIZE];
    char commands[SMTP_COMMANDS_MAX_BYTES];
    char wire[SMTP_WIRE_MAX_BYTES]; /* the letter, dot-stuffed, with the final dot */
};

/* One relay's ways, by the index of the transport's relays. */
struct smtp_relay {
    struct smtp_connection *connections; /* connection_count of them, in the transport's */
    size_t connection_count;
    unsigned letters_max; /* on one connection */
    bool logs_in;
    bool starts_tls;
    mono_ns idle_ns;
    mono_ns transaction_ns;   /* MAIL to the reply to the dot */
    struct smtp_token *token; /* NULL: a password, or no login */
};

struct smtp_transport {
    struct transport transport; /* first */
    CURLM *multi;
    size_t opening_count;
    size_t connection_count;
    struct smtp_relay relays[RELAYS_MAX];
    struct smtp_connection connections[]; /* connection_count of them: each relay's together */
};

/* smtp.c: the calls, to be completed by smtp_open. */
extern const struct transport smtp_transport_calls;

/* smtp_outcome.c: the connection's own fate is decided before either of the latter two is called.
 * try_fresh: what failed may be this connection alone; not tried twice for one letter. */
struct smtp_relay *connection_relay(const struct smtp_connection *connection);
enum trouble connection_trouble(const struct smtp_connection *connection, CURLcode result);
void connection_tell(struct smtp_connection *connection, CURLcode result, bool try_fresh,
                     const char *otherwise);
void connection_give_back(struct smtp_connection *connection, const struct outcome *outcome);

/* smtp_opening.c */
void connection_open(struct smtp_connection *connection);
void connection_look_for_token(struct smtp_connection *connection, mono_ns now);
void connection_opened(struct smtp_connection *connection, CURLcode result);
void connection_close(struct smtp_connection *connection, bool say_quit);

/* smtp_session.c */
bool connection_is_fit(struct smtp_connection *connection, mono_ns now);
void connection_begin(struct smtp_connection *connection);
void connection_move(struct smtp_connection *connection, mono_ns now);

#endif
