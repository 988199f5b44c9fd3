/* Copies of a database's files, made by whoever runs the command, for the user that the store runs
 * as. */
#ifndef GATEPOST_STORE_COPYING_H
#define GATEPOST_STORE_COPYING_H

#include <sys/types.h>

#include "gatepost/backup.h"
#include "gatepost/offline.h"

struct copying {
    const struct offline_listener *listener;
    int to_fd; /* the directory: ours alone until copying_give */
    uint64_t done;
    uint64_t all;
};

/* Empties and removes a directory of files that copying made; one that is not there is fine. */
MUST_USE bool copying_remove(const char *dir, struct err *err);

/* dir: made with mode 0700. need_bytes: refused by name when the disk has no room for them. */
MUST_USE bool copying_begin(struct copying *copying, const char *dir, uint64_t need_bytes,
                            const struct offline_listener *listener, struct err *err);

/* The manifest's files up to that log file (0: all), each held against its sum. False: *damaged_out
 * says whose fault it is. */
MUST_USE bool copying_backup(struct copying *copying, int set_fd,
                             const struct backup_manifest *manifest, uint32_t until_log,
                             bool *damaged_out, struct err *err);

/* All files of a database that nobody has open. */
MUST_USE bool copying_database(struct copying *copying, const char *from, struct err *err);
/* How much that is. False: there is none. */
MUST_USE bool copying_measure(const char *from, uint64_t *bytes_out, struct err *err);

/* All of it on the disk and, if this process is root, that user's. Closes. */
MUST_USE bool copying_end(struct copying *copying, uid_t uid, gid_t gid, struct err *err);
void copying_abandon(struct copying *copying);

#endif
