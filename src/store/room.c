/* See room.h. Berkeley DB hands its hooks no context: hence this file's one variable.
 *
 * Why a page waits: when it cannot be written, Berkeley DB panics, recovery has to write the same
 * pages, and successor after successor would die of the same full disk. A page that waits holds
 * its latch, no more: lookups go on, and so does everything else when there is room.
 * While the store opens, or the main thread itself waits, nobody answers: BOARD_STORE_WAITS lets
 * askers give up at once.
 * Memory that cannot be had ends the process, as with our own (base.h): some of Berkeley DB's ways
 * out of it free what they never had. */
#include "room.h"

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk_faults.h"
#include "gatepost/log.h"
#include "store.h"

#define RETRY_MS 100

static struct {
    pthread_mutex_t mutex;
    const struct heritage *heritage;
    pthread_t main_thread;
    /* under the mutex: */
    enum room_phase phase;
    unsigned waiting; /* threads */
} room = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static enum room_phase phase_now(void)
{
    enum room_phase phase;

    pthread_mutex_lock(&room.mutex);
    phase = room.phase;
    pthread_mutex_unlock(&room.mutex);
    return phase;
}

void room_enter(enum room_phase phase)
{
    pthread_mutex_lock(&room.mutex);
    room.phase = phase;
    pthread_mutex_unlock(&room.mutex);
}

bool room_is_lacking(void)
{
    bool lacking;

    pthread_mutex_lock(&room.mutex);
    lacking = room.waiting > 0;
    pthread_mutex_unlock(&room.mutex);
    return lacking;
}

static void begin_to_wait(bool is_main)
{
    pthread_mutex_lock(&room.mutex);
    if (room.waiting++ == 0)
        log_error("disk.full", "while=%s note=\"waits until there is room\"",
                  room.phase == ROOM_OPENING ? "opening" : "serving");
    pthread_mutex_unlock(&room.mutex);
    if (!is_main)
        return; /* who looks at the disk says it on the board */
    board_set(room.heritage->segment, BOARD_DISK, DISK_NO_WRITES);
    board_set(room.heritage->segment, BOARD_STORE_WAITS, 1);
}

static void end_to_wait(bool is_main)
{
    pthread_mutex_lock(&room.mutex);
    if (--room.waiting == 0)
        log_info("disk.has_room", "%s", "");
    pthread_mutex_unlock(&room.mutex);
    if (is_main)
        board_set(room.heritage->segment, BOARD_STORE_WAITS, 0);
}

static bool is_for_room(int failure)
{
    return failure == ENOSPC || failure == EDQUOT;
}

/* Only asked where a write has failed. What cannot be told is taken for the log: it fails, as it
 * would without us. */
static bool is_log(int fd)
{
    char name[64];
    char path[4096];
    const char *slash;
    ssize_t len;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    len = readlink(name, path, sizeof(path) - 1);
    if (len < 0)
        return true;
    path[len] = '\0';
    slash = strrchr(path, '/');
    return slash && strncmp(slash, "/log.", 5) == 0;
}

/* All that was answered is in the log and on disk; recovery does the rest. */
_Noreturn static void leave(void)
{
    log_warning("store.closed", "note=\"the disk is full: without a last checkpoint\"");
    _exit(EXIT_DONE);
}

static bool told_to_stop(void)
{
    struct proc_message message;

    while (proc_receive(room.heritage, &message)) {
        if (message.kind == ORDER_STOP || message.kind == ORDER_DRAIN)
            return true;
    }
    return false;
}

/* A call on that file, or on none yet, has just failed with errno. True: there may be room now, try
 * again. */
static bool waits(bool *waiting, int fd)
{
    bool is_main = pthread_equal(pthread_self(), room.main_thread) != 0;
    enum room_phase phase = phase_now();

    if (!is_for_room(errno))
        return false;
    if (phase == ROOM_ENDING)
        leave();
    if (phase == ROOM_SERVING && (fd < 0 || is_log(fd))) {
        errno = ENOSPC;
        return false;
    }
    if (is_main && told_to_stop())
        leave();
    if (!*waiting)
        begin_to_wait(is_main);
    *waiting = true;
    usleep(RETRY_MS * 1000);
    life_sign(room.heritage->segment, room.heritage->slot);
    return true;
}

static void stop_waiting(bool waiting)
{
    int kept = errno;

    if (waiting)
        end_to_wait(pthread_equal(pthread_self(), room.main_thread) != 0);
    errno = kept;
}

static ssize_t room_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    bool waiting = false;
    size_t done = 0;

    while (done < len) {
        ssize_t wrote = disk_pwrite(fd, (const char *)bytes + done, len - done, at + (off_t)done);

        if (wrote > 0)
            done += (size_t)wrote;
        else if (wrote == 0 || !waits(&waiting, fd))
            break;
    }
    stop_waiting(waiting);
    return done == len ? (ssize_t)len : -1;
}

/* While the store opens a read that fails ends it: Berkeley DB would take the rest of the log for
 * not there (durable.h). Later its callers know what to do. */
static ssize_t room_pread(int fd, void *bytes, size_t len, off_t at)
{
    ssize_t got = disk_pread(fd, bytes, len, at);

    if (got < 0 && errno != EINTR && phase_now() == ROOM_OPENING) {
        log_error("store.unreadable", "reason=\"%s\"", strerror(errno));
        _exit(EXIT_STORE_OPEN);
    }
    return got;
}

static int room_open(const char *path, int flags, ...)
{
    bool waiting = false;
    va_list arguments;
    int fd;

    va_start(arguments, flags);
    int mode = va_arg(arguments, int);
    va_end(arguments);
    do {
        fd = disk_open(path, flags, mode);
    } while (fd < 0 && waits(&waiting, -1));
    stop_waiting(waiting);
    return fd;
}

static void *room_malloc(size_t bytes)
{
    void *memory = disk_malloc(bytes);

    BUG_ON(memory == NULL);
    return memory;
}

static void *room_realloc(void *old, size_t bytes)
{
    void *memory = disk_realloc(old, bytes);

    BUG_ON(memory == NULL);
    return memory;
}

void room_hook(const struct heritage *heritage)
{
    room.heritage = heritage;
    room.main_thread = pthread_self();
    room_enter(ROOM_OPENING);
    board_set(heritage->segment, BOARD_STORE_WAITS, 0); /* a predecessor may have waited */
    if (disk_faults_are_out())
        return;
    BUG_ON(db_env_set_func_pwrite(room_pwrite) != 0 || db_env_set_func_pread(room_pread) != 0 ||
           db_env_set_func_open(room_open) != 0 || db_env_set_func_malloc(room_malloc) != 0 ||
           db_env_set_func_realloc(room_realloc) != 0);
    disk_faults_hook();
}
