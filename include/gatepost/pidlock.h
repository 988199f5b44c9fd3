/* The pid file and its lock: one server for one pid file, and the database home behind it.
 *
 * The lock is flock(2) on a read-only descriptor that every child inherits and keeps. So it is
 * free only when the last process of a server is gone: a master that was killed leaves it held
 * until its store has died too, and two stores never open the same home. The
 * descriptor is read-only so that no child can put another pid into the file. The file is never
 * unlinked, for a waiter would then hold a lock on a file that nobody finds; a clean stop empties
 * it. Source: PostgreSQL's postmaster.pid for the rule that children count. */
#ifndef GATEPOST_PIDLOCK_H
#define GATEPOST_PIDLOCK_H

#include <sys/types.h>

#include "gatepost/base.h"
#include "gatepost/err.h"

struct pidlock {
    int lock_fd;  /* holds the lock; -1 when closed; inherited by all children */
    int write_fd; /* the master's alone */
};

enum pidlock_status {
    PIDLOCK_OK,
    PIDLOCK_HELD,   /* somebody still had it after wait_ms */
    PIDLOCK_FAILED, /* the file cannot be used */
};

/* Takes the lock, waiting up to wait_ms for a server that is going, and writes this process's pid.
 * Who calls it: the master, before it binds, makes or opens anything else. */
MUST_USE enum pidlock_status pidlock_take(const char *path, uint32_t wait_ms,
                                          struct pidlock *lock_out, struct err *err);

/* Empties the file and lets go. */
void pidlock_release(struct pidlock *lock);

enum pidlock_holder_status {
    PIDLOCK_HOLDER_FOUND,
    PIDLOCK_HOLDER_NONE,   /* no file, or nobody holds its lock */
    PIDLOCK_HOLDER_UNSURE, /* held, but the file names no process that can be trusted to be it */
};

/* Who holds it? Looks without waiting. A pid counts only while the lock is held and when the file
 * belongs to the user that the process runs as, so a file that a service user made cannot point
 * `gatepost stop`, run by root, at somebody else's process. */
MUST_USE enum pidlock_holder_status pidlock_holder(const char *path, pid_t *pid_out,
                                                   struct err *err);

#endif
