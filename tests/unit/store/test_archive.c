/* Which log files must stay: those that a backup under way needs, and with store.archive those that
 * none has. */
#include "desk.h"

#include "store/archive.h"
#include "store/durable.h"

static void test_without_an_archive_nothing_is_kept_but_for_a_backup_under_way(void **state)
{
    struct desk *desk = *state;
    struct archive *archive = archive_new(desk->rig.dir, false);

    assert_int_equal(archive_first_kept(NULL), 0);
    assert_int_equal(archive_first_kept(archive), 0);
    archive_pin(archive, 7);
    assert_int_equal(archive_first_kept(archive), 7);
    archive_pin(archive, 0);
    assert_int_equal(archive_first_kept(archive), 0);
    archive_free(&archive);
}

static void test_what_is_backed_up_may_go_and_that_is_remembered(void **state)
{
    struct desk *desk = *state;
    struct archive *archive = archive_new(desk->rig.dir, true);
    char path[128];

    assert_int_equal(archive_first_kept(archive), 1);
    archive_note(archive, 5, RIG_NOW);
    assert_int_equal(archive_first_kept(archive), 5);
    archive_pin(archive, 3);
    assert_int_equal(archive_first_kept(archive), 3);
    archive_pin(archive, 9);
    assert_int_equal(archive_first_kept(archive), 5);
    archive_free(&archive);

    archive = archive_new(desk->rig.dir, true);
    assert_int_equal(archive_look(archive).backed_up, 5);
    assert_int_equal(archive_look(archive).when, RIG_NOW);
    archive_free(&archive);

    (void)snprintf(path, sizeof(path), "%s/backed-up", desk->rig.dir);
    assert_int_equal(truncate(path, 30), 0); /* half there */
    archive = archive_new(desk->rig.dir, true);
    assert_int_equal(archive_first_kept(archive), 1);
    archive_free(&archive);
}

static bool has_log(const struct desk *desk, uint32_t file)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/log.%010u", desk->rig.dir, file);
    return access(path, F_OK) == 0;
}

/* A log of several files, all but the newest of which no recovery needs. */
static uint32_t fill_the_log(struct desk *desk)
{
    DB_ENV *db_env = desk->env.db_env;

    for (uint64_t number = 1; durable_end_of_log(db_env).file < 4; number++)
        assert_int_equal(sign_up(desk, number), STORE_OK);
    assert_int_equal(db_env->txn_checkpoint(db_env, 0, 0, DB_FORCE), 0);
    return durable_end_of_log(db_env).file;
}

static void test_files_from_the_first_kept_on_stay(void **state)
{
    struct desk *desk = *state;
    DB_ENV *db_env = desk->env.db_env;
    uint32_t needed;
    uint64_t kept;

    const uint32_t last = fill_the_log(desk);
    assert_int_equal(durable_first_needed(db_env, &needed), 0);
    assert_in_range(needed, 3, last);
    assert_int_equal(durable_remove_old(db_env, -1, 1, &kept), 0);
    assert_int_equal(kept, needed - 1);
    assert_true(has_log(desk, 1));
    assert_int_equal(durable_remove_old(db_env, -1, 2, &kept), 0);
    assert_int_equal(kept, needed - 2);
    assert_false(has_log(desk, 1));
    assert_true(has_log(desk, 2));
    assert_int_equal(durable_remove_old(db_env, -1, 0, &kept), 0);
    assert_int_equal(kept, 0);
    assert_false(has_log(desk, 2));
    assert_true(has_log(desk, needed));
    assert_int_equal(durable_first_needed(db_env, &needed), 0);
    assert_true(has_log(desk, needed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_without_an_archive_nothing_is_kept_but_for_a_backup_under_way, start, end),
        cmocka_unit_test_setup_teardown(test_what_is_backed_up_may_go_and_that_is_remembered, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_files_from_the_first_kept_on_stay, start_small, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
