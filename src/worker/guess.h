/* Wrong passwords in a row, and the delay that grows with them: for login, and for whatever else
 * asks for an account's password.
 *
 * A try is counted when it begins, so that many at once cannot all be made before the first is
 * known to be wrong. It ends in one of three ways: right, undecided, or wrong, which is what it
 * stays when nothing is said. Clients at an address that the account knows (one of its sessions was
 * opened there, and stands) are counted apart: nobody else can make them wait.
 *
 * A login counts for the name that was given, whether somebody has it or not. An account's user
 * name and its mail address are two: if they were one, a delay after failures with the first would
 * tell that the second belongs to the same account. The defaults allow for both. */
#ifndef WORKER_GUESS_H
#define WORKER_GUESS_H

#include "gatepost/limit.h"

#include "request.h"

struct guess {
    struct limit_try try;
};

/* Before the password is hashed. whose: the name, in the form that is unique, or the user's id
 * where the client has proven already whose account it is about. user_id: for the audit trail, all
 * zero for nobody's. Returns false when it has to wait:
 * the request has been answered by 429 and logged under event ("login.throttled"). */
MUST_USE bool guess_begin(struct request **request, struct slice whose, const struct uuid *user_id,
                          bool known_peer, const char *event, struct guess *guess_out);

/* The failures of that name, from whatever address that is unknown, are forgiven: its owner has
 * proven who he is by a letter. */
void guess_forgive(const struct worker *worker, struct slice whose);

void guess_right(const struct worker *worker, const struct guess *guess);

/* Nobody will know: the queue was full, the client left, the worker must leave. */
void guess_undecided(const struct worker *worker, const struct guess *guess);

/* Wrong ones before this one, for the log. */
static inline unsigned guess_failures(const struct guess *guess)
{
    return guess->try.failures;
}

/* What the store is to be asked about: the peer's address, or nothing when none is counted. */
struct slice guess_peer(struct request *request);

#endif
