/* See backup_thread.h.
 *
 * Story: which log files a recovery would need now, and they stay; of each table its file, by
 * Berkeley DB's own copy, which keeps pages from being written while it reads them; then the log is
 * flushed, and all of it from that first file up to its end follows. A page that changed meanwhile
 * is in the copy as it was or as it is; the log makes it right (DB_RECOVER_FATAL).
 *
 * While Berkeley DB hands out a stretch of a file, no checkpoint can write a page of it, and who
 * takes the stream may be slow. So the hook waits for room a moment only; then it makes Berkeley DB
 * leave the file, waits outside, and begins the file again, without what has gone out already: a
 * page may be older than its neighbour, that is what the log is for. */
#include "backup_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive.h"
#include "gatepost/backup.h"
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/proc.h"

#define CHUNK_BYTES (256U * 1024)
#define FRAME_ROOM  (CHUNK_BYTES + 64U)
#define PAGE_BYTES  4096U
#define MOMENT_MS   200U /* a checkpoint can wait so long for a stretch of pages */

/* ---- frames -------------------------------------------------------------------------------------
 */

static void put_head(struct backup *backup, enum backup_frame kind, size_t len)
{
    uint8_t head[BACKUP_FRAME_HEAD_BYTES];
    struct packer packer = packer_over(head, sizeof(head));

    pack_u8(&packer, (uint8_t)kind);
    pack_u32(&packer, (uint32_t)len);
    backup_pipe_put(backup->pipe, head, packer.len);
}

static bool put_frame(struct backup *backup, enum backup_frame kind, struct slice body)
{
    if (backup_pipe_wait(backup->pipe, FRAME_ROOM, 0) != PIPE_ROOM)
        return false;
    put_head(backup, kind, body.len);
    backup_pipe_put(backup->pipe, body.at, body.len);
    return true;
}

/* There is room for it. */
static void put_data(struct backup *backup, const uint8_t *bytes, size_t len)
{
    uint8_t offset[8];
    struct packer packer = packer_over(offset, sizeof(offset));

    pack_u64(&packer, backup->sent);
    put_head(backup, BACKUP_FRAME_DATA, sizeof(offset) + len);
    backup_pipe_put(backup->pipe, offset, sizeof(offset));
    backup_pipe_put(backup->pipe, bytes, len);
    backup->sent += len;
}

static void put_failure(struct backup *backup, const char *sentence)
{
    log_warning("backup.failed", "reason=\"%s\"", sentence);
    (void)put_frame(backup, BACKUP_FRAME_FAIL, slice_of_text(sentence));
}

/* ---- tables -------------------------------------------------------------------------------------
 */

static void set_pausing(struct backup *backup, bool pausing)
{
    pthread_mutex_lock(&backup->mutex);
    backup->pausing = pausing;
    pthread_mutex_unlock(&backup->mutex);
}

bool backup_is_pausing(struct backup *backup)
{
    pthread_mutex_lock(&backup->mutex);
    const bool pausing = backup->pausing && pthread_equal(pthread_self(), backup->thread);
    pthread_mutex_unlock(&backup->mutex);
    return pausing;
}

static int on_file_open(DB_ENV *db_env, const char *name, const char *target, void **handle)
{
    struct env *env = db_env->app_private;

    (void)name;
    (void)target;
    *handle = env->backup;
    return 0;
}

static int on_file_close(DB_ENV *db_env, const char *name, void *handle)
{
    (void)db_env;
    (void)name;
    (void)handle;
    return 0;
}

/* Each page carries its own number, or was never written. A copy in which one lies elsewhere would
 * be made worse by the log, not better. */
static bool pages_are_in_place(uint64_t offset, const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at + PAGE_BYTES <= len; at += PAGE_BYTES) {
        uint32_t lsn_file;
        uint32_t number;

        memcpy(&lsn_file, bytes + at, sizeof(lsn_file));
        memcpy(&number, bytes + at + 8, sizeof(number));
        if (number != (offset + at) / PAGE_BYTES && (number != 0 || lsn_file != 0))
            return false;
    }
    return len % PAGE_BYTES == 0;
}

static int on_file_write(DB_ENV *db_env, u_int32_t gigabytes, u_int32_t rest, u_int32_t len,
                         u_int8_t *bytes, void *handle)
{
    struct backup *backup = handle;
    const uint64_t offset = ((uint64_t)gigabytes << 30) + rest;

    (void)db_env;
    FAULT("s.backup_page");
    if (offset + len <= backup->sent)
        return 0;
    const size_t known = backup->sent > offset ? (size_t)(backup->sent - offset) : 0;

    if (offset > backup->sent || !pages_are_in_place(offset, bytes, len)) {
        backup->misplaced = true;
        return EIO;
    }
    switch (backup_pipe_wait(backup->pipe, FRAME_ROOM, MOMENT_MS)) {
    case PIPE_ROOM:
        put_data(backup, bytes + known, len - known);
        return 0;
    case PIPE_FULL:
        break;
    case PIPE_CLOSED:
        backup->deserted = true;
        break;
    }
    set_pausing(backup, true);
    return EAGAIN;
}

/* Returns 0 when all of it has gone out. */
static int send_table(struct backup *backup, const char *name)
{
    DB_ENV *db_env = backup->env->db_env;
    int failure = EAGAIN;

    backup->sent = 0;
    if (!put_frame(backup, BACKUP_FRAME_FILE, slice_of_text(name)))
        return ECANCELED;
    while (failure == EAGAIN && !backup->deserted && !backup->misplaced) {
        if (backup_pipe_wait(backup->pipe, FRAME_ROOM, 0) != PIPE_ROOM)
            return ECANCELED;
        failure = db_env->dbbackup(db_env, name, backup->dir, 0);
        set_pausing(backup, false);
        if (failure == DB_RUNRECOVERY)
            env_panic(failure);
    }
    return backup->deserted ? ECANCELED : failure;
}

static int send_tables(struct backup *backup)
{
    static const char *const names[] = {
#define TABLE(NAME, file) file,
        TABLES(TABLE)
#undef TABLE
    };
    int failure = 0;

    for (size_t i = 0; i < ARRAY_LEN(names) && failure == 0; i++)
        failure = send_table(backup, names[i]);
    return failure;
}

/* ---- the log ------------------------------------------------------------------------------------
 */

static int open_log(const struct backup *backup, uint32_t file, uint64_t *bytes_out)
{
    char path[4096];
    char name[BACKUP_LOG_NAME_BYTES];
    struct stat status;

    backup_log_name(file, name);
    (void)snprintf(path, sizeof(path), "%s/%s", backup->dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &status) == 0)
        *bytes_out = (uint64_t)status.st_size;
    return fd;
}

/* From what was sent on. Returns 0 or what failed. */
static int send_bytes(struct backup *backup, int fd, uint64_t until)
{
    uint8_t *chunk = xcalloc(1, CHUNK_BYTES);
    int failure = 0;

    while (failure == 0 && backup->sent < until) {
        const uint64_t left = until - backup->sent;
        const ssize_t got =
            pread(fd, chunk, left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, (off_t)backup->sent);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            failure = got < 0 ? errno : EIO;
        else if (backup_pipe_wait(backup->pipe, FRAME_ROOM, 0) != PIPE_ROOM)
            failure = ECANCELED;
        else
            put_data(backup, chunk, (size_t)got);
    }
    free(chunk);
    return failure;
}

static int send_log(struct backup *backup, uint32_t file, uint64_t from)
{
    char name[BACKUP_LOG_NAME_BYTES];
    uint64_t bytes = 0;
    int fd = open_log(backup, file, &bytes);
    int failure = fd < 0 ? errno : 0;

    backup_log_name(file, name);
    backup->sent = from;
    if (failure == 0 && !put_frame(backup, BACKUP_FRAME_FILE, slice_of_text(name)))
        failure = ECANCELED;
    if (failure == 0)
        failure = send_bytes(backup, fd, file == backup->end.file ? backup->end.offset : bytes);
    if (fd >= 0)
        close(fd);
    return failure;
}

/* All of the log up to an end that is on disk. Where the disk has no room for the newest of it, up
 * to where that begins: no page that was read is newer, and the backup may be what makes room. */
static int send_logs(struct backup *backup, uint32_t first, uint64_t from)
{
    DB_ENV *db_env = backup->env->db_env;

    backup->end = durable_end_of_log(db_env);
    int failure = db_env->log_flush(db_env, NULL);
    if (failure == DB_RUNRECOVERY)
        env_panic(failure);
    if (failure == ENOSPC || failure == EDQUOT) {
        backup->end = durable_end_on_disk(db_env);
        failure = backup->end.file == 0 ? failure : 0;
    }
    for (uint32_t file = first; failure == 0 && file <= backup->end.file; file++)
        failure = send_log(backup, file, file == first ? from : 0);
    return failure;
}

/* Is the log that the backup ends with the one that is here, and is its next byte still here? */
static bool log_goes_on(struct backup *backup, struct err *err)
{
    const struct log_end from = backup->order.from;
    const struct log_end end = durable_end_of_log(backup->env->db_env);
    uint8_t digest[DIGEST_BYTES];
    uint64_t bytes = 0;
    int fd = open_log(backup, from.file, &bytes);

    if (fd < 0) {
        err_set(err,
                "log.%010" PRIu32 " is not there any more, so there would be a hole: make a full "
                "backup (store.archive = yes keeps log files until a backup has them)",
                from.file);
        return false;
    }
    const bool reaches =
        from.file < end.file || (from.file == end.file && from.offset <= end.offset);
    const bool same = reaches && backup_digest(fd, from.offset, digest, NULL, NULL) &&
                      memcmp(digest, backup->order.digest, sizeof(digest)) == 0;
    close(fd);
    if (!same)
        err_set(err, "the backup's log is not this database's: make a full backup");
    return same;
}

/* ---- the thread ---------------------------------------------------------------------------------
 */

static void send_summary(struct backup *backup, uint32_t first)
{
    uint8_t bytes[256];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    backup->summary.log_first = first;
    backup->summary.end_file = backup->end.file;
    backup->summary.end_offset = backup->end.offset;
    backup_summary_pack(&packer, &backup->summary);
    BUG_ON(packer.overflow);
    (void)put_frame(backup, BACKUP_FRAME_END, packer_slice(&packer));
}

static int send_all(struct backup *backup)
{
    uint32_t first = 0;
    int failure = durable_first_needed(backup->env->db_env, &first);

    if (failure == 0) {
        archive_pin(backup->env->archive, first);
        failure = send_tables(backup);
    }
    FAULT("s.backup_tables");
    if (failure == 0)
        failure = send_logs(backup, first, 0);
    if (failure == 0)
        send_summary(backup, first);
    return failure;
}

static int send_newer(struct backup *backup)
{
    struct err err = {{0}};
    int failure;

    if (!log_goes_on(backup, &err)) {
        put_failure(backup, err.text);
        return 0;
    }
    failure = send_logs(backup, backup->order.from.file, backup->order.from.offset);
    if (failure == 0)
        send_summary(backup, backup->order.from.file);
    return failure;
}

void *backup_run(void *argument)
{
    struct backup *backup = argument;
    int failure = backup->order.logs_only ? send_newer(backup) : send_all(backup);

    if (backup->misplaced)
        put_failure(backup, "a page is not where it belongs: run `gatepost verify` on a copy");
    else if (failure != 0 && failure != ECANCELED)
        put_failure(backup, db_strerror(failure));
    archive_pin(backup->env->archive, 0);
    backup_pipe_finish(backup->pipe);
    return NULL;
}

int backup_hook(DB_ENV *db_env)
{
    int failure = db_env->set_backup_callbacks(db_env, on_file_open, on_file_write, on_file_close);

    return failure != 0 ? failure : db_env->set_backup_config(db_env, DB_BACKUP_SIZE, CHUNK_BYTES);
}
