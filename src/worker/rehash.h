/* Stored passwords are brought to today's form and cost in the background, after a login. */
#ifndef WORKER_REHASH_H
#define WORKER_REHASH_H

#include "gatepost/password.h"

#include "worker.h"

/* work: a check that matched an outdated form, with its password kept; borrowed, the password is
 * copied. Nobody is told how it ends: what is not done now is done after another login. */
void rehash_begin(struct worker *worker, const struct uuid *user_id,
                  const struct password_work *work);

/* The worker is to leave: what waits for a hash thread, or is there, is dropped. */
void rehash_stop(struct worker *worker);

/* Frees what waits for the store. Who calls it: the end, when nobody calls back any more. */
void rehash_free_all(struct worker *worker);

#endif
