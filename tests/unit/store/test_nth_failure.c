/* The n-th call fails: every call that Berkeley DB makes to the operating system, its memory and
 * ours, once and from then on for ever, at work and while the store opens.
 *
 * Whatever the store did about it, afterwards a fresh one opens what is left, and everything
 * answered is there, whole. Source: SQLite's loops over its I/O and memory (malloc_common.tcl,
 * ioerr.test). GATEPOST_DEEP=1 takes every n until a run ends without the failure; otherwise some
 * of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gatepost/fault.h"

#ifdef GATEPOST_FAULTS

#include "trial.h"

#define EVERY (getenv("GATEPOST_DEEP") != NULL)

/* Two of them end the store: memory that cannot be had, and a flush that failed. */
static const struct point points[] = {
    {"io.pwrite", EIO, false},       {"io.pwrite", ENOSPC, false}, {"io.pwrite", EINTR, false},
    {"io.pwrite_short", EIO, false}, {"io.pread", EIO, false},     {"io.fsync", EIO, true},
    {"io.open", EIO, false},         {"io.open", EMFILE, false},   {"io.open", ENOSPC, false},
    {"io.rename", EIO, false},       {"io.unlink", EIO, false},    {"io.ftruncate", EIO, false},
    {"io.malloc", ENOMEM, true},     {"malloc", ENOMEM, true},
};

/* ---- every n -----------------------------------------------------------------------------------
 */

/* How often each is reached when nothing fails. */
static uint64_t hits[WHENS][ARRAY_LEN(points)];

/* A sleep of no time counts and does no harm. */
static void arm_all_to_count(void)
{
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        fault_arm(points[i].name, FAULT_SLEEP, 0, 0, FOR_EVER);
}

static void count_hits(enum when when)
{
    struct trial *trial = xcalloc(1, sizeof(*trial));
    bool serves;

    *trial = (struct trial){.point = points, .when = when, .n = 1, .patience_ms = HANGS_MS};
    begin_with_copy(trial);
    if (when > AT_WORK_IN_LITTLE)
        arm_all_to_count();
    rig_fork(&trial->rig, be_the_store);
    serves = comes_up(trial, false);
    assert_true(serves);
    if (when <= AT_WORK_IN_LITTLE)
        arm_all_to_count();
    if (when != OPENING_NEW) {
        volley(trial, 0);
        volley(trial, VOLLEY);
        assert_true(deeds_all_came(&trial->deeds));
    }
    end_store(trial, serves);
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        hits[when][i] = fault_fired(points[i].name);
    rig_fini(&trial->rig);
    free(trial);
}

/* Returns false when the failure did not come any more. */
static bool fails_at(const struct point *point, enum when when, uint64_t n, bool for_ever)
{
    struct trial *trial = xcalloc(1, sizeof(*trial));
    bool fired;

    *trial = (struct trial){
        .point = point, .when = when, .n = n, .for_ever = for_ever, .patience_ms = QUIET_MS};
    run_trial(trial);
    fired = trial->fired > 0;
    free(trial);
    return fired;
}

static uint64_t trials;

static void fail_at_every_hit(size_t point, enum when when)
{
    for (int for_ever = 0; for_ever <= 1; for_ever++) {
        for (uint64_t n = 1; fails_at(&points[point], when, n, for_ever); n++)
            trials++;
    }
}

/* Two of them, others for each point and place; the second fails for ever. */
static void fail_at_some_hits(size_t point, enum when when)
{
    uint64_t spread = point * 2 + (uint64_t)when * 3;

    for (unsigned i = 0; i < 2; i++, trials++) {
        uint64_t part = (spread + i * 7) % 11;

        (void)fails_at(&points[point], when, 1 + part * hits[when][point] / 11, i == 1);
    }
}

/* Little: log files end within the day, their buffer fills within a batch, and pages have to leave
 * the cache for others. Otherwise not so much that clearing it would take the time of the test. */
static void have_memory(const char *dir, bool little)
{
    char path[4096];
    FILE *file;

    assert_true(snprintf(path, sizeof(path), "%s/DB_CONFIG", dir) < (int)sizeof(path));
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(little ? "set_lg_max 20480\nset_lg_bsize 4096\nset_cachesize 0 40960 1\n"
                 : "set_lg_max 1048576\nset_lg_bsize 131072\nset_cachesize 0 524288 1\n",
          file);
    fclose(file);
}

static void make_template(enum when when)
{
    struct rig *rig = &templates[when];
    struct rig_answer answer;

    rig_init(rig);
    keep_own_memory();
    rig->config.store_cache_mib = CACHE_MIB;
    have_memory(rig->dir, when == AT_WORK_IN_LITTLE);
    if (when == OPENING_NEW)
        return;
    rig_start(rig, NULL);
    for (uint64_t number = 0; number < PEOPLE_FIRST; number++)
        assert_int_equal(rig_signup(rig, number, &answer), STORE_OK);
    if (when == OPENING_KILLED)
        rig_kill(rig);
    else
        assert_int_equal(rig_stop(rig), 0);
}

static int make_templates(void **state)
{
    (void)state;
    /* What fails here is not the disk: a flush may be quick. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    for (int when = 0; when < WHENS; when++)
        make_template((enum when)when);
    snprintf(said, sizeof(said), "%s-said", templates[0].dir);
    return 0;
}

static int drop_templates(void **state)
{
    (void)state;
    for (int when = 0; when < WHENS; when++)
        rig_fini(&templates[when]);
    (void)unlink(said);
    return 0;
}

static void fail_every_point(enum when when)
{
    uint64_t before = trials;

    count_hits(when);
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        if (hits[when][i] == 0)
            continue;
        if (EVERY)
            fail_at_every_hit(i, when);
        else
            fail_at_some_hits(i, when);
    }
    print_message("%llu failures %s\n", (unsigned long long)(trials - before), when_names[when]);
    assert_true(trials - before >= 10);
}

static void test_a_failure_at_work_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    fail_every_point(AT_WORK);
    fail_every_point(AT_WORK_IN_LITTLE);
}

static void test_a_failure_while_a_database_is_made_leaves_one_that_opens(void **state)
{
    (void)state;
    fail_every_point(OPENING_NEW);
}

static void test_a_failure_while_it_opens_or_recovers_loses_nothing(void **state)
{
    (void)state;
    if (EVERY)
        fail_every_point(OPENING_OLD); /* the next one does all of that as well */
    fail_every_point(OPENING_KILLED);
}

#else

static void test_a_release_has_no_points_to_fail_at(void **state)
{
    (void)state;
    assert_int_equal(FAULT_ERRNO("io.pwrite"), 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef GATEPOST_FAULTS
        cmocka_unit_test(test_a_failure_at_work_loses_nothing_that_was_answered),
        cmocka_unit_test(test_a_failure_while_a_database_is_made_leaves_one_that_opens),
        cmocka_unit_test(test_a_failure_while_it_opens_or_recovers_loses_nothing),
    };
    return cmocka_run_group_tests(tests, make_templates, drop_templates);
#else
        cmocka_unit_test(test_a_release_has_no_points_to_fail_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
