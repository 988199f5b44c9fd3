/* What a worker refused, told to the audit trail. Nobody waits for it. */
#ifndef WORKER_AUDIT_NOTE_H
#define WORKER_AUDIT_NOTE_H

#include "request.h"

/* So many wait for the store at most; what comes beyond is counted, not told: a flood of wrong
 * passwords must not take the store's lane from those who have the right one. */
#define AUDIT_NOTES_MAX 64

/* event: AUDIT_LOGIN_FAILED or AUDIT_THROTTLED. user_id: all zero for no account. detail: a
 * constant: why, or which limit; never anything of the request. */
void audit_note(struct request *request, enum audit_event event, const struct uuid *user_id,
                const char *detail);

/* A request that was answered by 429. Of those one a second is told of each worker: whoever is
 * refused at no cost could fill the disk with it; the counters have all of them. */
void audit_note_throttled(struct request *request, const struct uuid *user_id, const char *limit);

#endif
