/* See durable.h. Source: __log_recover in log.c of Berkeley DB 5.3, which reads to the end of the
 * log with DB_LOG_SILENT_ERR. */
#include "durable.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "env.h"
#include "gatepost/log.h"
#include "sync.h"

#define NOTE_NAME "durable"
/* Two lines of text, each number twice, so that what is half there is not taken for one: where the
 * log ends; the first file that is needed. Two threads write, a line each. */
#define PLACE        "%010" PRIu32 "/%010" PRIu32
#define END_FORMAT   PLACE " " PLACE "\n"
#define END_BYTES    44
#define FIRST_FORMAT "%010" PRIu32 " %010" PRIu32 "\n"
#define FIRST_BYTES  22

static durable_write_fn note_write = pwrite;

void durable_replace_write(durable_write_fn write)
{
    note_write = write;
}

static void note_path(const char *dir, char path_out[4096])
{
    (void)snprintf(path_out, 4096, "%s/" NOTE_NAME, dir);
}

void durable_note(int fd, struct log_end end)
{
    char text[END_BYTES + 1];

    if (fd < 0 || end.file == 0)
        return;
    (void)snprintf(text, sizeof(text), END_FORMAT, end.file, end.offset, end.file, end.offset);
    /* One that fails leaves the one before, which is true as well. */
    (void)note_write(fd, text, END_BYTES, 0);
}

static bool note_first(int fd, uint32_t first)
{
    char text[FIRST_BYTES + 1];

    (void)snprintf(text, sizeof(text), FIRST_FORMAT, first, first);
    if (note_write(fd, text, FIRST_BYTES, END_BYTES) != FIRST_BYTES)
        return false;
    sync_bytes(fd);
    return true;
}

/* The number of the first, or the last, log file of a list that log_archive makes; 0: none. */
static int listed_log(DB_ENV *db_env, uint32_t flags, bool last, uint32_t *file_out)
{
    char **list = NULL;
    int failure = db_env->log_archive(db_env, &list, flags);

    *file_out = 0;
    for (char **name = list; failure == 0 && name && *name; name++) {
        uint32_t file = 0;

        if (sscanf(*name, "log.%10" SCNu32, &file) == 1 && (last || *file_out == 0))
            *file_out = file;
    }
    free(list);
    return failure;
}

int durable_open(DB_ENV *db_env, const char *dir)
{
    char path[4096];
    uint32_t first;
    int fd;

    note_path(dir, path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && listed_log(db_env, DB_ARCH_LOG, false, &first) == 0 && note_first(fd, first))
        return fd;
    log_warning("store.note_refused", "reason=\"%s\"", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Those before `first_kept`. What cannot be removed now is tried again after the next checkpoint.
 */
static int remove_before(DB_ENV *db_env, uint32_t first_kept, uint64_t *kept_out)
{
    char **list = NULL;
    int failure = db_env->log_archive(db_env, &list, DB_ARCH_ABS);

    *kept_out = 0;
    for (char **path = list; failure == 0 && path && *path; path++) {
        const char *name = strrchr(*path, '/');
        uint32_t file = 0;

        if (name == NULL || sscanf(name, "/log.%10" SCNu32, &file) != 1)
            continue;
        if (file >= first_kept)
            ++*kept_out;
        else if (unlink(*path) != 0)
            failure = errno;
    }
    free(list);
    return failure;
}

int durable_remove_old(DB_ENV *db_env, int fd, uint32_t first_kept, uint64_t *kept_out)
{
    uint32_t last;
    int failure = listed_log(db_env, 0, true, &last);

    *kept_out = 0;
    if (failure != 0 || last == 0)
        return failure;
    if (fd >= 0 && !note_first(fd, last + 1))
        return errno;
    if (first_kept != 0)
        return remove_before(db_env, first_kept, kept_out);
    return db_env->log_archive(db_env, NULL, DB_ARCH_REMOVE);
}

int durable_first_needed(DB_ENV *db_env, uint32_t *file_out)
{
    uint32_t last;
    int failure = listed_log(db_env, 0, true, &last);

    if (failure == 0 && last == 0)
        return listed_log(db_env, DB_ARCH_LOG, false, file_out);
    if (failure == 0)
        *file_out = last + 1;
    return failure;
}

bool durable_put_back(int dir_fd, uint32_t first, struct log_end end)
{
    char text[END_BYTES + FIRST_BYTES + 1];

    (void)snprintf(text, sizeof(text), END_FORMAT FIRST_FORMAT, end.file, end.offset, end.file,
                   end.offset, first, first);
    int fd = openat(dir_fd, NOTE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool done = fd >= 0 && fd_write_all(fd, text, END_BYTES + FIRST_BYTES);
    if (fd >= 0)
        close(fd);
    return done;
}

struct log_end durable_end_of_log(DB_ENV *db_env)
{
    struct log_end end = {0, 0};
    DB_LOG_STAT *stat;

    if (db_env->log_stat(db_env, &stat, 0) != 0)
        return end;
    end.file = stat->st_cur_file;
    end.offset = stat->st_cur_offset;
    free(stat);
    return end;
}

struct log_end durable_end_on_disk(DB_ENV *db_env)
{
    struct log_end end = {0, 0};
    DB_LOG_STAT *stat;

    if (db_env->log_stat(db_env, &stat, 0) != 0)
        return end;
    end.file = stat->st_disk_file;
    end.offset = stat->st_disk_offset;
    free(stat);
    return end;
}

struct note {
    struct log_end end;
    uint32_t first;
};

/* False when there is none that makes sense: a new database, or one restored from a backup. */
static bool read_note(const char *dir, struct note *note_out)
{
    char path[4096];
    char text[END_BYTES + FIRST_BYTES + 1] = {0};
    struct note note;
    struct note again;
    int fd;

    note_path(dir, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    (void)!pread(fd, text, sizeof(text) - 1, 0);
    close(fd);
    if (sscanf(text,
               "%10" SCNu32 "/%10" SCNu32 " %10" SCNu32 "/%10" SCNu32 "\n%10" SCNu32 " %10" SCNu32,
               &note.end.file, &note.end.offset, &again.end.file, &again.end.offset, &note.first,
               &again.first) != 6)
        return false;
    if (note.end.file != again.end.file || note.end.offset != again.end.offset ||
        note.first != again.first)
        return false;
    *note_out = note;
    return true;
}

/* An environment of the log alone finds the end of it as recovery would, and writes nothing. */
static int find_end(const char *dir, struct log_end *end_out)
{
    DB_ENV *db_env;
    int failure = db_env_create(&db_env, 0);

    if (failure != 0)
        return failure;
    failure = env_listen(db_env);
    if (failure == 0)
        failure = db_env->open(db_env, dir, DB_CREATE | DB_PRIVATE | DB_INIT_LOG, 0600);
    if (failure == 0)
        *end_out = durable_end_of_log(db_env);
    (void)db_env->close(db_env, 0);
    return failure;
}

static bool is_missing(const char *dir, const struct note *note, uint32_t *file_out)
{
    char path[4096];

    for (uint32_t file = note->first; file <= note->end.file; file++) {
        (void)snprintf(path, sizeof(path), "%s/log.%010" PRIu32, dir, file);
        if (access(path, F_OK) != 0) {
            *file_out = file;
            return true;
        }
    }
    return false;
}

bool durable_check(const char *dir, struct err *err)
{
    struct note note;
    struct log_end found;
    uint32_t file;
    int failure;

    if (!read_note(dir, &note))
        return true;
    if (is_missing(dir, &note, &file)) {
        err_set(err, "store.dir %s: log.%010" PRIu32 " is missing; restore the whole directory",
                dir, file);
        return false;
    }
    failure = find_end(dir, &found);
    if (failure != 0) {
        err_set(err, "store.dir %s: the log cannot be read: %s", dir, db_strerror(failure));
        return false;
    }
    if (found.file > note.end.file ||
        (found.file == note.end.file && found.offset >= note.end.offset))
        return true;
    err_set(err,
            "store.dir %s: log.%010" PRIu32 " is damaged at %" PRIu32
            ": the log was on disk up to " PLACE "; restore the whole directory",
            dir, found.file, found.offset, note.end.file, note.end.offset);
    return false;
}
