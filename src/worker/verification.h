/* Proving an address: the one step that the API and the page share. */
#ifndef WORKER_VERIFICATION_H
#define WORKER_VERIFICATION_H

#include "request.h"

/* Did we make this token, for this purpose? Nothing is looked up, nothing is spent. */
bool verification_is_ours(const struct worker *worker, struct slice token);

/* Asks the store to spend the token's proof. Returns false when the token is none of ours; else
 * the request is taken and on_answer, once told, asks verification_outcome what it means. */
MUST_USE bool verification_spend(struct request **request, struct slice token,
                                 store_answer_fn on_answer);

enum verification { VERIFICATION_DONE, VERIFICATION_DEAD, VERIFICATION_TROUBLE };

/* What the store's answer means; letters that go with it are announced. */
enum verification verification_outcome(const struct request *request, enum store_status status,
                                       struct slice payload);

#endif
