/* The outbox: letters that wait for the mailer, and those that it gave up. */
#ifndef GATEPOST_STORE_OUTBOX_H
#define GATEPOST_STORE_OUTBOX_H

#include "record.h"
#include "rows.h"

/* A new letter, due at once. job: packed mail_job. */
void letter_add(struct call *call, const struct uuid *job_id, struct slice job, wall_ms now);

/* Takes a letter out that still waits; one that is gone or dead stays as it is. */
void letter_withdraw(struct call *call, const struct uuid *job_id);

#endif
