/* See disk_faults.h. Each call asks its point for an errno first.
 *
 * Where pread or pwrite fails, Berkeley DB tries a seek with read or write; so the seek that
 * follows fails as well. Its hooks for read and write are left alone: it takes their short counts
 * for errors and the end of a file is one. Source: os_rw.c of Berkeley DB 5.3; SQLite's test VFS.
 */
#include "disk_faults.h"

#ifdef GATEPOST_FAULTS

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool stays_out;

void disk_faults_stay_out(void)
{
    stays_out = true;
}

static bool fails(int failure)
{
    if (failure != 0)
        errno = failure;
    return failure != 0;
}

static __thread int seek_fails; /* errno for the next seek of this thread, or 0 */

static ssize_t fault_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    if (fails(seek_fails = FAULT_ERRNO("io.pwrite")))
        return -1;
    if (FAULT_ERRNO("io.pwrite_short") != 0 && len > 1)
        len /= 2;
    return pwrite(fd, bytes, len, at);
}

static ssize_t fault_pread(int fd, void *bytes, size_t len, off_t at)
{
    return fails(seek_fails = FAULT_ERRNO("io.pread")) ? -1 : pread(fd, bytes, len, at);
}

static int fault_seek(int fd, off_t at, int whence)
{
    int failure = seek_fails;

    seek_fails = 0;
    return fails(failure) || lseek(fd, at, whence) == (off_t)-1 ? -1 : 0;
}

static int fault_open(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    int mode = va_arg(arguments, int);
    va_end(arguments);
    return fails(FAULT_ERRNO("io.open")) ? -1 : open(path, flags, mode);
}

static int fault_rename(const char *from, const char *to)
{
    return fails(FAULT_ERRNO("io.rename")) ? -1 : rename(from, to);
}

static int fault_unlink(const char *path)
{
    return fails(FAULT_ERRNO("io.unlink")) ? -1 : unlink(path);
}

static int fault_ftruncate(int fd, off_t len)
{
    return fails(FAULT_ERRNO("io.ftruncate")) ? -1 : ftruncate(fd, len);
}

static void *fault_malloc(size_t bytes)
{
    return fails(FAULT_ERRNO("io.malloc")) ? NULL : malloc(bytes);
}

static void *fault_realloc(void *old, size_t bytes)
{
    return fails(FAULT_ERRNO("io.malloc")) ? NULL : realloc(old, bytes);
}

void disk_faults_hook(void)
{
    if (stays_out)
        return;
    BUG_ON(db_env_set_func_pwrite(fault_pwrite) != 0 || db_env_set_func_pread(fault_pread) != 0 ||
           db_env_set_func_seek(fault_seek) != 0 || db_env_set_func_open(fault_open) != 0 ||
           db_env_set_func_rename(fault_rename) != 0 || db_env_set_func_unlink(fault_unlink) != 0 ||
           db_env_set_func_ftruncate(fault_ftruncate) != 0 ||
           db_env_set_func_malloc(fault_malloc) != 0 ||
           db_env_set_func_realloc(fault_realloc) != 0);
}

#endif
