/* See copying.h. Files are made in a directory that is nobody else's, by descriptor, so root may do
 * it; they are given away when all is done. What is zero is left out: a log file has its full
 * length from its beginning. */
#include "copying.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "files.h"

#define PIECE_BYTES (256U * 1024)
#define SPARE_BYTES (16ULL << 20) /* a recovery writes, too */

static bool cannot(struct err *err, const char *what, const char *name)
{
    err_set(err, "cannot %s %s: %s", what, name, strerror(errno));
    return false;
}

bool copying_remove(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    bool done = true;

    if (dir == NULL)
        return errno == ENOENT || cannot(err, "open", path);
    while (done && (entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (!files_is_ours(name)) {
            err_set(err, "%s is no copy of a database: there is %s in it", path, name);
            done = false;
        } else if (unlinkat(fd, name, 0) != 0) {
            done = cannot(err, "remove", name);
        }
    }
    closedir(dir);
    return done && (rmdir(path) == 0 || cannot(err, "remove", path));
}

/* The one above may be the service user's, who can put another one in its place. */
static bool is_ours_alone(int dir_fd)
{
    struct stat status;

    return fstat(dir_fd, &status) == 0 && status.st_uid == geteuid() &&
           (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

bool copying_begin(struct copying *copying, const char *dir, uint64_t need_bytes,
                   const struct offline_listener *listener, struct err *err)
{
    struct statvfs vfs;

    *copying = (struct copying){.listener = listener, .to_fd = -1, .all = need_bytes};
    if (mkdir(dir, 0700) != 0)
        return cannot(err, "make", dir);
    copying->to_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (copying->to_fd < 0 || fstatvfs(copying->to_fd, &vfs) != 0)
        return cannot(err, "open", dir);
    if (!is_ours_alone(copying->to_fd)) {
        err_set(err, "%s was replaced by somebody", dir);
        return false;
    }
    const uint64_t room = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    if (room >= need_bytes + SPARE_BYTES)
        return true;
    err_set(err, "%s: the copy needs %llu MiB, there is room for %llu", dir,
            (unsigned long long)((need_bytes + SPARE_BYTES) >> 20),
            (unsigned long long)(room >> 20));
    return false;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static bool put(int fd, uint64_t at, const uint8_t *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        const ssize_t wrote = pwrite(fd, bytes + done, len - done, (off_t)(at + done));

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        done += (size_t)wrote;
    }
    return true;
}

/* bytes: so many of them. False: errno; 0 when there were fewer. */
static bool copy(struct copying *copying, int from, int to, uint64_t bytes, struct digest *digest)
{
    const struct offline_listener *listener = copying->listener;
    uint8_t *piece = xcalloc(1, PIECE_BYTES);
    uint64_t done = 0;
    bool good = true;

    while (good && done < bytes) {
        const uint64_t left = bytes - done;
        const ssize_t got =
            pread(from, piece, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES, (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = 0;
        good = got > 0 && (is_zero(piece, (size_t)got) || put(to, done, piece, (size_t)got));
        if (!good)
            break;
        digest_add(digest, piece, (size_t)got);
        done += (uint64_t)got;
        copying->done += (uint64_t)got;
        listener->on_progress(listener->context, "copying", copying->done, copying->all);
    }
    free(piece);
    return good && ftruncate(to, (off_t)bytes) == 0;
}

/* One file. short_out: it had fewer bytes. */
static bool copy_file(struct copying *copying, int from_dir, const char *name, uint64_t bytes,
                      uint8_t digest_out[DIGEST_BYTES], bool *short_out, struct err *err)
{
    struct digest *digest = digest_new();
    int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int to = from < 0 ? -1
                      : openat(copying->to_fd, name,
                               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    const bool copied = to >= 0 && copy(copying, from, to, bytes, digest);

    *short_out = from < 0 ? errno == ENOENT : !copied && errno == 0;
    if (!copied)
        (void)cannot(err, "copy", name);
    digest_end(&digest, digest_out);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return copied;
}

bool copying_backup(struct copying *copying, int set_fd, const struct backup_manifest *manifest,
                    uint32_t until_log, bool *damaged_out, struct err *err)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct backup_file *file = &manifest->files[i];
        uint8_t digest[DIGEST_BYTES];
        bool is_short;

        if (until_log != 0 && backup_log_number(file->name) > until_log)
            continue;
        if (!files_is_data(file->name)) {
            *damaged_out = true;
            err_set(err, "the manifest names %s, which is no file of a database", file->name);
            return false;
        }
        if (!copy_file(copying, set_fd, file->name, file->bytes, digest, &is_short, err)) {
            *damaged_out = is_short;
            if (is_short)
                err_set(err, "%s/%s is missing, or cut short", manifest->set, file->name);
            return false;
        }
        if (memcmp(digest, file->digest, sizeof(digest)) == 0)
            continue;
        *damaged_out = true;
        err_set(err, "%s/%s is not what the manifest says: its sum is another", manifest->set,
                file->name);
        return false;
    }
    return true;
}

/* For each file of a database. */
typedef bool (*database_file_fn)(void *context, int dir_fd, const char *name, uint64_t bytes,
                                 struct err *err);

static bool for_each(const char *from, database_file_fn act, void *context, struct err *err)
{
    DIR *dir = opendir(from);
    const struct dirent *entry;
    bool done = true;

    if (dir == NULL)
        return cannot(err, "read", from);
    while (done && (entry = readdir(dir)) != NULL) {
        struct stat status;

        if (!files_is_ours(entry->d_name) || strncmp(entry->d_name, "__db.", 5) == 0)
            continue;
        done = fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0
                   ? act(context, dirfd(dir), entry->d_name, (uint64_t)status.st_size, err)
                   : cannot(err, "look at", entry->d_name);
    }
    closedir(dir);
    return done;
}

static bool copy_one(void *context, int dir_fd, const char *name, uint64_t bytes, struct err *err)
{
    uint8_t digest[DIGEST_BYTES];
    bool is_short;

    return copy_file(context, dir_fd, name, bytes, digest, &is_short, err);
}

bool copying_database(struct copying *copying, const char *from, struct err *err)
{
    return for_each(from, copy_one, copying, err);
}

struct measure {
    uint64_t bytes;
    bool has_meta;
};

static bool measure_one(void *context, int dir_fd, const char *name, uint64_t bytes,
                        struct err *err)
{
    struct measure *measure = context;

    (void)dir_fd;
    (void)err;
    measure->bytes += bytes;
    measure->has_meta |= strcmp(name, "meta.db") == 0;
    return true;
}

bool copying_measure(const char *from, uint64_t *bytes_out, struct err *err)
{
    struct measure measure = {.bytes = 0};

    if (!for_each(from, measure_one, &measure, err))
        return false;
    *bytes_out = measure.bytes;
    if (!measure.has_meta)
        err_set(err, "%s is neither a database nor a backup", from);
    return measure.has_meta;
}

static bool settle_one(const struct copying *copying, const char *name, uid_t uid, gid_t gid,
                       struct err *err)
{
    int fd = openat(copying->to_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool done = fd >= 0 && fsync(fd) == 0 && (geteuid() != 0 || fchown(fd, uid, gid) == 0);

    if (!done)
        (void)cannot(err, "settle", name);
    if (fd >= 0)
        close(fd);
    return done;
}

bool copying_end(struct copying *copying, uid_t uid, gid_t gid, struct err *err)
{
    DIR *dir = fdopendir(dup(copying->to_fd));
    const struct dirent *entry;
    bool done = dir != NULL;

    if (!done)
        return cannot(err, "read", "the copy");
    rewinddir(dir);
    while (done && (entry = readdir(dir)) != NULL) {
        if (files_is_ours(entry->d_name))
            done = settle_one(copying, entry->d_name, uid, gid, err);
    }
    closedir(dir);
    if (done &&
        (fsync(copying->to_fd) != 0 || (geteuid() == 0 && fchown(copying->to_fd, uid, gid) != 0)))
        done = cannot(err, "settle", "the copy");
    copying_abandon(copying);
    return done;
}

void copying_abandon(struct copying *copying)
{
    if (copying->to_fd >= 0)
        close(copying->to_fd);
    copying->to_fd = -1;
}
