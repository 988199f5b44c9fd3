/* A database of format 1 is brought up to today's, and nothing that happens meanwhile harms it. */
#include <sys/stat.h>

#include "old_store.h"
#include "store/audit.h"
#include "store/record.h"

#define OLD_ROWS 2500U /* the step takes them in three transactions */

static void put_old_row(struct call *call, uint64_t number)
{
    uint8_t key_bytes[AUDIT_KEY_BYTES];
    uint8_t bytes[128];
    struct packer key = packer_over(key_bytes, sizeof(key_bytes));
    struct packer value = packer_over(bytes, sizeof(bytes));

    pack_u64(&key, 1700000000000 + number);
    pack_u64(&key, number);
    audit_row_1_pack(&value, &(struct audit_row_1){.event = AUDIT_SESSION_OPENED,
                                                   .user_id = rig_uuid(1, number % 5),
                                                   .peer = SLICE_LITERAL("192.0.2.1")});
    row_put(call, TABLE_AUDIT, packer_slice(&key), packer_slice(&value));
}

/* As a program of format 1 left it: rows of version 1, no table by account. */
static void make_old(const struct rig *rig, uint64_t rows)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct call call = {.env = env};
    uint8_t bytes[16];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct err err;

    assert_true(open_here(rig, env, &err));
    format_row_pack(&packer, &(struct format_row){.format = 1});
    assert_int_equal(env->db_env->txn_begin(env->db_env, NULL, &call.txn, 0), 0);
    row_put(&call, TABLE_META, SLICE_LITERAL("format"), packer_slice(&packer));
    for (uint64_t i = 0; i < rows; i++)
        put_old_row(&call, i);
    assert_int_equal(call.failure, 0);
    assert_int_equal(call.txn->commit(call.txn, DB_TXN_SYNC), 0);
    assert_int_equal(env->tables[TABLE_AUDIT_BY_USER]->close(env->tables[TABLE_AUDIT_BY_USER], 0),
                     0);
    env->tables[TABLE_AUDIT_BY_USER] = NULL;
    assert_int_equal(
        env->db_env->dbremove(env->db_env, NULL, "audit_by_user.db", NULL, DB_AUTO_COMMIT), 0);
    env_close(env);
    free(env);
}

static void rig_empty(const struct rig *rig)
{
    nftw(rig->dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(rig->dir, 0700), 0);
}

static int start(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));

    rig_init(rig);
    make_old(rig, OLD_ROWS);
    *state = rig;
    return 0;
}

static int end(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

static uint64_t rows_in(struct call *call, enum table table)
{
    struct walk *walk = xcalloc(1, sizeof(*walk));
    uint64_t rows = 0;

    for (walk_open(walk, call, table, (struct slice){0}); walk_next(walk);)
        rows++;
    walk_close(walk);
    free(walk);
    return rows;
}

/* Every old row is listed, and the chain that the last row carries is that of all of them. */
static void assert_migrated(const struct rig *rig, uint64_t rows)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct walk *walk = xcalloc(1, sizeof(*walk));
    struct call call = {.env = env};
    uint8_t chain[AUDIT_CHAIN_BYTES] = {0};
    struct audit_row row = {0};
    uint64_t seen = 0;
    struct err err;

    if (!open_here(rig, env, &err))
        fail_msg("%s", err.text);
    assert_int_equal(rows_in(&call, TABLE_AUDIT_BY_USER), rows);
    walk_open(walk, &call, TABLE_AUDIT, (struct slice){0});
    while (walk_next(walk)) {
        audit_chain_step(chain, walk_key(walk), row_slice(&walk->row));
        assert_true(audit_read(row_slice(&walk->row), &row));
        assert_true((row.chain.len == 0) == (seen < rows));
        assert_int_equal(row.event, seen < rows ? AUDIT_SESSION_OPENED : AUDIT_CHAIN_BEGUN);
        seen++;
    }
    assert_int_equal(seen, rows + 1);
    assert_true(slice_equal(row.detail, SLICE_LITERAL("2500")));
    assert_memory_equal(row.chain.at, chain, sizeof(chain));
    assert_memory_equal(env->audit.chain, chain, sizeof(chain));
    walk_close(walk);
    free(walk);
    env_close(env);
    free(env);
}

static void test_old_rows_are_listed_and_the_chain_vouches_for_them(void **state)
{
    assert_migrated(*state, OLD_ROWS);
    assert_migrated(*state, OLD_ROWS); /* once */
}

#ifdef GATEPOST_FAULTS
static void test_a_start_that_is_killed_in_the_step_is_made_good_by_the_next(void **state)
{
    static const struct start_kill kills[] = {
        {"s.opening", 11},      {"s.opening", 12},         {"s.migrating", 0},
        {"s.migrating", 2},     {"s.migrated_some", 0},    {"s.before_put", 1200},
        {"s.migrated_some", 2}, {"s.migration_filled", 0}, {"s.migrating", 3},
        {"s.before_put", 2501}, {"s.migrated_some", 3},
    };
    const struct rig *rig = *state;

    kill_starts(rig, kills, ARRAY_LEN(kills));
    assert_migrated(rig, OLD_ROWS);
}
#endif

/* What a power cut in the step can leave of the new table: a name, and nothing or zeros behind it.
 */
static void test_a_new_table_that_a_power_cut_emptied_is_made_again(void **state)
{
    static const char zeros[8192];
    const struct rig *rig = *state;

    for (size_t len = 0; len <= sizeof(zeros); len += 4096) {
        char path[200];

        snprintf(path, sizeof(path), "%s/audit_by_user.db", rig->dir);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(zeros, 1, len, file), len);
        assert_int_equal(fclose(file), 0);
        assert_migrated(rig, OLD_ROWS);
        if (len < sizeof(zeros)) {
            rig_empty(rig);
            make_old(rig, OLD_ROWS);
        }
    }
}

static void test_a_database_that_lost_the_table_later_is_refused(void **state)
{
    const struct rig *rig = *state;
    struct env *env = xcalloc(1, sizeof(*env));
    char path[200];
    struct err err;

    assert_migrated(rig, OLD_ROWS);
    snprintf(path, sizeof(path), "%s/audit_by_user.db", rig->dir);
    assert_int_equal(unlink(path), 0);
    assert_false(open_here(rig, env, &err));
    assert_non_null(strstr(err.text, "audit_by_user.db"));
    free(env);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_old_rows_are_listed_and_the_chain_vouches_for_them),
#ifdef GATEPOST_FAULTS
        TEST(test_a_start_that_is_killed_in_the_step_is_made_good_by_the_next),
#endif
        TEST(test_a_new_table_that_a_power_cut_emptied_is_made_again),
        TEST(test_a_database_that_lost_the_table_later_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
