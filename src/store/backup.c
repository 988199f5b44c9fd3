/* See backup.h: the main thread's side. A backup is begun, taken byte by byte from the pipe, and
 * ended by its taker, or by nobody having asked for it for a while. */
#include "backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "archive.h"
#include "backup_thread.h"
#include "gatepost/log.h"

#define DESERTED_NS (60 * NS_PER_S)

struct backup *backup_new(struct env *env, const char *dir)
{
    struct backup *backup = xcalloc(1, sizeof(*backup));

    backup->env = env;
    backup->dir = dir;
    pthread_mutex_init(&backup->mutex, NULL);
    BUG_ON(backup_hook(env->db_env) != 0);
    return backup;
}

void backup_stop(struct backup *backup)
{
    if (!backup->running)
        return;
    backup_pipe_close(backup->pipe);
    pthread_join(backup->thread, NULL);
    backup_pipe_free(&backup->pipe);
    backup->running = false;
}

void backup_free(struct backup **backup)
{
    if (*backup == NULL)
        return;
    backup_stop(*backup);
    pthread_mutex_destroy(&(*backup)->mutex);
    free(*backup);
    *backup = NULL;
}

static uint64_t bytes_of(const struct backup *backup, const char *name)
{
    char path[4096];
    struct stat status;

    (void)snprintf(path, sizeof(path), "%s/%s", backup->dir, name);
    return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* Tables, and the log from its first file to its end. */
static uint64_t estimate(const struct backup *backup)
{
    const struct log_end end = durable_end_of_log(backup->env->db_env);
    const struct log_end from = backup->order.from;
    uint32_t first = 0;
    uint64_t bytes = 0;

    if (backup->order.logs_only) {
        if (from.file > end.file)
            return 0;
        bytes = (end.file - from.file) * LOG_FILE_BYTES + end.offset;
        return bytes > from.offset ? bytes - from.offset : 0;
    }
#define TABLE(NAME, file) bytes += bytes_of(backup, (file));
    TABLES(TABLE)
#undef TABLE
    if (durable_first_needed(backup->env->db_env, &first) == 0 && first <= end.file)
        bytes += (end.file - first) * LOG_FILE_BYTES + end.offset;
    return bytes;
}

/* What is told of the database is of now: the backup has at least that. */
static void take_down(struct backup *backup)
{
    const struct env *env = backup->env;

    memcpy(backup->chain, env->audit.chain, sizeof(backup->chain));
    backup->summary = (struct backup_summary){
        .format = STORE_FORMAT,
        .users = env->tally.users,
        .audit_events = env->audit.next,
        .audit_chain = slice_of(backup->chain, sizeof(backup->chain)),
        .began = clock_wall_ms(),
    };
}

bool backup_begin(struct backup *backup, const struct backup_order *order, mono_ns now,
                  uint64_t *id_out, uint64_t *bytes_out)
{
    if (backup->running && !backup->delivered)
        return false;
    backup_stop(backup);
    do {
        random_bytes(&backup->id, sizeof(backup->id));
    } while (backup->id == 0);
    backup->order = *order;
    backup->pipe = backup_pipe_new();
    backup->taken = 0;
    backup->delivered = backup->deserted = backup->misplaced = false;
    backup->asked = now;
    take_down(backup);
    *bytes_out = estimate(backup);
    *id_out = backup->id;
    /* From here on, until the thread knows which it needs, no log file goes. */
    archive_pin(backup->env->archive, order->logs_only ? order->from.file : 1);
    BUG_ON(pthread_create(&backup->thread, NULL, backup_run, backup) != 0);
    backup->running = true;
    log_info("backup.begun", "kind=%s", order->logs_only ? "logs" : "full");
    return true;
}

bool backup_take(struct backup *backup, uint64_t id, uint64_t at, mono_ns now, void *bytes_out,
                 size_t max, size_t *len_out)
{
    if (!backup->running || backup->delivered || id != backup->id || at != backup->taken)
        return false;
    backup->asked = now;
    *len_out = backup_pipe_take(backup->pipe, bytes_out, max);
    backup->taken += *len_out;
    if (*len_out == 0 && backup_pipe_is_over(backup->pipe)) {
        backup->delivered = true;
        return false;
    }
    return true;
}

bool backup_end(struct backup *backup, uint64_t id, bool whole)
{
    if (!backup->running || id != backup->id)
        return false;
    if (whole && !backup_pipe_is_over(backup->pipe))
        return false;
    backup_stop(backup);
    if (whole && backup->end.file != 0) {
        archive_note(backup->env->archive, backup->end.file, clock_wall_ms());
        backup->noted = true;
        log_info("backup.made", "kind=%s log=%" PRIu32 "/%" PRIu32 " bytes=%" PRIu64,
                 backup->order.logs_only ? "logs" : "full", backup->end.file, backup->end.offset,
                 backup->taken);
    } else {
        log_warning("backup.given_up", "bytes=%" PRIu64, backup->taken);
    }
    return true;
}

bool backup_is_under_way(const struct backup *backup)
{
    return backup->running && !backup->delivered;
}

/* One that was taken whole may be written to a slow disk for long: it holds nothing up. */
bool backup_look(struct backup *backup, mono_ns now)
{
    const bool noted = backup->noted;

    backup->noted = false;
    if (!backup->running || backup->delivered || now - backup->asked < DESERTED_NS)
        return noted;
    log_warning("backup.deserted", "bytes=%" PRIu64 " note=\"nobody asked for more\"",
                backup->taken);
    backup_stop(backup);
    return noted;
}
