/* Proving an address: the one step that the API and the page share. */
#ifndef WORKER_VERIFICATION_H
#define WORKER_VERIFICATION_H

#include "request.h"

/* Did we make this token, for this purpose? Nothing is looked up, nothing is spent. */
bool verification_is_ours(const struct worker *worker, struct slice token);

/* Asks the store to spend the token's proof. Returns false when the token is none of ours; else
 * the request is taken and on_answer will be told: STORE_OK proven, STORE_NOT_FOUND and
 * STORE_SPENT not. */
MUST_USE bool verification_spend(struct request **request, struct slice token,
                                 store_answer_fn on_answer);

#endif
