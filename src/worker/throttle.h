/* Limits on how often clients may call: what the configuration says, and the check that the route
 * table asks for. */
#ifndef WORKER_THROTTLE_H
#define WORKER_THROTTLE_H

#include "gatepost/limit.h"

#include "request.h"

/* The tables with this worker's rates; with limits.enabled = no none of them limits. */
struct limits *throttle_open(const struct worker *worker);

/* Counts the request in its route's class. Returns false when it was one too many: the request has
 * been answered by 429. Before anything else is done for it: to refuse is to be cheap. */
MUST_USE bool throttle_admit(struct request **request);

/* Letters that strangers can cause at one mail address, whoever they are and whether it has an
 * account: limits.letters by its canonical key, and nothing else is looked at. Both return false
 * when the request has been answered by 429.
 *
 * Accounts that are made with the address: a sign-up looks, and counts when it has made one. So
 * nobody can take the room of an address that is never theirs. */
MUST_USE bool throttle_admit_signup(struct request **request, struct slice email_key);
void throttle_count_signup(const struct worker *worker, struct slice email_key);
/* Changes to the address that are asked for: each counts. */
MUST_USE bool throttle_admit_change(struct request **request, struct slice email_key);

/* Who calls it: the loop, once a turn. */
void throttle_count_evictions(const struct worker *worker);

#endif
