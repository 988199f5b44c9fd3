/* See sync.h. Berkeley DB hands its hook no context: hence this file's one variable. */
#include "sync.h"

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/proc.h"

static struct {
    struct segment *segment;
    int control_fd;
    sync_fn sync;
    sync_fn sync_names; /* fdatasync of a directory makes no name durable on ext4 */
} hook = {.sync = fdatasync, .sync_names = fsync};

/* What a test's disk does: it fails, or says yes and keeps nothing. */
static int sync_once(sync_fn sync, int fd)
{
    int failure = FAULT_ERRNO("io.fsync");

    if (failure != 0) {
        errno = failure;
        return -1;
    }
    return FAULT_ERRNO("io.fsync_lies") != 0 ? 0 : sync(fd);
}

static void sync_or_die(sync_fn sync, int fd)
{
    int failure;

    FAULT("s.before_fsync");
    while (sync_once(sync, fd) != 0) {
        failure = errno;
        if (failure == EINTR)
            continue;
        board_set(hook.segment, BOARD_STORE_CONDEMNED, 1);
        log_error("store.condemned", "errno=%d reason=\"%s\"", failure, strerror(failure));
        proc_send(hook.control_fd, MESSAGE_CONDEMNED, segment_store_slot(hook.segment), 0, -1);
        abort();
    }
    FAULT("s.fsynced");
}

static int on_database_sync(int fd)
{
    sync_or_die(hook.sync, fd);
    return 0;
}

void sync_bytes(int fd)
{
    sync_or_die(hook.sync, fd);
}

bool sync_names(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return false;
    sync_or_die(hook.sync_names, fd);
    close(fd);
    return true;
}

void sync_hook(struct segment *segment, int control_fd)
{
    hook.segment = segment;
    hook.control_fd = control_fd;
    BUG_ON(db_env_set_func_fsync(on_database_sync) != 0);
}

void sync_replace(sync_fn sync)
{
    hook.sync = sync;
    hook.sync_names = sync;
}
