/* Copies of a database's directory. */
#ifndef TESTS_STORE_COPIES_H
#define TESTS_STORE_COPIES_H

#include <fcntl.h>
#include <sys/sendfile.h>

#include "store_rig.h"

/* Log files are mostly holes, and stay so. */
static inline void copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    struct stat stat;
    off_t at = 0;

    BUG_ON(in < 0 || out < 0 || fstat(in, &stat) != 0 || ftruncate(out, stat.st_size) != 0);
    while (at < stat.st_size && (at = lseek(in, at, SEEK_DATA)) >= 0) {
        off_t end = lseek(in, at, SEEK_HOLE);

        BUG_ON(end < 0 || lseek(out, at, SEEK_SET) < 0);
        while (at < end)
            BUG_ON(sendfile(out, in, &at, (size_t)(end - at)) <= 0);
    }
    close(in);
    close(out);
}

static const char *copy_target;

static inline int copy_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    char to[4096];

    (void)stat;
    if (type != FTW_F)
        return 0;
    BUG_ON(snprintf(to, sizeof(to), "%s/%s", copy_target, path + ftw->base) >= (int)sizeof(to));
    copy_file(path, to);
    return 0;
}

/* The files of one directory into another. */
static inline void copy_directory(const char *from, const char *to)
{
    copy_target = to;
    BUG_ON(nftw(from, copy_one, 8, FTW_PHYS) != 0);
}

static inline int remove_file(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)ftw;
    return type == FTW_F ? unlink(path) : 0;
}

static inline void empty_directory(const char *dir)
{
    BUG_ON(nftw(dir, remove_file, 8, FTW_PHYS) != 0);
}

#endif
