/* The outbox: letters that wait for the mailer, and those that it gave up. */
#ifndef GATEPOST_STORE_OUTBOX_H
#define GATEPOST_STORE_OUTBOX_H

#include "record.h"
#include "rows.h"

/* A new letter, due at once. job: packed mail_job. */
void letter_add(struct call *call, const struct uuid *job_id, struct slice job, wall_ms now);

/* An asker chooses the id of a letter: is there none of that id yet? */
MUST_USE bool letter_is_new(struct call *call, const struct uuid *job_id);

/* Takes a letter out that still waits; one that is gone or dead stays as it is. */
void letter_withdraw(struct call *call, const struct uuid *job_id);

/* What one request writes to people: packed jobs, for its answer. Zeroed by the caller. */
#define LETTERS_MAX      2
#define LETTER_JOB_BYTES 2900 /* as letters_answer */
struct letters {
    size_t count;
    size_t lens[LETTERS_MAX];
    uint8_t jobs[LETTERS_MAX][LETTER_JOB_BYTES];
};

/* Packs the job, puts its row, due at once, and keeps the bytes. */
void letter_write(struct call *call, struct letters *letters, const struct mail_job *job);

/* A letter without a link to the user's address as it stands in the row; nothing for an account
 * without one. */
void letter_notice(struct call *call, struct letters *letters, enum mail_purpose purpose,
                   const struct uuid *job_id, const struct user_row *user, wall_ms now);

/* The packed job number i, or an empty slice. */
struct slice letters_job(const struct letters *letters, size_t i);

/* Packs them as the request's answer. */
void letters_answer_with(struct call *call, const struct letters *letters);

#endif
