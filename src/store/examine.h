/* Is a copy of a database sound? Asked of a child process, for Berkeley DB ends the one that meets
 * a damaged page. */
#ifndef GATEPOST_STORE_EXAMINE_H
#define GATEPOST_STORE_EXAMINE_H

#include <sys/types.h>

#include "gatepost/backup.h"
#include "gatepost/offline.h"

/* What is at hand. */
struct work {
    const struct offline_job *job;
    struct backup_manifest manifest;
    bool is_backup;
    bool cut;  /* some of its log files are left out */
    uid_t uid; /* whom the copy is for */
    gid_t gid;
};

/* The copy at work->job->work is master.user's. It is recovered, and brought up to today's format.
 */
MUST_USE enum offline_result examine_in_a_child(const struct work *work);

/* Says it; gives the result back. */
enum offline_result work_say(const struct offline_job *job, enum offline_result result,
                             const char *sentence);

#endif
