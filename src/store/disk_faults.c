/* See disk_faults.h. Each call asks its point for an errno first.
 *
 * Where pread or pwrite fails, Berkeley DB tries a seek with read or write; so the seek that
 * follows fails as well. Its hooks for read and write are left alone: it takes their short counts
 * for errors and the end of a file is one. Source: os_rw.c of Berkeley DB 5.3; SQLite's test VFS.
 */
#include "disk_faults.h"

#include <db.h>
#include <errno.h>
#include <stdio.h>

static bool stays_out;

void disk_faults_stay_out(void)
{
    stays_out = true;
}

bool disk_faults_are_out(void)
{
    return stays_out;
}

#ifdef GATEPOST_FAULTS

static bool fails(int failure)
{
    if (failure != 0)
        errno = failure;
    return failure != 0;
}

static __thread int seek_fails; /* errno for the next seek of this thread, or 0 */

ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    if (fails(seek_fails = FAULT_ERRNO("io.pwrite")))
        return -1;
    if (FAULT_ERRNO("io.pwrite_short") != 0 && len > 1)
        len /= 2;
    return pwrite(fd, bytes, len, at);
}

ssize_t disk_pread(int fd, void *bytes, size_t len, off_t at)
{
    return fails(seek_fails = FAULT_ERRNO("io.pread")) ? -1 : pread(fd, bytes, len, at);
}

int disk_open(const char *path, int flags, int mode)
{
    return fails(FAULT_ERRNO("io.open")) ? -1 : open(path, flags, mode);
}

void *disk_malloc(size_t bytes)
{
    return fails(FAULT_ERRNO("io.malloc")) ? NULL : malloc(bytes);
}

void *disk_realloc(void *old, size_t bytes)
{
    return fails(FAULT_ERRNO("io.malloc")) ? NULL : realloc(old, bytes);
}

/* Of these hooks Berkeley DB takes what they return for the errno. */
static int as_errno(int failure, int returned)
{
    if (failure == 0 && returned != 0)
        failure = errno;
    return failure;
}

static int fault_seek(int fd, off_t at, int whence)
{
    int failure = seek_fails;

    seek_fails = 0;
    return as_errno(failure, failure == 0 && lseek(fd, at, whence) == (off_t)-1);
}

static int fault_rename(const char *from, const char *to)
{
    int failure = FAULT_ERRNO("io.rename");

    return as_errno(failure, failure == 0 ? rename(from, to) : 0);
}

static int fault_unlink(const char *path)
{
    int failure = FAULT_ERRNO("io.unlink");

    return as_errno(failure, failure == 0 ? unlink(path) : 0);
}

static int fault_ftruncate(int fd, off_t len)
{
    int failure = FAULT_ERRNO("io.ftruncate");

    return as_errno(failure, failure == 0 ? ftruncate(fd, len) : 0);
}

void disk_faults_hook(void)
{
    BUG_ON(db_env_set_func_seek(fault_seek) != 0 || db_env_set_func_rename(fault_rename) != 0 ||
           db_env_set_func_unlink(fault_unlink) != 0 ||
           db_env_set_func_ftruncate(fault_ftruncate) != 0);
}

#endif
