/* A trial: a store on a copy of some directory, one call that fails, and the successor's look at
 * what is left. For builds with fault points. */
#ifndef TESTS_STORE_TRIAL_H
#define TESTS_STORE_TRIAL_H

#include "copies.h"
#include "deeds.h"

#include <errno.h>

#include "gatepost/fault.h"

#define QUIET_MS  300   /* so long without an answer: no more will come */
#define HANGS_MS  60000 /* a store that has not ended by then never will */
#define STOP_MS   300
#define FOR_EVER  (1ULL << 62)
#define CACHE_MIB 8

struct point {
    const char *name;
    int error;
    bool may_abort; /* the store that meets it */
};

enum when { AT_WORK, AT_WORK_IN_LITTLE, OPENING_NEW, OPENING_OLD, OPENING_KILLED, WHENS };

static const char *const when_names[WHENS] = {
    "at work", "at work in little memory", "opening a new one", "opening", "opening a killed one"};

/* Directories that every trial begins with a copy of. */
static struct rig templates[WHENS];

static bool (*memory_of_the_store)(void);
static char said[80]; /* what stores write to standard error goes there */

struct trial {
    struct rig rig;
    struct deeds deeds;
    const struct point *point;
    enum when when;
    uint64_t n;
    bool for_ever;
    mono_ns patience_ms; /* with a volley */
    bool ended;
    int status;
    uint64_t fired;
};

/* ---- the store of a trial ----------------------------------------------------------------------
 */

/* In the child: its memory may fail, this process's own may not. */
static inline void be_the_store(void)
{
    int fd = open(said, O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
    xalloc_fails = memory_of_the_store;
}

static inline void keep_own_memory(void)
{
    if (xalloc_fails)
        memory_of_the_store = xalloc_fails;
    xalloc_fails = NULL;
}

static inline void complain(const struct trial *trial, const char *what)
{
    char line[512];
    FILE *file = fopen(said, "r");

    print_error("%s fails at hit %llu %s, %s: %s\n", trial->point->name,
                (unsigned long long)trial->n, trial->for_ever ? "for ever" : "once",
                when_names[trial->when], what);
    while (file && fgets(line, sizeof(line), file))
        print_error("    %s", line);
    if (file)
        fclose(file);
}

static inline bool has_ended(struct trial *trial)
{
    if (!trial->ended && waitpid(trial->rig.store, &trial->status, WNOHANG) == trial->rig.store) {
        trial->ended = true;
        close(trial->rig.control_fd);
        close(trial->rig.alive_fd);
        trial->rig.store = 0;
    }
    return trial->ended;
}

static inline void await_end(struct trial *trial)
{
    for (int ms = 0; !has_ended(trial); ms++) {
        if (ms > HANGS_MS) {
            complain(trial, "the store hangs");
            fail();
        }
        usleep(1000);
    }
}

/* How may a store end that was not killed? */
static inline bool is_decent_end(const struct trial *trial, bool told)
{
    if (WIFSIGNALED(trial->status))
        return WTERMSIG(trial->status) == SIGABRT && trial->point->may_abort;
    switch (WEXITSTATUS(trial->status)) {
    case EXIT_DONE:
        return told;
    case EXIT_STORE_OPEN:
    case EXIT_STORE_PANIC:
        return true;
    default:
        return false;
    }
}

static inline void judge_end(const struct trial *trial, bool told)
{
    char what[80];

    if (is_decent_end(trial, told))
        return;
    snprintf(what, sizeof(what), "the store ended with status %x", (unsigned)trial->status);
    complain(trial, what);
    fail();
}

/* The store ends by itself, as it is told, or is killed. */
static inline void end_store(struct trial *trial, bool serves)
{
    bool told = serves && trial->n % 2 == 1;

    if (has_ended(trial)) {
        judge_end(trial, false);
        return;
    }
    if (told) {
        proc_send(trial->rig.control_fd, ORDER_STOP, 0, STOP_MS, -1);
        wake_slot(trial->rig.segment, segment_store_slot(trial->rig.segment));
        await_end(trial);
        judge_end(trial, true);
        return;
    }
    kill(trial->rig.store, SIGKILL);
    await_end(trial);
}

/* Waits until the store serves. False when it ended instead, or waits for room. */
static inline bool comes_up(struct trial *trial, bool may_wait)
{
    for (int ms = 0; !rig_serves(&trial->rig); ms++) {
        if (has_ended(trial))
            return false;
        if (may_wait && board_get(trial->rig.segment, BOARD_STORE_WAITS) != 0)
            return false;
        if (ms > HANGS_MS) {
            complain(trial, "the store does not come up");
            fail();
        }
        usleep(1000);
    }
    return true;
}

/* ---- a trial -----------------------------------------------------------------------------------
 */

static inline void begin_with_copy(struct trial *trial)
{
    rig_init(&trial->rig);
    keep_own_memory();
    trial->rig.config.store_cache_mib = CACHE_MIB;
    trial->deeds = deeds_of_a_day();
    if (trial->when == OPENING_NEW)
        trial->deeds.people = 0;
    copy_directory(templates[trial->when].dir, trial->rig.dir);
    (void)unlink(said);
}

static inline void arm(const struct trial *trial)
{
    fault_arm(trial->point->name, FAULT_FAIL, (uint64_t)trial->point->error, trial->n - 1,
              trial->for_ever ? FOR_EVER : 1);
}

/* Asks one volley and waits until all is answered, nothing more comes, or the store has ended. */
static inline void volley(struct trial *trial, size_t first)
{
    mono_ns last = clock_mono_ns();
    size_t came = 0;

    for (size_t i = first; i < first + VOLLEY; i++)
        deed_ask(&trial->rig, &trial->deeds.all[i]);
    while (!deeds_all_came(&trial->deeds) && !has_ended(trial)) {
        size_t now = 0;

        rig_turn(&trial->rig, 5);
        for (size_t i = 0; i < trial->deeds.count; i++)
            now += trial->deeds.all[i].came;
        if (now > came)
            last = clock_mono_ns();
        came = now;
        if (clock_mono_ns() - last > trial->patience_ms * NS_PER_MS)
            break;
    }
}

/* After a failed flush only a person's restart helps, which brings a new segment; then nobody is
 * left who could be answered. */
static inline void successor_starts(struct trial *trial)
{
    struct rig *rig = &trial->rig;

    if (board_get(rig->segment, BOARD_STORE_CONDEMNED) != 0) {
        struct err err = {{0}};

        store_client_free(&rig->client);
        segment_close(&rig->segment);
        rig->segment = segment_create(2, &err);
        assert_non_null(rig->segment);
        keep_own_memory();
        assert_true(seat_take(rig->segment, SEAT_WORKER | SEAT_MAILER, &rig->slot));
        rig->client = store_client_new(rig->segment, rig->slot);
    }
    trial->ended = false;
    rig_fork(rig, be_the_store);
    if (!comes_up(trial, false)) {
        complain(trial, "the successor does not serve");
        fail();
    }
}

static inline void successor_answers_the_rest(struct trial *trial)
{
    struct deed more = {.request = STORE_ACCOUNT_CREATE, .number = 20};
    mono_ns begun = clock_mono_ns();

    deed_ask(&trial->rig, &more);
    assert_true(more.asked);
    while (!more.came || (store_client_pending(trial->rig.client) > 0)) {
        rig_turn(&trial->rig, 20);
        if (has_ended(trial) || clock_mono_ns() - begun > HANGS_MS * NS_PER_MS) {
            complain(trial, "the successor does not answer");
            fail();
        }
    }
    assert_int_equal(more.status, STORE_OK);
    for (size_t i = 0; i < trial->deeds.count; i++) {
        const struct deed *deed = &trial->deeds.all[i];
        char what[80];

        if (!deed->came || deed->status == STORE_OK || deed->status == STORE_BUSY ||
            deed->status == STORE_AWAY)
            continue;
        snprintf(what, sizeof(what), "deed %zu was answered with status %d", i, (int)deed->status);
        complain(trial, what);
        fail();
    }
}

static inline void run_trial(struct trial *trial)
{
    bool serves;

    begin_with_copy(trial);
    if (trial->when > AT_WORK_IN_LITTLE)
        arm(trial);
    rig_fork(&trial->rig, be_the_store);
    serves = comes_up(trial, trial->for_ever);
    if (trial->when <= AT_WORK_IN_LITTLE) {
        assert_true(serves);
        arm(trial);
    }
    if (serves && trial->when != OPENING_NEW) {
        volley(trial, 0);
        volley(trial, VOLLEY);
    }
    end_store(trial, serves);
    trial->fired = fault_fired(trial->point->name);
    fault_disarm_all();
    successor_starts(trial);
    successor_answers_the_rest(trial);
    kill(trial->rig.store, SIGKILL);
    await_end(trial);
    deeds_check(&trial->deeds, &trial->rig);
    rig_fini(&trial->rig);
}

#endif
