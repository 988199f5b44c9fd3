/* A backup that is taken slowly: it holds up neither writes nor checkpoints, and what comes out of
 * it is whole; one that nobody takes any more ends; one at a time. */
#include "backup_copy.h"

#include "store/check.h"

#define PEOPLE 4000U /* more pages than the pipe has room for */

static void on_problem(void *context, const char *sentence)
{
    (void)context;
    fail_msg("%s", sentence);
}

static void on_progress(void *context, uint64_t rows)
{
    (void)context;
    (void)rows;
}

static void expect_people(struct desk *desk, struct copy *copy, uint64_t least)
{
    const uint32_t slot = segment_store_slot(desk->rig.segment);
    struct env *env = xcalloc(1, sizeof(*env));
    struct err err = {{0}};

    if (!env_replay(copy->dir, 16, desk->rig.segment, slot, &err) ||
        !env_open(env, copy->dir, 16, desk->rig.segment, slot, &err))
        fail_msg("%s", err.text);
    struct check check = {.env = env, .on_problem = on_problem, .on_progress = on_progress};
    check_all(&check);
    assert_int_equal(check.problems, 0);
    assert_true(check.rows[TABLE_USERS] >= least);
    env_close(env);
    free(env);
}

static void test_one_that_is_taken_slowly_holds_nothing_up(void **state)
{
    struct desk *desk = *state;
    DB_ENV *db_env = desk->env.db_env;
    struct copy copy = {.fd = -1, .stream = backup_stream_new()};
    const struct backup_order order = {.logs_only = false};
    uint64_t id;
    uint64_t bytes;
    uint64_t at = 0;
    uint64_t number = PEOPLE;

    (void)snprintf(copy.dir, sizeof(copy.dir), "/tmp/gatepost-copy-XXXXXX");
    assert_non_null(mkdtemp(copy.dir));
    sign_up_many(desk, 1, PEOPLE);
    assert_int_equal(db_env->txn_checkpoint(db_env, 0, 0, DB_FORCE), 0);
    assert_true(backup_begin(desk->env.backup, &order, clock_mono_ns(), &id, &bytes));
    assert_true(bytes > 3U << 20);
    usleep(300000); /* the pipe is full by now */
    for (int i = 0; i < 3; i++) {
        const mono_ns began = clock_mono_ns();

        sign_up_many(desk, number, number + 100); /* over pages that are being read */
        number += 100;
        assert_int_equal(db_env->txn_checkpoint(db_env, 0, 0, DB_FORCE), 0);
        assert_true(clock_mono_ns() - began < 20 * NS_PER_S);
        for (int j = 0; j < 100; j++)
            assert_true(take(desk, &copy, id, &at));
    }
    assert_false(copy.whole);
    while (take(desk, &copy, id, &at))
        ;
    assert_true(copy.whole);
    close(copy.fd);
    assert_true(backup_end(desk->env.backup, id, true));
    assert_int_equal(archive_look(desk->env.archive).backed_up, copy.summary.end_file);
    assert_true(backup_look(desk->env.backup, clock_mono_ns()));
    assert_false(backup_look(desk->env.backup, clock_mono_ns()));
    expect_people(desk, &copy, PEOPLE + 99); /* what there was while the first pages were read */
    backup_stream_free(&copy.stream);
    nftw(copy.dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_one_at_a_time_and_from_where_it_is(void **state)
{
    struct desk *desk = *state;
    const struct backup_order order = {.logs_only = false};
    const mono_ns now = clock_mono_ns();
    uint8_t byte[100];
    uint64_t id;
    uint64_t other;
    uint64_t bytes;
    size_t len;

    assert_true(backup_begin(desk->env.backup, &order, now, &id, &bytes));
    assert_false(backup_begin(desk->env.backup, &order, now, &other, &bytes));
    assert_false(backup_take(desk->env.backup, id + 1, 0, now, byte, sizeof(byte), &len));
    assert_false(backup_take(desk->env.backup, id, 1, now, byte, sizeof(byte), &len));
    do {
        assert_true(backup_take(desk->env.backup, id, 0, now, byte, sizeof(byte), &len));
    } while (len == 0);
    assert_false(backup_take(desk->env.backup, id, 0, now, byte, sizeof(byte), &len));
    assert_false(backup_end(desk->env.backup, id, true)); /* there is more of it */
    assert_true(backup_end(desk->env.backup, id, false));
    assert_false(backup_end(desk->env.backup, id, false));
    assert_int_equal(archive_look(desk->env.archive).backed_up, 0);
    assert_true(backup_begin(desk->env.backup, &order, now, &other, &bytes));
    assert_true(other != id);
}

static void test_one_that_nobody_takes_ends(void **state)
{
    struct desk *desk = *state;
    const struct backup_order order = {.logs_only = false};
    const mono_ns now = clock_mono_ns();
    uint64_t id;
    uint64_t bytes;

    assert_true(backup_begin(desk->env.backup, &order, now, &id, &bytes));
    assert_false(backup_look(desk->env.backup, now + 50 * NS_PER_S));
    assert_false(backup_begin(desk->env.backup, &order, now, &id, &bytes));
    assert_false(backup_look(desk->env.backup, now + 61 * NS_PER_S));
    assert_int_equal(archive_first_kept(desk->env.archive), 0);
    assert_true(backup_begin(desk->env.backup, &order, now, &id, &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_that_is_taken_slowly_holds_nothing_up,
                                        start_backups, end_backups),
        cmocka_unit_test_setup_teardown(test_one_at_a_time_and_from_where_it_is, start_backups,
                                        end_backups),
        cmocka_unit_test_setup_teardown(test_one_that_nobody_takes_ends, start_backups,
                                        end_backups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
