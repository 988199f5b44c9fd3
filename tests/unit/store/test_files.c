/* What the store does with its files before the database is opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "desk.h"
#include "store/sync.h"

static int syncs;

static int counting_sync(int fd)
{
    (void)fd;
    syncs++;
    return 0;
}

static bool is_there(const struct desk *desk, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", desk->rig.dir, name);
    return access(path, F_OK) == 0;
}

static void put_file(const struct desk *desk, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", desk->rig.dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void open_again(struct desk *desk)
{
    struct err err = {{0}};

    if (!env_open(&desk->env, desk->rig.dir, 16, desk->rig.segment,
                  segment_store_slot(desk->rig.segment), &err))
        fail_msg("%s", err.text);
}

static void test_a_first_start_that_was_cut_short_is_begun_anew(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    env_close(&desk->env);
    assert_false(is_there(desk, "unfinished"));
    put_file(desk, "unfinished");
    put_file(desk, "users.db"); /* as two cuts left it: a start that believed it would panic */
    put_file(desk, "__db.80000003.92529505");
    put_file(desk, "lost+found");
    open_again(desk);
    assert_int_equal(desk->env.tally.users, 0);
    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_false(is_there(desk, "unfinished"));
    assert_false(is_there(desk, "__db.80000003.92529505"));
    assert_true(is_there(desk, "lost+found"));
    assert_true(is_there(desk, "unfinished-files/__db.80000003.92529505"));
}

/* Somebody restored a backup into a directory where the mark still lay. */
static void test_a_mark_beside_a_database_in_use_removes_nothing(void **state)
{
    struct desk *desk = *state;
    struct err err = {{0}};
    char mark[256];

    for (uint64_t number = 0; number < 100; number++)
        assert_int_equal(sign_up(desk, number), STORE_OK);
    env_close(&desk->env);
    put_file(desk, "unfinished");
    assert_false(env_open(&desk->env, desk->rig.dir, 16, desk->rig.segment,
                          segment_store_slot(desk->rig.segment), &err));
    assert_non_null(strstr(err.text, "unfinished"));
    snprintf(mark, sizeof(mark), "%s/unfinished", desk->rig.dir);
    assert_int_equal(unlink(mark), 0);
    open_again(desk);
    assert_int_equal(sign_up(desk, 99), STORE_DUPLICATE);
}

static void test_what_a_killed_store_left_in_the_page_cache_is_synced_first(void **state)
{
    struct desk *desk = *state;

    env_close(&desk->env);
    syncs = 0;
    sync_replace(counting_sync);
    open_again(desk); /* recovery's own syncs do not come this way here: nothing hooked them */
    assert_int_equal(syncs, TABLE_COUNT + 3); /* the log, the names, the note */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_first_start_that_was_cut_short_is_begun_anew, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_mark_beside_a_database_in_use_removes_nothing, start,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_what_a_killed_store_left_in_the_page_cache_is_synced_first, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
