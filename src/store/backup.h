/* Backups while the store serves: a thread of its own reads pages and log, the main thread gives
 * the bytes out (backup_desk.c), who asks for them writes the files. One at a time. */
#ifndef GATEPOST_STORE_BACKUP_H
#define GATEPOST_STORE_BACKUP_H

#include "durable.h"
#include "env.h"
#include "gatepost/secret.h"

struct backup;

/* env: opened, with its archive; borrowed. Main thread. */
struct backup *backup_new(struct env *env, const char *dir);
void backup_stop(struct backup *backup);  /* ends one that is under way */
void backup_free(struct backup **backup); /* the same; no other thread of the store is left */

/* What is to be read. */
struct backup_order {
    bool logs_only;
    struct log_end from; /* logs_only: the log is there up to here */
    uint8_t digest[DIGEST_BYTES];
};

/* Main thread. False: one is under way. bytes_out: about so many will come. */
MUST_USE bool backup_begin(struct backup *backup, const struct backup_order *order, mono_ns now,
                           uint64_t *id_out, uint64_t *bytes_out);

/* The stream's next bytes from `at` on; 0 of them: in a moment. False: there is no such backup, it
 * is not at that place, or all of it was taken. Main thread. */
MUST_USE bool backup_take(struct backup *backup, uint64_t id, uint64_t at, mono_ns now,
                          void *bytes_out, size_t max, size_t *len_out);

/* whole: it is on a disk. Otherwise it is given up. False: there is no such one. Main thread. */
MUST_USE bool backup_end(struct backup *backup, uint64_t id, bool whole);

MUST_USE bool backup_is_under_way(const struct backup *backup); /* main thread */

/* Main thread, now and then: ends one that nobody has asked for any more. True once after one
 * became whole: the checkpointer may have log files to remove. */
MUST_USE bool backup_look(struct backup *backup, mono_ns now);

/* Any thread: does this one just make Berkeley DB leave a file, which it calls a failure? */
MUST_USE bool backup_is_pausing(struct backup *backup);

#endif
