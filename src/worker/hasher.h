/* Between requests and the password engine: what a hash thread has done comes back to the loop as
 * a message. */
#ifndef WORKER_HASHER_H
#define WORKER_HASHER_H

#include "gatepost/password.h"

#include "worker.h"

struct hasher;
struct request;

/* work->expired: too late, nothing was computed. work is borrowed for the call. */
typedef void (*hasher_done_fn)(struct request *request, const struct password_work *work);

/* Starts the engine's threads. Called after fork. */
struct hasher *hasher_new(struct worker *worker);

/* Ends them; every request that waits is told expired before this returns. */
void hasher_free(struct hasher **hasher);

/* Hashes a new password. Returns false, with the request answered by 503, when the queue is full;
 * else on_done is called once, on the loop. password: at most PASSWORD_MAX_BYTES, copied. */
MUST_USE bool hasher_encode(struct request **request, struct slice password,
                            hasher_done_fn on_done);

/* Compares with a stored form; "" stands for an account that does not exist and costs what one of
 * today's would. */
MUST_USE bool hasher_verify(struct request **request, struct slice password, const char *encoded,
                            hasher_done_fn on_done);

/* The client left: what has not begun need not. */
void hasher_cancel(struct hasher *hasher, const struct password_work *work);

#endif
