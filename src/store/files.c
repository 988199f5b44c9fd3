/* See files.h.
 *
 * A new database: a mark, durable before there is anything else; the tables; a checkpoint; their
 * names; the mark is taken away, durable before anybody is answered. Why: Berkeley DB makes a file
 * under another name, logs that, and renames it. No sync covers the rename, and recovery that
 * repeats it syncs neither name nor bytes: after a power cut in the first start and another one in
 * the recovery from it, an empty users.db could be opened by no start any more; and a checkpoint
 * could pass a rename that was not on disk.
 *
 * A used one: a store that is killed leaves bytes in the page cache. Berkeley DB reads them as if
 * they were on disk: log records that recovery builds on, pages that it need not write again. A
 * power cut soon after the recovery then took what had been acknowledged. So everything is synced
 * first. Source: PostgreSQL's SyncDataDirectory does the same before crash recovery. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/backup.h"
#include "gatepost/log.h"
#include "sync.h"

#define MARK  "unfinished"
#define ASIDE "unfinished-files"

/* What a first start makes is far smaller: two pages a table, some records of log. */
#define TABLE_NEW_MAX_BYTES 8192
#define LOG_NEW_MAX_BYTES   (1 << 20)

static bool cannot(struct err *err, const char *what, const char *name)
{
    err_set(err, "store.dir: cannot %s %s: %s", what, name, strerror(errno));
    return false;
}

static bool is_table(const char *name)
{
    static const char *const files[] = {
#define TABLE(NAME, file) file,
        TABLES(TABLE)
#undef TABLE
    };

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (strcmp(name, files[i]) == 0)
            return true;
    }
    return false;
}

/* Files of the database; whatever else somebody put there is not ours to touch. */
static bool is_ours(const char *name)
{
    return is_table(name) || strncmp(name, "log.", 4) == 0 || strncmp(name, "__db.", 5) == 0;
}

bool files_is_data(const char *name)
{
    return is_table(name) || backup_log_number(name) != 0;
}

bool files_is_ours(const char *name)
{
    return is_ours(name) || strcmp(name, "durable") == 0 || strcmp(name, "backed-up") == 0 ||
           strcmp(name, MARK) == 0;
}

/* What is done to a file of ours. Returns false with errno. */
typedef bool (*file_fn)(struct env *env, int dir_fd, const char *name);

static bool for_each_file(struct env *env, const char *path, file_fn act, size_t *count_out,
                          struct err *err)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    bool done = true;

    *count_out = 0;
    if (!dir)
        return cannot(err, "read", path);
    while (done && (errno = 0, entry = readdir(dir))) {
        if (!is_ours(entry->d_name))
            continue;
        ++*count_out;
        if (act && !act(env, dirfd(dir), entry->d_name))
            done = cannot(err, "prepare", entry->d_name);
    }
    if (done && errno != 0)
        done = cannot(err, "read", path);
    closedir(dir);
    return done;
}

/* A mark that was left behind must not cost somebody the database that was restored beside it:
 * a server that starts empty gives every name away again. */
static bool file_is_young(struct env *env, int dir_fd, const char *name)
{
    struct stat file;
    bool is_log = strncmp(name, "log.", 4) == 0;

    (void)env;
    if (fstatat(dir_fd, name, &file, 0) != 0)
        return false;
    errno = EEXIST;
    if (is_log) /* made at its full length, and empty */
        return file.st_blocks <= LOG_NEW_MAX_BYTES / 512;
    return file.st_size <= TABLE_NEW_MAX_BYTES;
}

/* Not removed: what little there is may still be somebody's. */
static bool file_put_aside(struct env *env, int dir_fd, const char *name)
{
    char aside[sizeof(ASIDE) + NAME_MAX + 1];

    (void)env;
    snprintf(aside, sizeof(aside), ASIDE "/%s", name);
    return (mkdirat(dir_fd, ASIDE, 0700) == 0 || errno == EEXIST) &&
           renameat(dir_fd, name, dir_fd, aside) == 0;
}

/* The disk may take its time for each of them. */
static bool file_settle(struct env *env, int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return false;
    life_sign(env->segment, env->slot);
    sync_bytes(fd);
    close(fd);
    return true;
}

bool files_settle_names(const char *dir, struct err *err)
{
    return sync_names(dir) || cannot(err, "sync", dir);
}

static bool mark_path(const char *dir, char path[PATH_MAX], struct err *err)
{
    if (snprintf(path, PATH_MAX, "%s/" MARK, dir) < PATH_MAX)
        return true;
    err_set(err, "store.dir: the path is too long");
    return false;
}

static bool leave_mark(const char *mark, struct err *err)
{
    int fd = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return cannot(err, "make", mark);
    close(fd);
    return true;
}

bool files_prepare(struct env *env, const char *dir, bool *is_new_out, struct err *err)
{
    char mark[PATH_MAX];
    size_t count;

    if (!mark_path(dir, mark, err))
        return false;
    *is_new_out = access(mark, F_OK) == 0;
    if (*is_new_out) {
        if (!for_each_file(env, dir, file_is_young, &count, err)) {
            err_set(err,
                    "store.dir: %s says that the first start was cut short, but there is a "
                    "database in use beside it; if it is yours, remove that file",
                    mark);
            return false;
        }
        if (!for_each_file(env, dir, file_put_aside, &count, err))
            return false;
        log_warning("store.begun_anew",
                    "files=%zu put_aside=\"%s/" ASIDE "\" note=\"the first start was cut short\"",
                    count, dir);
    } else {
        if (!for_each_file(env, dir, file_settle, &count, err))
            return false;
        *is_new_out = count == 0;
        if (*is_new_out && !leave_mark(mark, err))
            return false;
    }
    return files_settle_names(dir, err);
}

bool files_born(const char *dir, struct err *err)
{
    char mark[PATH_MAX];

    if (!mark_path(dir, mark, err) || !files_settle_names(dir, err))
        return false;
    if (unlink(mark) != 0)
        return cannot(err, "remove", mark);
    return files_settle_names(dir, err);
}
