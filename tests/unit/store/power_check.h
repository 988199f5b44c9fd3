/* A world's directory opened by the store's own env_open, in a process of its own, and looked
 * through: who is there, whole or by half, do the counts agree, are the pages in order. */
#ifndef TESTS_STORE_POWER_CHECK_H
#define TESTS_STORE_POWER_CHECK_H

#include "parts.h"
#include "power_world.h"
#include "store/sync.h"

enum outcome {
    OUTCOME_DIED,    /* no process may end like this */
    OUTCOME_REFUSED, /* did not open, and said why */
    OUTCOME_OPENED,
};

/* Written by the child, read by this process. */
struct verdict {
    enum outcome outcome;
    int status;         /* of the child's end */
    char sentence[512]; /* why it was refused */
    uint64_t missing;   /* acknowledged and not there */
    uint64_t halves;    /* there in some tables */
    uint64_t there;
    uint64_t due; /* rows of outbox_by_due */
    uint64_t audited;
    uint64_t first_wrong; /* the first one missing or half there */
    struct tally tally;
    char bad_pages[64]; /* a table that DB->verify refuses */
};

/* Whom to look for. told: 1 for each who was acknowledged before the cut. */
struct guest_list {
    const uint8_t *told;
    uint64_t people;
};

static inline uint64_t rows_in(struct env *env, enum table table)
{
    struct call call = {.env = env};
    struct walk *walk = xcalloc(1, sizeof(*walk));
    uint64_t rows = 0;

    walk_open(walk, &call, table, (struct slice){0});
    while (walk_next(walk))
        rows++;
    walk_close(walk);
    BUG_ON(call.failure != 0);
    free(walk);
    return rows;
}

static inline void look_for_people(struct env *env, const struct guest_list *list,
                                   struct verdict *verdict)
{
    struct row *row = xcalloc(1, sizeof(*row));

    verdict->first_wrong = NEVER;
    for (uint64_t number = 0; number < list->people; number++) {
        struct call call = {.env = env};
        unsigned parts = parts_of(&call, number, row);
        bool is_missing = parts == 0 && list->told[number];
        bool is_half = parts != 0 && parts != HAS_ALL;

        BUG_ON(call.failure != 0);
        verdict->there += parts == HAS_ALL;
        verdict->missing += is_missing;
        verdict->halves += is_half;
        if ((is_missing || is_half) && verdict->first_wrong == NEVER)
            verdict->first_wrong = number;
    }
    free(row);
}

static inline void verify_pages(const char *dir, struct verdict *verdict)
{
    static const char *const files[] = {
#define TABLE(NAME, file) file,
        TABLES(TABLE)
#undef TABLE
    };
    char path[256];

    for (size_t i = 0; i < ARRAY_LEN(files) && !verdict->bad_pages[0]; i++) {
        DB *db;

        path_in(path, sizeof(path), dir, files[i]);
        BUG_ON(db_create(&db, NULL, 0) != 0);
        if (db->verify(db, path, NULL, NULL, 0) != 0)
            snprintf(verdict->bad_pages, sizeof(verdict->bad_pages), "%s", files[i]);
    }
}

static inline int sync_nothing(int fd)
{
    (void)fd;
    return 0;
}

/* The child's life. Its words go to a file beside the world. */
static inline void look_and_exit(const char *dir, struct rig *rig, const struct guest_list *list,
                                 struct trace *trace, struct verdict *verdict)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct err err = {{0}};
    char path[256];

    BUG_ON((size_t)snprintf(path, sizeof(path), "%s.said", dir) >= sizeof(path));
    int said = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    BUG_ON(said < 0 || dup2(said, STDERR_FILENO) < 0);
    alarm(120);
    disk_faults_stay_out();
    if (trace) {
        trace_hook(trace);
        trace_what_exists(trace, dir);
    }
    BUG_ON(db_env_set_func_fsync(trace ? recording_sync : sync_nothing) != 0);
    sync_replace(trace ? recording_sync : sync_nothing);
    if (!env_open(env, dir, 64, rig->segment, segment_store_slot(rig->segment), &err)) {
        snprintf(verdict->sentence, sizeof(verdict->sentence), "%s", err.text);
        verdict->outcome = OUTCOME_REFUSED;
        _exit(0);
    }
    look_for_people(env, list, verdict);
    verdict->tally = env->tally;
    verdict->due = rows_in(env, TABLE_OUTBOX_BY_DUE);
    verdict->audited = rows_in(env, TABLE_AUDIT);
    env_close(env);
    verify_pages(dir, verdict);
    verdict->outcome = OUTCOME_OPENED;
    free(env);
    _exit(0);
}

/* verdict: in shared memory. trace: where the child writes down what its recovery does to the disk,
 * or NULL. */
static inline void world_look(const char *dir, struct rig *rig, const struct guest_list *list,
                              struct trace *trace, struct verdict *verdict)
{
    *verdict = (struct verdict){.outcome = OUTCOME_DIED};
    pid_t pid = fork();

    BUG_ON(pid < 0);
    if (pid == 0)
        look_and_exit(dir, rig, list, trace, verdict);
    BUG_ON(waitpid(pid, &verdict->status, 0) != pid);
    if (WIFEXITED(verdict->status) && WEXITSTATUS(verdict->status) == EXIT_STORE_PANIC) {
        snprintf(verdict->sentence, sizeof(verdict->sentence), "store.panicked");
        verdict->outcome = OUTCOME_REFUSED;
    }
}

static inline bool verdict_is_good(const struct verdict *verdict)
{
    uint64_t there = verdict->there;

    return verdict->outcome == OUTCOME_OPENED && verdict->missing == 0 && verdict->halves == 0 &&
           verdict->tally.users == there && verdict->tally.pending == there &&
           verdict->due == there && verdict->audited == there && !verdict->bad_pages[0];
}

static inline void verdict_print(const struct verdict *verdict)
{
    print_error("outcome %d, status 0x%x, %llu missing, %llu by half, first %lld, %llu there; "
                "tally %llu users %llu pending, %llu due, %llu audited; bad pages: %s; \"%s\"\n",
                (int)verdict->outcome, (unsigned)verdict->status,
                (unsigned long long)verdict->missing, (unsigned long long)verdict->halves,
                (long long)verdict->first_wrong, (unsigned long long)verdict->there,
                (unsigned long long)verdict->tally.users,
                (unsigned long long)verdict->tally.pending, (unsigned long long)verdict->due,
                (unsigned long long)verdict->audited, verdict->bad_pages, verdict->sentence);
}

#endif
