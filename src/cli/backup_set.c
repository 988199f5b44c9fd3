/* See backup_set.h.
 *
 * A full backup goes into a directory of its own, set-TIME, beside the one that is there; when all
 * of it is on the disk the manifest names it, and then the older one goes. An addition writes
 * behind the end of the newest log file and makes new ones: the manifest says how many bytes count,
 * so what an addition that was cut short left behind is written over by the next. */
#include "backup_set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gatepost/store_messages.h"

struct backup_set {
    int dir_fd;
    int set_fd;
    bool logs_only;
    bool finished;
    struct backup_manifest manifest;
    /* the file at hand: */
    int fd; /* -1: none */
    char name[BACKUP_NAME_BYTES];
    uint64_t bytes;
    struct digest *digest;
};

static bool cannot(struct err *err, const char *what, const char *name)
{
    err_set(err, "cannot %s %s: %s", what, name, strerror(errno));
    return false;
}

/* ---- opening ------------------------------------------------------------------------------------
 */

static bool is_ours(const char *name)
{
    return strcmp(name, BACKUP_MANIFEST) == 0 || strcmp(name, BACKUP_MANIFEST ".new") == 0 ||
           strncmp(name, BACKUP_SET_PREFIX, sizeof(BACKUP_SET_PREFIX) - 1) == 0;
}

/* Nothing of anybody else's lies there. */
static bool is_for_backups(struct backup_set *set, const char *path, struct err *err)
{
    DIR *dir = fdopendir(dup(set->dir_fd));
    const struct dirent *entry;
    bool fine = true;

    if (dir == NULL)
        return cannot(err, "read", path);
    rewinddir(dir);
    while (fine && (entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_ours(name))
            continue;
        err_set(err, "%s is neither empty nor a backup: there is %s in it", path, name);
        fine = false;
    }
    closedir(dir);
    return fine;
}

static bool open_dir(struct backup_set *set, const char *path, struct err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return cannot(err, "make", path);
    set->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (set->dir_fd < 0)
        return cannot(err, "open", path);
    if (flock(set->dir_fd, LOCK_EX | LOCK_NB) != 0) {
        err_set(err, "another backup into %s, or a restore from it, is under way", path);
        return false;
    }
    return is_for_backups(set, path, err);
}

static void remove_set(const struct backup_set *set, const char *name)
{
    int fd = openat(set->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (backup_name_is_good(entry->d_name))
            (void)unlinkat(fd, entry->d_name, 0);
    }
    closedir(dir);
    (void)unlinkat(set->dir_fd, name, AT_REMOVEDIR);
}

/* All but the one of that name. */
static void remove_other_sets(const struct backup_set *set, const char *kept)
{
    DIR *dir = fdopendir(dup(set->dir_fd));
    const struct dirent *entry;

    if (dir == NULL)
        return;
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, BACKUP_SET_PREFIX, sizeof(BACKUP_SET_PREFIX) - 1) == 0 &&
            strcmp(entry->d_name, kept) != 0)
            remove_set(set, entry->d_name);
    }
    closedir(dir);
}

/* What backups that were killed left behind: it takes room that this one needs. Beside a manifest
 * that cannot be read, nothing is touched. */
static void remove_leftovers(const struct backup_set *set)
{
    struct backup_manifest manifest = {.count = 0};
    struct err why = {{0}};

    if (backup_manifest_read(set->dir_fd, &manifest, &why) == BACKUP_BAD)
        return;
    remove_other_sets(set, manifest.set);
    backup_manifest_free(&manifest);
}

/* A name that is not there yet: a second is a long time, but somebody may try again in it. */
static bool make_set(struct backup_set *set, struct err *err)
{
    const time_t now = time(NULL);
    struct tm parts;

    remove_leftovers(set);
    gmtime_r(&now, &parts);
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(set->manifest.set, sizeof(set->manifest.set),
                       BACKUP_SET_PREFIX "%04d%02d%02dt%02d%02d%02dz-%u", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       i);
        if (mkdirat(set->dir_fd, set->manifest.set, 0700) == 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    return cannot(err, "make", set->manifest.set);
}

static bool find_set(struct backup_set *set, const char *path, struct err *err)
{
    struct err why = {{0}};

    switch (backup_manifest_read(set->dir_fd, &set->manifest, &why)) {
    case BACKUP_OK:
        return true;
    case BACKUP_NONE:
        err_set(err, "%s holds no whole backup to add to: make a full one first", path);
        return false;
    case BACKUP_BAD:
        err_set(err, "%s: %s", path, why.text);
        return false;
    }
    return false;
}

struct backup_set *backup_set_open(const char *dir, bool logs_only, struct err *err)
{
    struct backup_set *set = xcalloc(1, sizeof(*set));

    set->dir_fd = set->set_fd = set->fd = -1;
    set->logs_only = logs_only;
    bool opened =
        open_dir(set, dir, err) && (logs_only ? find_set(set, dir, err) : make_set(set, err));
    if (opened) {
        set->set_fd =
            openat(set->dir_fd, set->manifest.set, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        opened = set->set_fd >= 0 || cannot(err, "open", set->manifest.set);
    }
    if (!opened)
        backup_set_close(&set);
    return set;
}

const struct backup_manifest *backup_set_manifest(const struct backup_set *set)
{
    return &set->manifest;
}

/* ---- what comes ---------------------------------------------------------------------------------
 */

static void end_file(struct backup_set *set)
{
    if (set->fd < 0)
        return;
    struct backup_file *file = backup_file_of(&set->manifest, set->name);

    file->bytes = set->bytes;
    digest_end(&set->digest, file->digest);
    close(set->fd);
    set->fd = -1;
}

static void count_bytes(struct backup_set *set, const void *bytes, size_t len)
{
    digest_add(set->digest, bytes, len);
    set->bytes += len;
}

/* The first `bytes` bytes that are there already. */
static bool count_known(struct backup_set *set, uint64_t bytes)
{
    enum { PIECE = 1 << 18 };
    uint8_t *piece = xcalloc(1, PIECE);
    ssize_t got = 1;

    while (set->bytes < bytes && got > 0) {
        const uint64_t left = bytes - set->bytes;

        got = pread(set->fd, piece, left < PIECE ? (size_t)left : PIECE, (off_t)set->bytes);
        if (got > 0)
            count_bytes(set, piece, (size_t)got);
    }
    free(piece);
    if (got == 0)
        errno = EIO;
    return set->bytes == bytes;
}

/* The newest log file of the backup grows; any other file is new. */
static bool begin_file(struct backup_set *set, const char name[BACKUP_NAME_BYTES], struct err *err)
{
    const struct backup_file *known = backup_file_find(&set->manifest, name);
    const bool grows =
        set->logs_only && known != NULL && backup_log_number(name) == set->manifest.end.file;

    if (!backup_name_is_good(name) || (known != NULL && !grows) ||
        set->manifest.count == BACKUP_FILES_MAX) {
        err_set(err, "the server sent a file that makes no sense");
        return false;
    }
    memcpy(set->name, name, sizeof(set->name));
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW |
                      (grows            ? 0
                       : set->logs_only ? O_CREAT | O_TRUNC
                                        : O_CREAT | O_EXCL);
    set->fd = openat(set->set_fd, name, flags, 0600);
    if (set->fd < 0)
        return cannot(err, "open", name);
    set->digest = digest_new();
    set->bytes = 0;
    if (grows && (ftruncate(set->fd, (off_t)known->bytes) != 0 || !count_known(set, known->bytes) ||
                  lseek(set->fd, (off_t)known->bytes, SEEK_SET) < 0))
        return cannot(err, "add to", name);
    return true;
}

static bool take_data(struct backup_set *set, struct slice body, struct err *err)
{
    struct unpacker unpacker = unpacker_over(body);
    const uint64_t offset = unpack_u64(&unpacker);

    if (unpacker.bad || set->fd < 0 || offset != set->bytes) {
        err_set(err, "the server's stream makes no sense at %s", set->name);
        return false;
    }
    if (!fd_write_all(set->fd, unpacker.bytes, unpacker.len))
        return cannot(err, "write", set->name);
    count_bytes(set, unpacker.bytes, unpacker.len);
    return true;
}

static bool take_summary(struct backup_set *set, struct slice body, struct err *err)
{
    struct backup_summary summary;
    struct backup_manifest *manifest = &set->manifest;

    if (!backup_summary_unpack(body, &summary) || summary.audit_chain.len != DIGEST_BYTES) {
        err_set(err, "the server's stream makes no sense at its end");
        return false;
    }
    (void)snprintf(manifest->version, sizeof(manifest->version), "%s", GATEPOST_VERSION);
    manifest->format = summary.format;
    manifest->ended = clock_wall_ms();
    manifest->users = summary.users;
    manifest->audit_events = summary.audit_events;
    memcpy(manifest->audit_chain, summary.audit_chain.at, DIGEST_BYTES);
    manifest->end = (struct backup_place){summary.end_file, summary.end_offset};
    if (!set->logs_only) {
        manifest->began = summary.began;
        manifest->log_first = summary.log_first;
        manifest->base = manifest->end;
    }
    return true;
}

enum backup_set_status backup_set_take(struct backup_set *set, enum backup_frame kind,
                                       struct slice body, struct err *err)
{
    char name[BACKUP_NAME_BYTES];
    char text[512];

    switch (kind) {
    case BACKUP_FRAME_FILE:
        end_file(set);
        if (!slice_to_text(body, name, sizeof(name)))
            name[0] = '\0';
        return begin_file(set, name, err) ? BACKUP_SET_MORE : BACKUP_SET_WRONG;
    case BACKUP_FRAME_DATA:
        return take_data(set, body, err) ? BACKUP_SET_MORE : BACKUP_SET_WRONG;
    case BACKUP_FRAME_END:
        end_file(set);
        return take_summary(set, body, err) ? BACKUP_SET_WHOLE : BACKUP_SET_WRONG;
    case BACKUP_FRAME_FAIL:
        err_set(err, "%s", slice_to_text(body, text, sizeof(text)) ? text : "the server gave up");
        return BACKUP_SET_WRONG;
    }
    return BACKUP_SET_WRONG;
}

/* ---- the end ------------------------------------------------------------------------------------
 */

static bool settle_files(const struct backup_set *set, struct err *err)
{
    for (size_t i = 0; i < set->manifest.count; i++) {
        const char *name = set->manifest.files[i].name;
        int fd = openat(set->set_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        const bool settled = fd >= 0 && fsync(fd) == 0;

        if (!settled)
            (void)cannot(err, "write", name);
        if (fd >= 0)
            close(fd);
        if (!settled)
            return false;
    }
    return fsync(set->set_fd) == 0 || cannot(err, "write", set->manifest.set);
}

bool backup_set_finish(struct backup_set *set, struct err *err)
{
    if (!settle_files(set, err) || !backup_manifest_write(set->dir_fd, &set->manifest, err))
        return false;
    set->finished = true;
    remove_other_sets(set, set->manifest.set);
    return true;
}

void backup_set_close(struct backup_set **set_io)
{
    struct backup_set *set = *set_io;

    if (set == NULL)
        return;
    if (set->fd >= 0)
        close(set->fd);
    digest_free(&set->digest);
    if (set->set_fd >= 0) {
        if (!set->finished && !set->logs_only)
            remove_set(set, set->manifest.set);
        close(set->set_fd);
    }
    if (set->dir_fd >= 0)
        close(set->dir_fd);
    backup_manifest_free(&set->manifest);
    free(set);
    *set_io = NULL;
}
