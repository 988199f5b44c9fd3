/* A mail job out of a lane or an outbox row, checked. */
#ifndef MAILER_JOB_H
#define MAILER_JOB_H

#include "gatepost/store_messages.h"

/* The bytes may be hostile. Checks the form, the purpose, the address (email_is_canonical), the
 * name (UTF-8, no control characters) and the times (before the year 9999). The slices of job_out
 * point into packed. Returns false when it is not a job of ours. */
MUST_USE bool job_read(struct slice packed, struct mail_job *job_out);

#endif
