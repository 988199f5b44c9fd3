/* The outbox: letters that wait for the mailer, those that it gave up, and for mail.keep_s those
 * that it handed over. */
#ifndef GATEPOST_STORE_OUTBOX_H
#define GATEPOST_STORE_OUTBOX_H

#include "gatepost/email.h"

#include "record.h"
#include "rows.h"

/* A row of any version. The record's slices point into packed. */
MUST_USE bool letter_read(struct slice packed, struct letter_row *letter_out);

/* The record's slices point into storage. Returns false when there is no such letter. */
MUST_USE bool letter_load(struct call *call, const struct uuid *job_id, struct row *storage,
                          struct letter_row *letter_out);

/* Puts the row alone; lists and tally are letter_move's. */
void letter_save(struct call *call, const struct uuid *job_id, const struct letter_row *letter);

/* A new letter, due at once. job: packed mail_job. Returns false when its address is suppressed:
 * the row is dead, with the reason, and the mailer is not to see it. */
MUST_USE bool letter_add(struct call *call, const struct uuid *job_id, struct slice job,
                         wall_ms now);

/* The same in two steps. The row alone: returns false when there is one with that id, and then
 * nothing has changed. All that goes with it: returns what letter_add does. */
MUST_USE bool letter_begin(struct call *call, const struct uuid *job_id, struct slice job,
                           wall_ms now);
MUST_USE bool letter_list(struct call *call, const struct uuid *job_id, struct slice job,
                          wall_ms now);

/* Another state or due time (of a letter that waits) than the row has: the lists and the tally
 * follow, and the row with all else that letter says is put. */
void letter_move(struct call *call, const struct uuid *job_id, struct letter_row *letter,
                 enum letter_state state, wall_ms due);

/* Takes a letter out, whatever its state. */
void letter_remove(struct call *call, const struct uuid *job_id, const struct letter_row *letter);

/* Its key in outbox_by_due. */
#define LETTER_DUE_KEY_BYTES (8 + UUID_BYTES)
struct slice letter_due_key(wall_ms due, const struct uuid *job_id,
                            uint8_t bytes[LETTER_DUE_KEY_BYTES]);

/* An event that is no try: one more entry of its history, and nothing else. */
void letter_note(struct call *call, const struct uuid *job_id, const struct letter_row *letter,
                 enum letter_event event, struct slice detail);

/* Letters to one address, by their ids. Zeroed by the caller; closed as a walk is. */
struct address_walk {
    struct walk walk;
    size_t prefix_len;
    uint8_t prefix[EMAIL_MAX_BYTES + 1];
};
void address_walk_open(struct address_walk *walk, struct call *call, struct slice email_key,
                       const struct uuid *from);
MUST_USE bool address_walk_next(struct address_walk *walk, struct uuid *job_id_out);

/* Those that wait are dead from now on; those that are over are forgotten. */
void letters_suppress(struct call *call, struct slice email_key, struct slice reason);
void letters_forget(struct call *call, struct slice email_key);

/* For the step that makes the list by address: the row at hand is listed. */
void letter_index(struct call *call, const struct walk *walk);

/* An asker chooses the id of a letter: is there none of that id yet? */
MUST_USE bool letter_is_new(struct call *call, const struct uuid *job_id);

/* Takes a letter out that still waits; one that is gone, dead or sent stays as it is. */
void letter_withdraw(struct call *call, const struct uuid *job_id);

/* What one request writes to people: packed jobs, for its answer. Zeroed by the caller. */
#define LETTERS_MAX      2
#define LETTER_JOB_BYTES 2900 /* as letters_answer */
struct letters {
    size_t count;
    size_t lens[LETTERS_MAX];
    uint8_t jobs[LETTERS_MAX][LETTER_JOB_BYTES];
};

/* Packs the job, puts its row, due at once, and keeps the bytes; not of one whose address is
 * suppressed, which is not to be announced. */
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
