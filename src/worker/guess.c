/* Cells of lib/limit's failures: which one a try belongs to, and what a refusal looks like. */
#include "guess.h"

#include "gatepost/log.h"
#include "gatepost/metrics.h"

#include "audit_note.h"
#include "peer.h"
#include "reply.h"

#define WHOSE_MAX_BYTES 1100 /* longer than any name that is one */

bool guess_begin(struct request **request, struct slice whose, const struct uuid *user_id,
                 bool known_peer, const char *event, struct guess *guess_out)
{
    uint8_t key[PEER_NETWORK_BYTES + 1 + WHOSE_MAX_BYTES];
    size_t len = known_peer ? peer_network(request_peer(*request), key) : 0;
    uint32_t wait_s;

    key[len++] = 0; /* no family: the end of the address, or that there is none */
    whose.len = whose.len < WHOSE_MAX_BYTES ? whose.len : WHOSE_MAX_BYTES;
    if (whose.len > 0)
        memcpy(key + len, whose.at, whose.len);
    len += whose.len;
    if (limit_try_begin((*request)->worker->limits, slice_of(key, len), clock_mono_ns(),
                        &guess_out->try, &wait_s))
        return true;
    metric_count(METRIC_THROTTLED_ACCOUNT);
    log_info(event, "request=%s peer=%s wait_s=%u", (*request)->id, request_peer(*request), wait_s);
    audit_note_throttled(*request, user_id, "account_failures");
    reply_throttled(request, wait_s);
    return false;
}

void guess_forgive(const struct worker *worker, struct slice whose)
{
    uint8_t key[1 + WHOSE_MAX_BYTES] = {0};

    BUG_ON(whose.len > WHOSE_MAX_BYTES);
    if (whose.len == 0)
        return;
    memcpy(key + 1, whose.at, whose.len);
    limit_forget(worker->limits, slice_of(key, 1 + whose.len));
}

void guess_right(const struct worker *worker, const struct guess *guess)
{
    limit_try_right(worker->limits, &guess->try);
}

void guess_undecided(const struct worker *worker, const struct guess *guess)
{
    limit_try_undo(worker->limits, &guess->try, clock_mono_ns());
}

struct slice guess_peer(struct request *request)
{
    uint8_t network[PEER_NETWORK_BYTES];
    const char *peer = request_peer(request);

    /* All local sockets look alike: that one of them was used tells nothing of another. */
    if (!request->worker->config->limits_enabled || peer_network(peer, network) < 2)
        return slice_of(NULL, 0);
    return slice_of_text(peer);
}
