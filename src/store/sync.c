/* See sync.h. Berkeley DB hands its hook no context: hence this file's one variable. */
#include "sync.h"

#include <db.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk_faults.h"
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/proc.h"

static struct {
    struct segment *segment;
    int control_fd;
    sync_fn sync;
} hook = {.sync = fdatasync};

/* What a test's disk does: it fails, or says yes and keeps nothing. */
static int sync_once(int fd)
{
    int failure = FAULT_ERRNO("io.fsync");

    if (failure != 0) {
        errno = failure;
        return -1;
    }
    return FAULT_ERRNO("io.fsync_lies") != 0 ? 0 : hook.sync(fd);
}

static int sync_or_die(int fd)
{
    int failure;

    FAULT("s.before_fsync");
    while (sync_once(fd) != 0) {
        failure = errno;
        if (failure == EINTR)
            continue;
        board_set(hook.segment, BOARD_STORE_CONDEMNED, 1);
        log_error("store.condemned", "errno=%d reason=\"%s\"", failure, strerror(failure));
        proc_send(hook.control_fd, MESSAGE_CONDEMNED, segment_store_slot(hook.segment), 0, -1);
        abort();
    }
    FAULT("s.fsynced");
    return 0;
}

void sync_hook(struct segment *segment, int control_fd)
{
    hook.segment = segment;
    hook.control_fd = control_fd;
    BUG_ON(db_env_set_func_fsync(sync_or_die) != 0);
    disk_faults_hook();
}

void sync_replace(sync_fn sync)
{
    hook.sync = sync;
}
