/* Berkeley DB by itself: what a sign-up and a refresh cost when nothing but the database does them.
 *
 *     raw_store [MILLISECONDS [CACHE_MIB]]      prints one JSON object
 *
 * One process writes the rows that the store writes (src/store/signups.c, session_tokens.c): the
 * same tables and indexes, keys and values as long and in the same order of keys, page size, page
 * checksums and log buffer. A taken name is refused by the put itself. 64 to a transaction, which
 * is on disk when it commits; a second thread makes a checkpoint for every 16 MiB of log, so that a
 * start takes no longer than the store's. What is left out is the store: lanes, requests that are
 * checked, answers kept for those who ask again, the audit's chain, upkeep, another batch under way
 * while one goes to the disk. */
#include <db.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../temporary_folder.h"
#include "gatepost/clock.h"
#include "gatepost/store_messages.h"
#include "store/record.h"

#define BATCH            64U
#define PAGE_BYTES       4096U
#define LOG_BUFFER_BYTES (8U << 20)
#define LOG_FILE_BYTES   (32U << 20)
#define CHECKPOINT_KIB   (16U << 10)
#define SESSIONS         1000U
#define NOW              4102444800000LL
#define PASSWORD                                                                                   \
    "pbkdf2_sha256$600000$abcdefghijklmnopqrstuv$0123456789012345678901234567890123456789abc="

enum table {
    USERS,
    BY_NAME,
    BY_EMAIL,
    BY_SUBJECT,
    PROOFS,
    OUTBOX,
    BY_DUE,
    BY_ADDRESS,
    AUDIT,
    AUDIT_BY_USER,
    SESSIONS_TABLE,
    TABLES
};

static struct {
    DB_ENV *env;
    DB *table[TABLES];
    char dir[TEMPORARY_FOLDER_BYTES];
    uint64_t audited; /* rows of the trail so far */
    volatile bool stopping;
} raw;

/* A value of each kind; what is in it matters to nobody, how long it is does. */
struct value {
    uint8_t bytes[1024];
    size_t len;
};
static struct value user, proof, letter, audit, session;

static void check(int failure, const char *doing)
{
    if (failure == 0)
        return;
    fprintf(stderr, "raw_store: %s: %s\n", doing, db_strerror(failure));
    exit(1);
}

/* ---- the rows' values ---------------------------------------------------------------------------
 */

#define PACK(kind, value, ...)                                                                     \
    do {                                                                                           \
        const struct kind row = {__VA_ARGS__};                                                     \
        struct packer packer = packer_over((value).bytes, sizeof((value).bytes));                  \
        kind##_pack(&packer, &row);                                                                \
        BUG_ON(packer.overflow);                                                                   \
        (value).len = packer.len;                                                                  \
    } while (0)

static void make_values(void)
{
    const struct slice name = SLICE_LITERAL("person123456");
    const struct slice email = SLICE_LITERAL("person123456@example.com");
    const struct slice peer = SLICE_LITERAL("192.0.2.1");
    static const uint8_t digest[32];
    char job_bytes[512];
    struct packer job = packer_over(job_bytes, sizeof(job_bytes));

    mail_job_pack(&job, &(struct mail_job){.to = email,
                                           .username = name,
                                           .language = SLICE_LITERAL("de"),
                                           .created = NOW,
                                           .expires = NOW});
    PACK(user_row, user, .subject = SLICE_LITERAL("0190a5a4-7c00-7000-8000-000000000001"),
         .username = name, .username_key = name, .email = email, .email_key = email,
         .password = SLICE_LITERAL(PASSWORD), .language = SLICE_LITERAL("de"), .active = 1);
    PACK(proof_row, proof, .expires = NOW);
    PACK(letter_row, letter, .due = NOW, .created = NOW, .job = packer_slice(&job));
    PACK(audit_row, audit, .peer = peer, .chain = slice_of(digest, sizeof(digest)));
    PACK(session_row, session, .jti_digest = slice_of(digest, sizeof(digest)), .created = NOW,
         .used = NOW, .expires = NOW, .peer = peer, .user_agent = SLICE_LITERAL("bench"));
}

/* ---- the database -------------------------------------------------------------------------------
 */

static void open_all(uint32_t cache_mib)
{
    DB_ENV *env;

    temporary_folder("gatepost-raw", raw.dir);
    check(db_env_set_func_fsync(fdatasync), "fsync");
    check(db_env_create(&raw.env, 0), "environment");
    env = raw.env;
    check(env->set_cachesize(env, cache_mib >> 10, (cache_mib & 1023U) << 20, 1), "cache");
    check(env->set_lg_bsize(env, LOG_BUFFER_BYTES), "log buffer");
    check(env->set_lg_max(env, LOG_FILE_BYTES), "log file");
    check(env->log_set_config(env, DB_LOG_AUTO_REMOVE, 1), "log files");
    check(env->open(env, raw.dir,
                    DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_THREAD | DB_INIT_TXN | DB_INIT_LOG |
                        DB_INIT_MPOOL,
                    0600),
          "open");
    for (enum table table = USERS; table < TABLES; table++) {
        char name[16];
        DB *db;

        snprintf(name, sizeof(name), "%d.db", (int)table);
        check(db_create(&db, env, 0), "table");
        raw.table[table] = db;
        check(db->set_pagesize(db, PAGE_BYTES), "page size");
        check(db->set_flags(db, DB_CHKSUM), "page checksum");
        check(
            db->open(db, NULL, name, NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT | DB_THREAD, 0600),
            name);
    }
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void close_all(void)
{
    for (enum table table = USERS; table < TABLES; table++)
        check(raw.table[table]->close(raw.table[table], DB_NOSYNC), "close");
    check(raw.env->close(raw.env, 0), "close");
    nftw(raw.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void *make_checkpoints(void *context)
{
    (void)context;
    while (!raw.stopping) {
        check(raw.env->txn_checkpoint(raw.env, CHECKPOINT_KIB, 0, 0), "checkpoint");
        usleep(50000);
    }
    return NULL;
}

static int put(DB_TXN *txn, enum table table, const void *key, size_t key_len, const void *value,
               size_t len, uint32_t flags)
{
    DBT key_dbt = {.data = (void *)(uintptr_t)key, .size = (u_int32_t)key_len};
    DBT value_dbt = {.data = (void *)(uintptr_t)value, .size = (u_int32_t)len};

    return raw.table[table]->put(raw.table[table], txn, &key_dbt, &value_dbt, flags);
}

static void put_value(DB_TXN *txn, enum table table, const struct uuid *id,
                      const struct value *value)
{
    check(put(txn, table, id->bytes, UUID_BYTES, value->bytes, value->len, 0), "put");
}

/* A key of several parts. */
static size_t joined(uint8_t key[128], const void *first, size_t first_len, const void *second,
                     size_t second_len)
{
    memcpy(key, first, first_len);
    memcpy(key + first_len, second, second_len);
    return first_len + second_len;
}

static void add_audit(DB_TXN *txn, const struct uuid *user_id)
{
    uint8_t row_key[16], index_key[128];
    struct packer packer = packer_over(row_key, sizeof(row_key));

    pack_u64(&packer, NOW);
    pack_u64(&packer, raw.audited++);
    check(put(txn, AUDIT, row_key, sizeof(row_key), audit.bytes, audit.len, 0), "put");
    const size_t len = joined(index_key, user_id->bytes, UUID_BYTES, row_key, sizeof(row_key));
    check(put(txn, AUDIT_BY_USER, index_key, len, "", 0, 0), "put");
}

/* ---- what is measured ---------------------------------------------------------------------------
 */

static void sign_up(DB_TXN *txn, uint64_t number)
{
    const struct uuid id = uuid_new(clock_wall_ms()), proof_id = uuid_new(clock_wall_ms()),
                      job_id = uuid_new(clock_wall_ms());
    static const uint64_t due = NOW;
    char name[32], email[48], subject[UUID_TEXT_BYTES];
    uint8_t key[128];
    size_t len;

    snprintf(name, sizeof(name), "person%llu", (unsigned long long)number);
    snprintf(email, sizeof(email), "person%llu@example.com", (unsigned long long)number);
    uuid_format(&id, subject);
    check(put(txn, BY_NAME, name, strlen(name), id.bytes, UUID_BYTES, DB_NOOVERWRITE), "name");
    check(put(txn, BY_EMAIL, email, strlen(email), id.bytes, UUID_BYTES, DB_NOOVERWRITE),
          "address");
    check(put(txn, BY_SUBJECT, subject, strlen(subject), id.bytes, UUID_BYTES, 0), "put");
    put_value(txn, USERS, &id, &user);
    put_value(txn, PROOFS, &proof_id, &proof);
    put_value(txn, OUTBOX, &job_id, &letter);
    len = joined(key, &due, sizeof(due), job_id.bytes, UUID_BYTES);
    check(put(txn, BY_DUE, key, len, "", 0, 0), "put");
    len = joined(key, email, strlen(email) + 1, job_id.bytes, UUID_BYTES);
    check(put(txn, BY_ADDRESS, key, len, "", 0, 0), "put");
    add_audit(txn, &id);
}

/* Whose session it is, and its id. */
static struct uuid owners[SESSIONS], sessions[SESSIONS];

static void get(DB_TXN *txn, enum table table, const struct uuid *id)
{
    uint8_t bytes[1024];
    DBT key = {.data = (void *)(uintptr_t)id->bytes, .size = UUID_BYTES};
    DBT value = {.data = bytes, .ulen = sizeof(bytes), .flags = DB_DBT_USERMEM};

    check(raw.table[table]->get(raw.table[table], txn, &key, &value, 0), "get");
}

static void refresh(DB_TXN *txn, uint64_t number)
{
    const size_t which = number % SESSIONS;

    get(txn, SESSIONS_TABLE, &sessions[which]);
    get(txn, USERS, &owners[which]);
    put_value(txn, SESSIONS_TABLE, &sessions[which], &session);
    add_audit(txn, &owners[which]);
}

static void open_session(DB_TXN *txn, uint64_t number)
{
    owners[number] = uuid_new(clock_wall_ms());
    sessions[number] = uuid_new(clock_wall_ms());
    put_value(txn, USERS, &owners[number], &user);
    put_value(txn, SESSIONS_TABLE, &sessions[number], &session);
}

/* A batch of them, durable. */
static void carry_out(void (*one)(DB_TXN *txn, uint64_t number), uint64_t from, uint64_t count)
{
    DB_TXN *txn;

    check(raw.env->txn_begin(raw.env, NULL, &txn, 0), "begin");
    for (uint64_t i = 0; i < count; i++)
        one(txn, from + i);
    check(txn->commit(txn, DB_TXN_SYNC), "commit");
}

static double rate_of(void (*one)(DB_TXN *txn, uint64_t number), mono_ns span)
{
    const mono_ns began = clock_mono_ns();
    uint64_t done = 0;

    while (clock_mono_ns() - began < span) {
        carry_out(one, done, BATCH);
        done += BATCH;
    }
    return (double)done * (double)NS_PER_S / (double)(clock_mono_ns() - began);
}

int main(int argc, char **argv)
{
    const mono_ns span = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1000) * NS_PER_MS;
    const uint32_t cache_mib = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 256;
    pthread_t checkpoints;

    make_values();
    open_all(cache_mib);
    BUG_ON(pthread_create(&checkpoints, NULL, make_checkpoints, NULL) != 0);
    const double sign_ups = rate_of(sign_up, span);
    carry_out(open_session, 0, SESSIONS);
    const double refreshes = rate_of(refresh, span);
    raw.stopping = true;
    pthread_join(checkpoints, NULL);
    close_all();
    printf("{\"signups_per_second\": %.0f, \"refreshes_per_second\": %.0f}\n", sign_ups, refreshes);
    return 0;
}
