/* A backup's directory while it is written. Private to this folder. */
#ifndef GATEPOST_CLI_BACKUP_SET_H
#define GATEPOST_CLI_BACKUP_SET_H

#include "gatepost/backup.h"

struct backup_set;

/* dir: made with mode 0700 when it is missing; empty, or a backup's. Locked until it is closed: one
 * writer. logs_only: the set that is there is to grow; else a new one is begun beside it.
 * Returns NULL with a sentence. */
MUST_USE struct backup_set *backup_set_open(const char *dir, bool logs_only, struct err *err);

/* What there is: of logs_only the backup's, else a new one. Borrowed. */
const struct backup_manifest *backup_set_manifest(const struct backup_set *set);

enum backup_set_status {
    BACKUP_SET_MORE,  /* taken */
    BACKUP_SET_WHOLE, /* that was the last one */
    BACKUP_SET_WRONG, /* err */
};
MUST_USE enum backup_set_status backup_set_take(struct backup_set *set, enum backup_frame kind,
                                                struct slice body, struct err *err);

/* All of it on the disk, then the manifest, then sets of before go. */
MUST_USE bool backup_set_finish(struct backup_set *set, struct err *err);

/* What is not finished is taken away, as far as it is new. */
void backup_set_close(struct backup_set **set);

#endif
