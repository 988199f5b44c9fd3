/* The calls to the operating system that room.c and Berkeley DB make, as fault points of test
 * builds: io.pwrite and so on. In a release they are the plain calls. */
#ifndef GATEPOST_STORE_DISK_FAULTS_H
#define GATEPOST_STORE_DISK_FAULTS_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatepost/fault.h"

/* A test that brings a disk of its own (db_env_set_func_*) says so before the store begins: but for
 * the one of sync.h no hook is set then. */
void disk_faults_stay_out(void);
MUST_USE bool disk_faults_are_out(void);

#ifdef GATEPOST_FAULTS

ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t disk_pread(int fd, void *bytes, size_t len, off_t at);
int disk_open(const char *path, int flags, int mode);
void *disk_malloc(size_t bytes);
void *disk_realloc(void *old, size_t bytes);

/* Those that Berkeley DB makes without room.c. */
void disk_faults_hook(void);

#else

static inline ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite(fd, bytes, len, at);
}

static inline ssize_t disk_pread(int fd, void *bytes, size_t len, off_t at)
{
    return pread(fd, bytes, len, at);
}

static inline int disk_open(const char *path, int flags, int mode)
{
    return open(path, flags, mode);
}

static inline void *disk_malloc(size_t bytes)
{
    return malloc(bytes);
}

static inline void *disk_realloc(void *old, size_t bytes)
{
    return realloc(old, bytes);
}

static inline void disk_faults_hook(void)
{
}

#endif
#endif
