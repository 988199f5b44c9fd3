/* The environment: one owner, private memory, recovered at every start.
 *
 * No locking subsystem: one thread touches the databases; the checkpoint thread and the flusher
 * touch only the log and the page cache, which have latches of their own. So no locks run out and
 * none are waited for in a circle; one transaction is open at a time, a batch's, and
 * TRANSACTIONS_MAX is no limit either: a private environment grows beyond it (5,000 were begun at
 * once with a maximum of 1). How much waits for the disk is bounded by the lanes and by batch.c.
 * Pages of 4096 bytes are the file system's blocks; DB_CHKSUM finds torn ones.
 * Source: the programmer's reference of Berkeley DB, "transactional applications". */
#include "env.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absent.h"
#include "backup.h"
#include "durable.h"
#include "files.h"
#include "format.h"
#include "gatepost/bytes.h"
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/proc.h"
#include "log_tail.h"
#include "meta.h"
#include "torek_hash.h"

#define PAGE_BYTES       4096U
#define LOG_BUFFER_BYTES (8U << 20) /* a batch waits for the disk only when this is full */
#define TRANSACTIONS_MAX 32U

/* Berkeley DB would make a latch for each page that the cache can ever hold, and one for each chain
 * of its hash table, at the start: 110,000 for 256 MiB, 10 MiB of them, 20 ms. Made as pages come,
 * they are there when they are needed; and few threads look into the cache at once. */
#define LATCHES_AT_FIRST 1024U
#define CHAIN_LATCHES    256U
#define LARGE_CACHE_MIB  512
#define CHAINS_A_PAGE    2U

static const char *const table_files[TABLE_COUNT] = {
#define TABLE(NAME, file) [TABLE_##NAME] = (file),
    TABLES(TABLE)
#undef TABLE
};

/* Takes the place of the library's own function of that name, within the library too: it calls it
 * for each page that it reads or writes and for each log record, and looks its name up as the
 * linker does. The same numbers sooner (torek_hash.h); a library that did not look up would go on
 * with its own, and nothing else would change. */
u_int32_t __ham_func4(DB *db, const void *bytes, u_int32_t len)
    __attribute__((visibility("default")));
u_int32_t __ham_func4(DB *db, const void *bytes, u_int32_t len)
{
    (void)db;
    return torek_hash(bytes, len);
}

void env_panic(int failure)
{
    log_error("store.panicked", "reason=\"%s\"", db_strerror(failure));
    _exit(EXIT_STORE_PANIC);
}

static void on_event(DB_ENV *db_env, u_int32_t event, void *info)
{
    (void)db_env;
    (void)info;
    if (event == DB_EVENT_PANIC)
        env_panic(DB_RUNRECOVERY);
}

static void on_error_text(const DB_ENV *db_env, const char *prefix, const char *message)
{
    const struct env *env = db_env->app_private;
    char quoted[400];

    (void)prefix;
    if (env && env->backup && backup_is_pausing(env->backup))
        return;
    log_error("store.database_said", "text=%s",
              log_quoted(slice_of_text(message), quoted, sizeof(quoted)));
}

int env_listen(DB_ENV *db_env)
{
    db_env->set_errcall(db_env, on_error_text);
    return db_env->set_event_notify(db_env, on_event);
}

static void on_recovery_step(DB_ENV *db_env, int opcode, int percent)
{
    struct env *env = db_env->app_private;

    (void)opcode;
    (void)percent;
    life_sign(env->segment, env->slot);
    FAULT("s.recovering");
}

/* By itself Berkeley DB makes a chain of its hash table for every two or three pages. In a large
 * cache each page that is passed on the way along one is a line that no processor cache has, when a
 * page is looked for and when one is to make room. In a small one a longer table would be idle
 * memory, and time at the start. */
static int shorten_chains(DB_ENV *db_env, int64_t cache_mib)
{
    const uint64_t pages = ((uint64_t)cache_mib << 20) / PAGE_BYTES;

    if (cache_mib < LARGE_CACHE_MIB)
        return 0;
    return db_env->set_mp_tablesize(db_env, (u_int32_t)(CHAINS_A_PAGE * pages));
}

static int configure(DB_ENV *db_env, int64_t cache_mib)
{
    uint64_t cache = (uint64_t)cache_mib << 20;
    int failure = db_env->set_cachesize(db_env, (u_int32_t)(cache >> 30),
                                        (u_int32_t)(cache & ((1U << 30) - 1)), 1);

    if (failure == 0)
        failure = db_env->set_lg_bsize(db_env, LOG_BUFFER_BYTES);
    if (failure == 0)
        failure = db_env->set_lg_max(db_env, LOG_FILE_BYTES);
    if (failure == 0)
        failure = db_env->set_tx_max(db_env, TRANSACTIONS_MAX);
    if (failure == 0)
        failure = db_env->mutex_set_init(db_env, LATCHES_AT_FIRST);
    if (failure == 0)
        failure = db_env->set_mp_mtxcount(db_env, CHAIN_LATCHES);
    if (failure == 0)
        failure = shorten_chains(db_env, cache_mib);
    if (failure == 0)
        failure = env_listen(db_env);
    if (failure == 0)
        failure = db_env->set_feedback(db_env, on_recovery_step);
    return failure;
}

static int open_table(struct env *env, enum table table, u_int32_t create)
{
    DB *db;
    int failure = db_create(&db, env->db_env, 0);

    if (failure != 0)
        return failure;
    env->tables[table] = db;
    failure = db->set_pagesize(db, PAGE_BYTES);
    if (failure == 0)
        failure = db->set_flags(db, DB_CHKSUM);
    if (failure == 0)
        failure = db->open(db, NULL, table_files[table], NULL, DB_BTREE,
                           create | DB_AUTO_COMMIT | DB_THREAD, 0600);
    return failure;
}

static bool open_named(struct env *env, const char *dir, enum table table, u_int32_t create,
                       struct err *err)
{
    life_sign(env->segment, env->slot);
    FAULT("s.opening");

    int failure = open_table(env, table, create);
    if (failure != 0)
        err_set(err, "store.dir %s: %s: %s", dir, table_files[table], db_strerror(failure));
    return failure == 0;
}

/* A table that a step makes. What a power cut in an earlier try left of it can be a name with
 * nothing behind it, which Berkeley DB does not open: it never held anything. */
static bool open_made(struct env *env, const char *dir, enum table table, struct err *err)
{
    char path[PATH_MAX];

    if (open_named(env, dir, table, DB_CREATE, err))
        return true;
    (void)env->tables[table]->close(env->tables[table], DB_NOSYNC);
    env->tables[table] = NULL;
    if (snprintf(path, sizeof(path), "%s/%s", dir, table_files[table]) >= (int)sizeof(path) ||
        unlink(path) != 0)
        return false;
    log_warning("store.table_begun_anew", "table=%s", table_files[table]);
    return open_named(env, dir, table, DB_CREATE, err);
}

/* Tables are made with a new database only, or by the step to the format that has them first. Later
 * a missing file is a lost one: made anew it would come back empty, and every name in it could be
 * taken a second time. format_out: as the database has it. */
static bool open_tables(struct env *env, const char *dir, bool is_new, uint32_t *format_out,
                        struct err *err)
{
    uint32_t format = 0;

    if (!open_named(env, dir, TABLE_META, is_new ? DB_CREATE : 0, err) ||
        (!is_new && !meta_read_format(env, &format, err)))
        return false;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        enum table table = (enum table)i;
        bool makes = format_of_table(table) > format;

        if (table != TABLE_META &&
            !(makes ? open_made(env, dir, table, err) : open_named(env, dir, table, 0, err)))
            return false;
    }
    *format_out = is_new ? STORE_FORMAT : format;
    return true;
}

/* Closes whatever is open; a failure here loses nothing: recovery would do the rest. */
static void close_all(struct env *env)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (env->tables[i])
            (void)env->tables[i]->close(env->tables[i], DB_NOSYNC);
        env->tables[i] = NULL;
    }
    if (env->db_env)
        (void)env->db_env->close(env->db_env, 0);
    env->db_env = NULL;
    if (env->durable_fd >= 0)
        close(env->durable_fd);
    env->durable_fd = -1;
    absent_free(&env->absent);
}

static bool make_dir(const char *dir, struct err *err)
{
    char *path = xstrdup(dir);
    bool made = true;

    for (char *at = path + 1; made; at++) {
        char kept = *at;

        if (kept != '/' && kept != '\0')
            continue;
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            err_set(err, "store.dir: cannot make %s: %s", path, strerror(errno));
            made = false;
        }
        *at = kept;
        if (kept == '\0')
            break;
    }
    free(path);
    return made;
}

/* recover: DB_RECOVER, or DB_RECOVER_FATAL. */
static int open_environment(struct env *env, const char *dir, int64_t cache_mib, u_int32_t recover)
{
    int failure = db_env_create(&env->db_env, 0);

    if (failure != 0)
        return failure;
    env->db_env->app_private = env;
    failure = configure(env->db_env, cache_mib);
    if (failure == 0)
        failure = env->db_env->open(env->db_env, dir,
                                    DB_CREATE | DB_PRIVATE | recover | DB_THREAD | DB_INIT_TXN |
                                        DB_INIT_LOG | DB_INIT_MPOOL,
                                    0600);
    return failure;
}

/* The first rows; then everything on disk, so that no recovery ever makes a file again. */
static bool make_durable(struct env *env, const char *dir, struct err *err)
{
    int failure;

    if (!meta_begin(env, err))
        return false;
    failure = env->db_env->txn_checkpoint(env->db_env, 0, 0, DB_FORCE);
    if (failure != 0) {
        err_set(err, "store.dir %s: the first checkpoint: %s", dir, db_strerror(failure));
        return false;
    }
    return files_born(dir, err);
}

bool env_open(struct env *env, const char *dir, int64_t cache_mib, struct segment *segment,
              uint32_t slot, struct err *err)
{
    bool is_new;
    uint32_t format;
    struct log_tail tail;
    int failure;

    memset(env, 0, sizeof(*env));
    env->segment = segment;
    env->slot = slot;
    env->durable_fd = -1;
    if (!make_dir(dir, err) || !durable_check(dir, err) || !files_prepare(env, dir, &is_new, err))
        return false;
    log_tail_cut(dir, &tail);
    failure = open_environment(env, dir, cache_mib, DB_RECOVER);
    log_tail_restore(&tail);
    if (failure != 0) {
        err_set(err, "store.dir %s: open or recover the environment: %s", dir,
                db_strerror(failure));
        close_all(env);
        return false;
    }
    if (!open_tables(env, dir, is_new, &format, err) || (is_new && !make_durable(env, dir, err)) ||
        !format_migrate(env, dir, format, err) || !meta_load(env, err)) {
        close_all(env);
        return false;
    }
    env->absent = absent_new();
    env->durable_fd = durable_open(env->db_env, dir);
    failure = env_flush(env); /* what opening logged: the note says that it is on disk */
    if (failure != 0) {
        err_set(err, "store.dir %s: cannot flush the log: %s", dir, db_strerror(failure));
        close_all(env);
        return false;
    }
    return true;
}

bool env_replay(const char *dir, int64_t cache_mib, struct segment *segment, uint32_t slot,
                struct err *err)
{
    struct env env = {.segment = segment, .slot = slot, .durable_fd = -1};
    int failure;

    if (!durable_check(dir, err))
        return false;
    failure = open_environment(&env, dir, cache_mib, DB_RECOVER_FATAL);
    if (failure != 0)
        err_set(err, "%s: replay the log: %s", dir, db_strerror(failure));
    close_all(&env);
    return failure == 0;
}

void env_close(struct env *env)
{
    int failure = env->db_env->txn_checkpoint(env->db_env, 0, 0, 0);

    if (failure != 0)
        log_warning("checkpoint.failed", "reason=\"%s\"", db_strerror(failure));
    close_all(env);
}

int env_flush(struct env *env)
{
    struct log_end end = durable_end_of_log(env->db_env);
    int failure = env->db_env->log_flush(env->db_env, NULL);

    if (failure == DB_RUNRECOVERY)
        env_panic(failure);
    if (failure == 0)
        durable_note(env->durable_fd, end);
    return failure;
}
