/* A disk that writes down what Berkeley DB does to it: every change of a file with its bytes, every
 * sync with what it covers, and between them what a worker was told. One order for all of it.
 *
 * The trace lies in memory that the store and this process share. A change is made and written down
 * under the trace's lock, so whoever holds it may kill the store and the trace stays true. A sync
 * is made outside of it: it covers what had been written when it began.
 *
 * Writes are hooked at `write` alone: with that hook set Berkeley DB seeks and writes where it else
 * calls pwrite, so one hook sees all (os_rw.c). Reads are left alone. */
#ifndef TESTS_STORE_TRACE_H
#define TESTS_STORE_TRACE_H

#include <db.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/base.h"
#include "store/disk_faults.h"
#include "store/durable.h"

enum trace_kind {
    TRACE_EXISTS,   /* inode, text: name; it was there before */
    TRACE_CREATE,   /* inode, text: name */
    TRACE_WRITE,    /* inode, number: offset, bytes */
    TRACE_TRUNCATE, /* inode, number: new size */
    TRACE_RENAME,   /* text: old name, NUL, new name */
    TRACE_UNLINK,   /* text: name */
    TRACE_SYNC,     /* inode, number: the place in the trace up to which it covers */
    TRACE_SYNC_DIR, /* the same of a directory */
    TRACE_TOLD,     /* number: of the person who was acknowledged */
};

struct trace_record {
    uint32_t kind;
    uint32_t len; /* of what follows */
    uint64_t inode;
    uint64_t number;
    uint8_t bytes[];
};

/* Pages of it that are never touched cost nothing. */
#define TRACE_MAX_BYTES (128U << 20)

struct trace {
    pthread_mutex_t lock;
    _Atomic uint64_t len; /* a record is there when this covers it */
    uint64_t began;       /* the place behind what existed */
    uint64_t delay_us;    /* what a sync takes */
    _Alignas(8) uint8_t bytes[];
};

static inline struct trace *trace_new(void)
{
    struct trace *trace = mmap(NULL, sizeof(struct trace) + TRACE_MAX_BYTES, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pthread_mutexattr_t shared;

    BUG_ON(trace == MAP_FAILED);
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&trace->lock, &shared);
    pthread_mutexattr_destroy(&shared);
    return trace;
}

static inline void trace_free(struct trace **trace)
{
    munmap(*trace, sizeof(struct trace) + TRACE_MAX_BYTES);
    *trace = NULL;
}

static inline uint64_t trace_len(const struct trace *trace)
{
    return atomic_load(&trace->len);
}

static inline const struct trace_record *trace_at(const struct trace *trace, uint64_t at)
{
    return (const struct trace_record *)(trace->bytes + at);
}

static inline uint64_t trace_next(const struct trace *trace, uint64_t at)
{
    return at + sizeof(struct trace_record) + (trace_at(trace, at)->len + 7U) / 8U * 8U;
}

/* The lock is held. */
static inline void trace_append(struct trace *trace, enum trace_kind kind, uint64_t inode,
                                uint64_t number, const void *bytes, size_t len)
{
    uint64_t at = trace_len(trace);
    struct trace_record *record = (struct trace_record *)(trace->bytes + at);

    BUG_ON(at + sizeof(*record) + len + 8 > TRACE_MAX_BYTES);
    *record = (struct trace_record){(uint32_t)kind, (uint32_t)len, inode, number};
    if (len > 0)
        memcpy(record->bytes, bytes, len);
    atomic_store(&trace->len, trace_next(trace, at));
}

static inline void trace_told(struct trace *trace, uint64_t number)
{
    pthread_mutex_lock(&trace->lock);
    trace_append(trace, TRACE_TOLD, 0, number, NULL, 0);
    pthread_mutex_unlock(&trace->lock);
}

#define NAMES_MAX 64U

/* Names in the directory, by the trace so far. */
struct names {
    size_t count;
    const char *text[NAMES_MAX];
};

static inline bool names_have(const struct names *names, const char *name, size_t *at_out)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->text[i], name) == 0) {
            *at_out = i;
            return true;
        }
    }
    return false;
}

static inline void names_at_the_end(const struct trace *trace, struct names *names)
{
    size_t found;

    names->count = 0;
    for (uint64_t at = 0; at < trace_len(trace); at = trace_next(trace, at)) {
        const struct trace_record *record = trace_at(trace, at);
        const char *name = (const char *)record->bytes;

        if (record->kind == TRACE_EXISTS || record->kind == TRACE_CREATE) {
            BUG_ON(names->count == NAMES_MAX);
            names->text[names->count++] = name;
        } else if (record->kind == TRACE_RENAME && names_have(names, name, &found)) {
            names->text[found] = name + strlen(name) + 1;
        } else if (record->kind == TRACE_UNLINK && names_have(names, name, &found)) {
            names->text[found] = names->text[--names->count];
        }
    }
}

/* ---- the disk: in the process that has the database ------------------------------------------ */

static struct trace *recorder; /* where this process writes down */

static inline const char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static inline int recording_open(const char *path, int flags, ...)
{
    struct stat stat;
    va_list arguments;

    va_start(arguments, flags);
    int mode = va_arg(arguments, int);
    va_end(arguments);
    pthread_mutex_lock(&recorder->lock);
    bool is_new = (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
    int fd = open(path, flags, mode);
    if (fd >= 0 && is_new) {
        BUG_ON(fstat(fd, &stat) != 0);
        trace_append(recorder, TRACE_CREATE, stat.st_ino, 0, name_in(path),
                     strlen(name_in(path)) + 1);
    }
    pthread_mutex_unlock(&recorder->lock);
    return fd;
}

static inline ssize_t recording_write(int fd, const void *bytes, size_t len)
{
    struct stat stat;

    pthread_mutex_lock(&recorder->lock);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t written = write(fd, bytes, len);
    BUG_ON(at < 0 || written != (ssize_t)len || fstat(fd, &stat) != 0);
    trace_append(recorder, TRACE_WRITE, stat.st_ino, (uint64_t)at, bytes, len);
    pthread_mutex_unlock(&recorder->lock);
    return written;
}

/* The note of durable.c, which the store makes without Berkeley DB: its first write makes it. */
static inline ssize_t recording_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    struct names names;
    struct stat stat;
    size_t known;

    pthread_mutex_lock(&recorder->lock);
    ssize_t written = pwrite(fd, bytes, len, at);
    BUG_ON(written != (ssize_t)len || fstat(fd, &stat) != 0);
    names_at_the_end(recorder, &names);
    if (!names_have(&names, "durable", &known))
        trace_append(recorder, TRACE_CREATE, stat.st_ino, 0, "durable", sizeof("durable"));
    trace_append(recorder, TRACE_WRITE, stat.st_ino, (uint64_t)at, bytes, len);
    pthread_mutex_unlock(&recorder->lock);
    return written;
}

static inline int recording_ftruncate(int fd, off_t len)
{
    struct stat stat;

    pthread_mutex_lock(&recorder->lock);
    BUG_ON(ftruncate(fd, len) != 0 || fstat(fd, &stat) != 0);
    trace_append(recorder, TRACE_TRUNCATE, stat.st_ino, (uint64_t)len, NULL, 0);
    pthread_mutex_unlock(&recorder->lock);
    return 0;
}

static inline int recording_rename(const char *from, const char *to)
{
    char names[512];
    size_t from_len = strlen(name_in(from)) + 1;
    size_t to_len = strlen(name_in(to)) + 1;

    BUG_ON(from_len + to_len > sizeof(names));
    memcpy(names, name_in(from), from_len);
    memcpy(names + from_len, name_in(to), to_len);
    pthread_mutex_lock(&recorder->lock);
    int failure = rename(from, to);
    if (failure == 0)
        trace_append(recorder, TRACE_RENAME, 0, 0, names, from_len + to_len);
    pthread_mutex_unlock(&recorder->lock);
    return failure;
}

static inline int recording_unlink(const char *path)
{
    pthread_mutex_lock(&recorder->lock);
    int failure = unlink(path);
    if (failure == 0)
        trace_append(recorder, TRACE_UNLINK, 0, 0, name_in(path), strlen(name_in(path)) + 1);
    pthread_mutex_unlock(&recorder->lock);
    return failure;
}

/* The store makes and removes files itself, without Berkeley DB and its hooks, and then syncs the
 * directory: what changed since is written down now. The lock is held. */
static inline void trace_names(struct trace *trace, int fd)
{
    struct names names;
    struct stat stat;
    size_t known;
    DIR *dir = fdopendir(dup(fd));

    BUG_ON(!dir);
    names_at_the_end(trace, &names);
    rewinddir(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        if (names_have(&names, entry->d_name, &known)) {
            names.text[known] = names.text[--names.count];
            continue;
        }
        BUG_ON(fstatat(fd, entry->d_name, &stat, 0) != 0);
        if (S_ISDIR(stat.st_mode)) /* of no account: what was put aside is never read */
            continue;
        BUG_ON(stat.st_size != 0);
        trace_append(trace, TRACE_CREATE, stat.st_ino, 0, entry->d_name, strlen(entry->d_name) + 1);
    }
    for (size_t i = 0; i < names.count; i++)
        trace_append(trace, TRACE_UNLINK, 0, 0, names.text[i], strlen(names.text[i]) + 1);
    closedir(dir);
}

/* Nothing needs to reach a disk here: it takes its time and is written down. */
static inline int recording_sync(int fd)
{
    struct stat stat;

    BUG_ON(fstat(fd, &stat) != 0);
    pthread_mutex_lock(&recorder->lock);
    if (S_ISDIR(stat.st_mode))
        trace_names(recorder, fd);
    uint64_t covered = trace_len(recorder);
    pthread_mutex_unlock(&recorder->lock);
    if (recorder->delay_us > 0)
        usleep((useconds_t)recorder->delay_us);
    pthread_mutex_lock(&recorder->lock);
    trace_append(recorder, S_ISDIR(stat.st_mode) ? TRACE_SYNC_DIR : TRACE_SYNC, stat.st_ino,
                 covered, NULL, 0);
    pthread_mutex_unlock(&recorder->lock);
    return 0;
}

/* Files that are there already, as a disk holds them after a power cut: all of their bytes. */
static inline void trace_what_exists(struct trace *trace, const char *dir_path)
{
    DIR *dir = opendir(dir_path);
    struct stat stat;

    BUG_ON(!dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        BUG_ON(fstatat(dirfd(dir), entry->d_name, &stat, 0) != 0);
        trace_append(trace, TRACE_EXISTS, stat.st_ino, 0, entry->d_name, strlen(entry->d_name) + 1);
    }
    closedir(dir);
    trace->began = trace_len(trace);
}

/* Before the environment is opened; syncs are hooked by whoever opens it. */
static inline void trace_hook(struct trace *trace)
{
    recorder = trace;
    disk_faults_stay_out();
    durable_replace_write(recording_pwrite);
    BUG_ON(db_env_set_func_open(recording_open) != 0 ||
           db_env_set_func_write(recording_write) != 0 ||
           db_env_set_func_ftruncate(recording_ftruncate) != 0 ||
           db_env_set_func_rename(recording_rename) != 0 ||
           db_env_set_func_unlink(recording_unlink) != 0);
}

#endif
