/* A letter on its way to the mailer. */
#ifndef WORKER_LETTER_H
#define WORKER_LETTER_H

#include "worker.h"

/* Letters that a stranger can ask for, to one address in limits.letters' period; 0: no limit. */
uint32_t letters_max(const struct config *config);

/* Pushes a packed mail_job, which the store has made durable, into this worker's mail lane. A full
 * lane is counted and no error: the mailer's sweep finds the row. */
void letter_announce(struct worker *worker, struct slice packed_job);

/* Those of a letters_answer; nothing when it does not make sense: the rows are there. */
void letters_announce(struct worker *worker, struct slice packed_answer);

#endif
