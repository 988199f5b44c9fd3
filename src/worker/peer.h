/* Who is at the other end, and whether a rule names them. */
#ifndef WORKER_PEER_H
#define WORKER_PEER_H

#include <sys/socket.h>

#include "gatepost/base.h"
#include "gatepost/err.h"

/* "127.0.0.1", "2001:db8::1", "unix" or, when the peer is gone, "unknown", which no rule matches.
 * An IPv4 address mapped into IPv6 is shown as IPv4. */
void peer_text(const struct sockaddr *address, socklen_t len, char *text_out, size_t text_bytes);

/* What limits are kept for: a byte for the family and the address, of IPv6 the first 64 bits, which
 * are one subscriber's. Returns its length: 0 for a unix socket, 1 for a peer that is gone. */
#define PEER_NETWORK_BYTES 9
size_t peer_network(const char *peer, uint8_t network_out[PEER_NETWORK_BYTES]);

/* Tells one client from another: an IPv4 address, the /64 of an IPv6 address (one subscriber's),
 * all local sockets together. key: random, so that nobody can pick addresses that look like
 * another's. Never 0. peer: a text that peer_text gave. */
uint64_t peer_client(const char *peer, uint64_t key);

/* A list like "127.0.0.0/8, ::1, unix". */
struct peer_rules;

/* Returns NULL with a sentence when an entry is none. Owner: the caller. */
MUST_USE struct peer_rules *peer_rules_new(const char *list, struct err *err);
void peer_rules_free(struct peer_rules **rules);

/* peer: a text that peer_text gave. */
bool peer_rules_match(const struct peer_rules *rules, const char *peer);

#endif
