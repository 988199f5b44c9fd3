/* Cells of lib/limit's failures: which one a try belongs to, and what a refusal looks like. */
#include "guess.h"

#include "gatepost/log.h"
#include "gatepost/metrics.h"

#include "peer.h"
#include "reply.h"

#define KEY_BYTES 1100 /* the longest form of a user name, with what is put in front */

enum cell { CELL_ACCOUNT = 'a', CELL_ACCOUNT_AND_ADDRESS = 'k', CELL_NOBODY = 'n' };

static bool begin(struct request **request, struct slice key, const char *event,
                  struct guess *guess_out)
{
    uint32_t wait_s;

    if (limit_try_begin((*request)->worker->limits, key, clock_mono_ns(), &guess_out->try, &wait_s))
        return true;
    metric_count(METRIC_THROTTLED_ACCOUNT);
    log_info(event, "request=%s peer=%s wait_s=%u", (*request)->id, request_peer(*request), wait_s);
    reply_throttled(request, wait_s);
    return false;
}

bool guess_begin(struct request **request, const struct uuid *user_id, bool known_peer,
                 const char *event, struct guess *guess_out)
{
    uint8_t key[1 + UUID_BYTES + PEER_NETWORK_BYTES] = {known_peer ? CELL_ACCOUNT_AND_ADDRESS
                                                                   : CELL_ACCOUNT};
    size_t len = 1 + UUID_BYTES;

    memcpy(key + 1, user_id->bytes, UUID_BYTES);
    if (known_peer)
        len += peer_network(request_peer(*request), key + len);
    return begin(request, slice_of(key, len), event, guess_out);
}

bool guess_begin_nobody(struct request **request, struct slice name, const char *event,
                        struct guess *guess_out)
{
    uint8_t key[KEY_BYTES] = {CELL_NOBODY};
    const size_t len = name.len < KEY_BYTES - 1 ? name.len : KEY_BYTES - 1;

    if (len > 0)
        memcpy(key + 1, name.at, len);
    return begin(request, slice_of(key, 1 + len), event, guess_out);
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
