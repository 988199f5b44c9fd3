/* Between requests and the password engine: what a hash thread has done comes back to the loop as
 * a message. */
#ifndef WORKER_HASHER_H
#define WORKER_HASHER_H

#include "gatepost/password.h"

#include "worker.h"

struct hasher;
struct request;

/* Called once, on the loop. work is borrowed for the call; its password is there only if it was to
 * be kept. work->expired: too late or cancelled, nothing was computed. */
typedef void (*hasher_done_fn)(void *owner, const struct password_work *work);

/* One hash to compute, for a request or for nobody who waits. */
struct hash_order {
    enum password_task task;
    enum password_priority priority;
    struct slice password; /* at most PASSWORD_MAX_BYTES, copied */
    const char *encoded;   /* VERIFY: the stored form, copied */
    bool keep_if_outdated;
    const char *peer; /* whose it is, as peer_text gave it; NULL: nobody's */
    hasher_done_fn on_done;
    void *owner;
    /* Where the owner keeps what is under way, for hasher_cancel; NULL again before on_done. */
    const struct password_work **under_way;
};

/* Starts the engine's threads. Called after fork. */
struct hasher *hasher_new(struct worker *worker);

/* Ends them; every owner that waits is told expired before this returns. Returns false when the
 * process must end by _exit: a library is still computing a hash, for nobody. */
MUST_USE bool hasher_free(struct hasher **hasher);

/* Returns false when the queue is full: on_done is not called then. */
MUST_USE bool hasher_submit(struct hasher *hasher, const struct hash_order *order);

/* Hashes a new password for a request, the owner. Returns false, with the request answered by 503,
 * when the queue is full. */
MUST_USE bool hasher_encode(struct request **request, struct slice password,
                            hasher_done_fn on_done);

/* Compares with a stored form; "" stands for an account that does not exist and costs what one of
 * today's would. keep_if_outdated: leave the password for on_done when it is right and its form is
 * not today's. */
MUST_USE bool hasher_verify(struct request **request, struct slice password, const char *encoded,
                            bool keep_if_outdated, hasher_done_fn on_done);

/* Nobody waits any more: it comes back soon, expired unless it was done already. */
void hasher_cancel(struct hasher *hasher, const struct password_work *work);

/* Those that were taken and have not come back. */
size_t hasher_pending(const struct hasher *hasher);

/* More than half of the queue is taken: what can be done another time is not to be added. */
bool hasher_is_busy(struct hasher *hasher);

/* Sets the gauges, when that was not done a moment ago. Who calls it: the loop, once a turn while
 * something is pending. */
void hasher_show(struct hasher *hasher, mono_ns now);

#endif
