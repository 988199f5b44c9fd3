/* A new password by the link in a letter: the steps that the API and the page share. */
#ifndef WORKER_RESET_H
#define WORKER_RESET_H

#include "request.h"

enum reset_outcome {
    RESET_DONE,
    RESET_DEAD,    /* the link is not ours, spent, void or expired */
    RESET_WEAK,    /* problems says what is wrong with the password */
    RESET_TROUBLE, /* status says which; STORE_BUSY also when it could not be hashed now */
};

/* problems: of the password; borrowed. Takes the request. */
typedef void (*reset_outcome_fn)(struct request *request, enum reset_outcome outcome,
                                 enum store_status status, const struct field_problems *problems);

/* Did we make this token? Nothing is looked up, nothing is spent. */
bool reset_token_is_ours(const struct worker *worker, struct slice token);

/* Looks the proof up, judges the password for its account, hashes it and has it stored. token,
 * password: in the request's body. Takes the request and its state. */
void reset_password(struct request *request, struct slice token, struct slice password,
                    reset_outcome_fn on_outcome);

#endif
