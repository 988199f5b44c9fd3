/* Whose request it is behind proxies. */
#ifndef WORKER_FORWARDED_H
#define WORKER_FORWARDED_H

#include <h2o.h>

#include "peer.h"
#include "worker.h"

/* The address that counts, as peer_text writes it: the peer's own, and behind a proxy that is
 * trusted the one that X-Forwarded-For gives. */
void forwarded_peer(const struct worker *worker, h2o_req_t *h2o, char *text_out, size_t text_bytes);

/* Is the peer itself a proxy that is trusted? */
MUST_USE bool forwarded_is_by_proxy(const struct worker *worker, h2o_req_t *h2o);

/* The rightmost address in the header's lines that is no trusted proxy's; when all are, the
 * leftmost. An address may have a port. Returns false, with nothing written, when there is none, or
 * when what was looked at on the way there is not an address: every proxy writes one, so somebody
 * else wrote that.
 * lines: the header's values in the order in which they came.
 * Source: RFC 7239 section 5.2 and 6 for the forms, nginx's real_ip_recursive for the walk. */
MUST_USE bool forwarded_client(const struct peer_rules *proxies, const struct slice *lines,
                               size_t count, char *text_out, size_t text_bytes);

#endif
