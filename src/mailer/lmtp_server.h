/* The socket that reports come in by: mail.bounce_socket, of the master's making, for the mailer.
 *
 * Lives in the mailer's loop and never makes it wait: its descriptors are behind one (epoll), which
 * the loop waits for with all others, and what a turn does is bounded. What a peer does wrong, or
 * does not do, ends its own connection. */
#ifndef MAILER_LMTP_SERVER_H
#define MAILER_LMTP_SERVER_H

#include "bounce.h"
#include "gatepost/store_client.h"

#define LMTP_CONNECTIONS_MAX 8    /* at once; others wait in the backlog */
#define LMTP_IDLE_S          60   /* without a byte from the peer, or one that it takes */
#define LMTP_TOTAL_S         600  /* of a connection */
#define LMTP_NOTE_S          5    /* deadline of an ask: then 451 */
#define LMTP_ACCEPT_PAUSE_MS 1000 /* when there are no descriptors left */

struct lmtp_server;

/* listener_fd: borrowed, non-blocking. store: where notes go. */
struct lmtp_server *lmtp_server_open(int listener_fd, const struct bounce_rules *rules,
                                     struct store_client *store);
void lmtp_server_close(struct lmtp_server **server);

/* Readable when the next turn has something to do: who waits for it says so, and a turn in which
 * nobody talks costs no system call. */
int lmtp_server_fd(const struct lmtp_server *server);
void lmtp_server_wake(struct lmtp_server *server);

/* After store_client_poll: its answers are replies to be sent. */
void lmtp_server_turn(struct lmtp_server *server, mono_ns now);

/* Nobody is let in any more; who waits for no answer of the store is sent away. */
void lmtp_server_stop(struct lmtp_server *server);

/* No note is under way. */
bool lmtp_server_is_quiet(const struct lmtp_server *server);

#endif
