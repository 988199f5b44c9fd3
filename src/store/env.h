/* The Berkeley DB environment: opened, recovered and closed here; nobody else opens these files. */
#ifndef GATEPOST_STORE_ENV_H
#define GATEPOST_STORE_ENV_H

#include <db.h>

#include "gatepost/err.h"
#include "gatepost/segment.h"

/* One database a row: TABLE(enum name, file). Their rows are described in records.def. */
#define TABLES(TABLE)                                                                              \
    TABLE(USERS, "users.db")                                                                       \
    TABLE(USERS_BY_NAME, "users_by_name.db")                                                       \
    TABLE(USERS_BY_EMAIL, "users_by_email.db")                                                     \
    TABLE(USERS_BY_SUBJECT, "users_by_subject.db")                                                 \
    TABLE(ANSWERS, "answers.db")                                                                   \
    TABLE(SESSIONS, "sessions.db")                                                                 \
    TABLE(SESSIONS_BY_USER, "sessions_by_user.db")                                                 \
    TABLE(PROOFS, "proofs.db")                                                                     \
    TABLE(OUTBOX, "outbox.db")                                                                     \
    TABLE(OUTBOX_BY_DUE, "outbox_by_due.db")                                                       \
    TABLE(AUDIT, "audit.db")                                                                       \
    TABLE(AUDIT_BY_USER, "audit_by_user.db")                                                       \
    TABLE(OUTBOX_BY_ADDRESS, "outbox_by_address.db")                                               \
    TABLE(SUPPRESSIONS, "suppressions.db")                                                         \
    TABLE(META, "meta.db")

enum table {
#define TABLE(NAME, file) TABLE_##NAME,
    TABLES(TABLE)
#undef TABLE
        TABLE_COUNT
};

/* A new file waits for a flush: seldom. Not less than four buffers. Recovery would fill the rest of
 * the last one with zeros, 22 ms for 32 MiB, but for log_tail.c. */
#define LOG_FILE_BYTES (32U << 20)

#define STORE_FORMAT 3U /* of all records together; older ones are brought up to it (format.h) */

/* Rows there are, and what an operator set, kept in `meta` by the transactions that change it. */
struct tally {
    uint64_t users;
    uint64_t pending;
    uint64_t dead;
    uint64_t sent;       /* letters handed over that are still remembered */
    uint64_t suppressed; /* addresses */
    wall_ms mail_paused; /* nothing new is sent since then; 0: it is */
};

#define AUDIT_CHAIN_BYTES 32

/* Where the audit trail ends, as of the last commit, and of the open transaction. */
struct audit_end {
    uint64_t time; /* of the newest row: keys never go back */
    uint64_t next; /* number of the next row */
    uint8_t chain[AUDIT_CHAIN_BYTES];
};

struct env {
    DB_ENV *db_env;
    DB *tables[TABLE_COUNT];
    struct segment *segment;
    uint32_t slot;        /* the store's, for life signs */
    int durable_fd;       /* durable.h; -1: none */
    struct tally tally;   /* as of the last commit, and of the open transaction */
    uint64_t mail_orders; /* as BOARD_MAIL_ORDERS */
    uint64_t mail_stops;  /* as BOARD_MAIL_STOPS */
    wall_ms keep_sent_ms; /* how long a letter that was handed over is remembered; 0: not at all */
    struct audit_end audit;
    struct absent *absent;   /* absent.h; NULL: nothing is known */
    struct archive *archive; /* archive.h; NULL: no log file is kept for a backup */
    struct backup *backup;   /* backup.h; NULL: none can be made of it */
};

/* What Berkeley DB has to say goes to the log; its panic ends the process. */
MUST_USE int env_listen(DB_ENV *db_env);

/* Recovers, opens every database and checks the format. Gives life signs while it recovers.
 * dir: made with mode 0700 when it is missing.
 * Errors: a sentence; the caller dies with EXIT_STORE_OPEN. */
MUST_USE bool env_open(struct env *env, const char *dir, int64_t cache_mib, struct segment *segment,
                       uint32_t slot, struct err *err);

/* Before env_open of a copy that was made while a store served: all of the log, from its first
 * file on, is carried out on it again. */
MUST_USE bool env_replay(const char *dir, int64_t cache_mib, struct segment *segment, uint32_t slot,
                         struct err *err);

/* A last checkpoint, then closes. */
void env_close(struct env *env);

/* The database wants recovery: says so and ends the process. Any thread. */
_Noreturn void env_panic(int failure);

/* Everything committed so far is on disk when this returns 0. Otherwise an errno (ENOSPC): nothing
 * is lost, it may be called again. A failed fsync never comes back (sync.h). */
MUST_USE int env_flush(struct env *env);

#endif
