/* What is done with one password, apart from threads: the steps of an encode and of a check. */
#ifndef GATEPOST_PASSWORD_HASH_H
#define GATEPOST_PASSWORD_HASH_H

#include "gatepost/password.h"

#include <stdatomic.h>

/* Computes: fills encoded, or matches and outdated. Looks at stopping every millisecond or so.
 * Returns false, with nothing computed, when that became true. */
MUST_USE bool password_work_compute(struct password_work *work, const atomic_bool *stopping);

#endif
