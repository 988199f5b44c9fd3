/* The rule that only new user names have, beside those of their form (body.h). */
#ifndef WORKER_NEW_NAME_H
#define WORKER_NEW_NAME_H

#include "body.h"
#include "worker.h"

/* Where addresses are concealed (signup.reveal = no), a name that is an address could ask for
 * another's account: it has to be the account's own. Whether there is such an account plays no
 * part, so the answer tells nothing. Nothing is added to a field that has a problem already.
 * email_key: the account's address, "" for none. Returns true when the name may be taken. */
MUST_USE bool new_name_judge(const struct worker *worker, const struct username *username,
                             const char *email_key, struct field_problems *problems);

#endif
