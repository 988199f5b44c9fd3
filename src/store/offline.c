/* See gatepost/offline.h.
 *
 * Story of a restore: the manifest is read; its files are copied, each held against its sum, into a
 * directory of our own beside the place that they are for; a child process that is master.user
 * carries the log out on them, has Berkeley DB look at every page, reads every record and holds
 * every list against what it lists; only then does the directory take its name. Cut short anywhere,
 * there is a directory in the way that the next try removes. A verification is the same without the
 * last step; of a database that was stopped, or killed, the log is carried out as its next start
 * would do it. What was given is never written to.
 *
 * Berkeley DB ends a process that meets a damaged page; the parent makes a sentence of that. */
#include "gatepost/offline.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copying.h"
#include "durable.h"
#include "env.h"
#include "examine.h"

/* ---- the copy -----------------------------------------------------------------------------------
 */

static bool find_owner(struct work *work, struct err *err)
{
    const char *user = work->job->user;
    const struct passwd *entry;

    work->uid = geteuid();
    work->gid = getegid();
    if (user[0] == '\0' || geteuid() != 0)
        return true;
    entry = getpwnam(user);
    if (entry == NULL) {
        err_set(err, "master.user: there is no user %s", user);
        return false;
    }
    work->uid = entry->pw_uid;
    work->gid = entry->pw_gid;
    return true;
}

/* Which part of the log is wanted, and can it be had? */
static bool choose_logs(struct work *work, struct err *err)
{
    const struct backup_manifest *manifest = &work->manifest;
    const uint32_t until = work->job->until_log;

    if (until == 0 || until >= manifest->end.file)
        return true;
    if (until < manifest->base.file) {
        err_set(err,
                "the pages of this backup need the log up to log.%010" PRIu32
                ": an earlier point in time needs an earlier backup",
                manifest->base.file);
        return false;
    }
    work->cut = true;
    return true;
}

static bool manifest_is_complete(const struct backup_manifest *manifest, struct err *err)
{
    static const char *const tables[] = {
#define TABLE(NAME, file) file,
        TABLES(TABLE)
#undef TABLE
    };
    char name[BACKUP_LOG_NAME_BYTES];

    if (manifest->format > STORE_FORMAT) {
        err_set(err,
                "the backup has format %" PRIu32 ", this program reads and writes format %" PRIu32,
                manifest->format, STORE_FORMAT);
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (backup_file_find(manifest, tables[i]) == NULL && manifest->format == STORE_FORMAT) {
            err_set(err, "the manifest does not name %s", tables[i]);
            return false;
        }
    }
    if (manifest->log_first > manifest->base.file || manifest->base.file > manifest->end.file) {
        err_set(err, "the manifest has a log that ends before it begins");
        return false;
    }
    for (uint32_t file = manifest->log_first; file <= manifest->end.file; file++) {
        backup_log_name(file, name);
        if (file == 0 || backup_file_find(manifest, name) == NULL) {
            err_set(err, "the manifest does not name %s: the log has a hole", name);
            return false;
        }
    }
    return true;
}

static uint64_t bytes_of(const struct backup_manifest *manifest)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < manifest->count; i++)
        bytes += manifest->files[i].bytes;
    return bytes;
}

static bool note_end(const struct work *work, const struct copying *copying, struct err *err)
{
    const struct backup_place end = work->manifest.end;
    const struct log_end log_end = work->cut ? (struct log_end){work->job->until_log, 0}
                                             : (struct log_end){end.file, end.offset};

    if (durable_put_back(copying->to_fd, work->manifest.log_first, log_end))
        return true;
    err_set(err, "cannot write %s/durable: %s", work->job->work, strerror(errno));
    return false;
}

static enum offline_result copy_backup(struct work *work, int dir_fd, struct err *err)
{
    const struct offline_job *job = work->job;
    struct copying copying;
    bool damaged = false;
    int set_fd =
        openat(dir_fd, work->manifest.set, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (set_fd < 0) {
        err_set(err, "the manifest's %s: %s", work->manifest.set, strerror(errno));
        return OFFLINE_DAMAGED;
    }
    bool copied =
        copying_begin(&copying, job->work, bytes_of(&work->manifest), &job->listener, err) &&
        copying_backup(&copying, set_fd, &work->manifest, work->cut ? job->until_log : 0, &damaged,
                       err) &&
        note_end(work, &copying, err) && copying_end(&copying, work->uid, work->gid, err);
    copying_abandon(&copying);
    close(set_fd);
    if (copied)
        return OFFLINE_GOOD;
    return damaged ? OFFLINE_DAMAGED : OFFLINE_FAILED;
}

static enum offline_result copy_database(const struct work *work, struct err *err)
{
    const struct offline_job *job = work->job;
    struct copying copying = {.to_fd = -1};
    uint64_t bytes;
    bool copied = copying_measure(job->from, &bytes, err) &&
                  copying_begin(&copying, job->work, bytes, &job->listener, err) &&
                  copying_database(&copying, job->from, err) &&
                  copying_end(&copying, work->uid, work->gid, err);

    copying_abandon(&copying);
    return copied ? OFFLINE_GOOD : OFFLINE_FAILED;
}

/* A new backup takes the files of the one before away in the end. A file system that has no locks
 * has none for the backup either. */
static bool keep_backups_out(int dir_fd, const char *dir, struct err *err)
{
    if (flock(dir_fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return true;
    err_set(err, "a backup into %s is under way", dir);
    return false;
}

static enum offline_result copy_of(struct work *work, bool must_be_backup, struct err *err)
{
    const struct offline_job *job = work->job;
    enum offline_result result = OFFLINE_FAILED;
    int dir_fd = open(job->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir_fd < 0) {
        err_set(err, "cannot open %s: %s", job->from, strerror(errno));
        return OFFLINE_FAILED;
    }
    if (!keep_backups_out(dir_fd, job->from, err)) {
        close(dir_fd);
        return OFFLINE_FAILED;
    }
    switch (backup_manifest_read(dir_fd, &work->manifest, err)) {
    case BACKUP_OK:
        work->is_backup = true;
        if (!manifest_is_complete(&work->manifest, err))
            result = OFFLINE_DAMAGED;
        else if (choose_logs(work, err))
            result = copy_backup(work, dir_fd, err);
        break;
    case BACKUP_NONE:
        if (must_be_backup)
            err_set(err, "%s holds no whole backup: there is no " BACKUP_MANIFEST " in it",
                    job->from);
        else
            result = copy_database(work, err);
        break;
    case BACKUP_BAD:
        result = OFFLINE_DAMAGED;
        break;
    }
    close(dir_fd);
    return result;
}

/* Copies, and has the copy examined. */
static enum offline_result copy_and_examine(const struct offline_job *job, bool must_be_backup)
{
    struct work work = {.job = job};
    struct err err = {{0}};
    enum offline_result result = OFFLINE_FAILED;

    if (find_owner(&work, &err) && copying_remove(job->work, &err))
        result = copy_of(&work, must_be_backup, &err);
    if (result == OFFLINE_GOOD)
        result = examine_in_a_child(&work);
    else
        (void)work_say(job, result, err.text);
    backup_manifest_free(&work.manifest);
    return result;
}

/* ---- what main.c hands out ----------------------------------------------------------------------
 */

/* The names in a directory are on the disk. */
static void settle_parent(const char *path)
{
    char *parent = xstrdup(path);
    char *slash = strrchr(parent, '/');

    if (slash != NULL)
        *(slash == parent ? slash + 1 : slash) = '\0';
    int fd = open(slash != NULL ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(parent);
}

static enum offline_result cannot_move(const struct offline_job *job, const char *from,
                                       const char *to)
{
    char sentence[512];

    (void)snprintf(sentence, sizeof(sentence), "cannot move %s to %s: %s", from, to,
                   strerror(errno));
    return work_say(job, OFFLINE_FAILED, sentence);
}

/* The two change places in one step, so that there is a database all the while: a server that is
 * started where there is none begins an empty one. Cut short before it, what was restored has the
 * name of what was there, and nothing is lost. */
static bool change_places(const struct offline_job *job)
{
    if (rename(job->work, job->aside) != 0)
        return false;
    if (renameat2(AT_FDCWD, job->aside, AT_FDCWD, job->into, RENAME_EXCHANGE) == 0)
        return true;
    const int failure = errno;
    (void)rename(job->aside, job->work);
    errno = failure;
    return false;
}

/* Into the place of what is there, which is kept. */
static enum offline_result take_place(const struct offline_job *job)
{
    if (job->may_take_place != NULL && !job->may_take_place(job->listener.context))
        return OFFLINE_FAILED;
    if (rmdir(job->into) != 0 && errno != ENOENT && job->aside != NULL) {
        if (change_places(job)) {
            settle_parent(job->into);
            return OFFLINE_GOOD;
        }
        /* A file system that cannot: one after the other. */
        if ((errno != EINVAL && errno != ENOSYS) || rename(job->into, job->aside) != 0)
            return cannot_move(job, job->into, job->aside);
    }
    if (rename(job->work, job->into) != 0)
        return cannot_move(job, job->work, job->into);
    settle_parent(job->into);
    return OFFLINE_GOOD;
}

enum offline_result store_restore(const struct offline_job *job)
{
    enum offline_result result = copy_and_examine(job, true);

    return result == OFFLINE_GOOD ? take_place(job) : result;
}

enum offline_result store_verify(const struct offline_job *job)
{
    enum offline_result result = copy_and_examine(job, false);
    struct err err = {{0}};

    if (!copying_remove(job->work, &err))
        return work_say(job, result == OFFLINE_GOOD ? OFFLINE_FAILED : result, err.text);
    return result;
}
