/* A letter on its way to the mailer. */
#ifndef WORKER_LETTER_H
#define WORKER_LETTER_H

#include "request.h"

/* Letters that a stranger can ask for, to one address in limits.letters' period; 0: no limit. */
uint32_t letters_max(const struct config *config);

/* Pushes a packed mail_job, which the store has made durable, into this worker's mail lane, with
 * the request's id in front. A full lane is counted and no error: the mailer's sweep finds the row,
 * and the line that is logged here says which request that job is of. */
void letter_announce(const struct request *request, struct slice packed_job);

/* Those of a letters_answer; nothing when it does not make sense: the rows are there. */
void letters_announce(const struct request *request, struct slice packed_answer);

#endif
