/* The pid file and its lock; pidlock.h says why it is flock and why it is never unlinked. */
#include "gatepost/pidlock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gatepost/clock.h"
#include "gatepost/log.h"

#define RETRY_MS 50

static void close_both(struct pidlock *lock)
{
    if (lock->lock_fd >= 0)
        close(lock->lock_fd);
    if (lock->write_fd >= 0)
        close(lock->write_fd);
    *lock = (struct pidlock){-1, -1};
}

/* Two descriptions of one file: the one that is written and the one that is locked. */
static bool open_both(const char *path, struct pidlock *lock, struct err *err)
{
    struct stat written, locked;
    lock->write_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    lock->lock_fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (lock->write_fd < 0 || lock->lock_fd < 0 || fstat(lock->write_fd, &written) != 0 ||
        fstat(lock->lock_fd, &locked) != 0) {
        err_set(err, "master.pid_file: %s: %s", path, strerror(errno));
        return false;
    }
    /* Root must not write through a name that the service user has put there. */
    if (!S_ISREG(written.st_mode) || written.st_uid != geteuid() || written.st_nlink != 1 ||
        written.st_ino != locked.st_ino || written.st_dev != locked.st_dev) {
        err_set(err, "master.pid_file: %s is not a file of this server", path);
        return false;
    }
    return true;
}

static bool write_pid(const struct pidlock *lock, const char *path, struct err *err)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(lock->write_fd, 0) != 0 || !fd_write_all(lock->write_fd, text, (size_t)len) ||
        fsync(lock->write_fd) != 0) {
        err_set(err, "master.pid_file: %s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

enum pidlock_status pidlock_take(const char *path, uint32_t wait_ms, struct pidlock *lock_out,
                                 struct err *err)
{
    struct pidlock lock = {-1, -1};
    if (!open_both(path, &lock, err)) {
        close_both(&lock);
        return PIDLOCK_FAILED;
    }
    mono_ns deadline = clock_mono_ns() + wait_ms * NS_PER_MS;
    bool told = false;
    while (flock(lock.lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            err_set(err, "master.pid_file: %s cannot be locked: %s", path, strerror(errno));
            close_both(&lock);
            return PIDLOCK_FAILED;
        }
        if (clock_mono_ns() >= deadline) {
            err_set(err, "master.pid_file: another server holds %s", path);
            close_both(&lock);
            return PIDLOCK_HELD;
        }
        if (!told)
            log_info("lock.awaited", "file=%s limit_ms=%" PRIu32, path, wait_ms);
        told = true;
        struct timespec pause = {.tv_nsec = RETRY_MS * (long)NS_PER_MS};
        nanosleep(&pause, NULL);
    }
    if (!write_pid(&lock, path, err)) {
        close_both(&lock);
        return PIDLOCK_FAILED;
    }
    *lock_out = lock;
    return PIDLOCK_OK;
}

void pidlock_release(struct pidlock *lock)
{
    if (lock->write_fd >= 0 && ftruncate(lock->write_fd, 0) != 0)
        log_warning("lock.left", "error=%d", errno); /* harmless: a pid counts only while locked */
    close_both(lock);
}

/* Is that process one that the file's owner could have started? */
static bool process_belongs_to(pid_t pid, uid_t uid)
{
    char path[32];
    struct stat process;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    return stat(path, &process) == 0 && process.st_uid == uid;
}

/* The number in the file, or 0. */
static pid_t read_pid(int fd)
{
    char text[32];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    return errno == 0 && *end == '\n' && value > 1 && value <= INT32_MAX ? (pid_t)value : 0;
}

enum pidlock_holder_status pidlock_holder(const char *path, pid_t *pid_out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat file;
    if (fd < 0 && errno == ENOENT)
        return PIDLOCK_HOLDER_NONE;
    if (fd < 0 || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
        err_set(err, "master.pid_file: %s: %s", path, fd < 0 ? strerror(errno) : "not a file");
        if (fd >= 0)
            close(fd);
        return PIDLOCK_HOLDER_UNSURE;
    }
    /* A shared lock that is let go at once: a server that starts meanwhile tries again. */
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    pid_t pid = held ? read_pid(fd) : 0;
    close(fd);
    if (!held)
        return PIDLOCK_HOLDER_NONE;
    if (pid == 0 || !process_belongs_to(pid, file.st_uid)) {
        err_set(err, "master.pid_file: %s is locked but names no server", path);
        return PIDLOCK_HOLDER_UNSURE;
    }
    *pid_out = pid;
    return PIDLOCK_HOLDER_FOUND;
}
