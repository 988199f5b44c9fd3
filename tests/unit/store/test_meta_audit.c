/* What the database keeps beside the accounts: which format it has, and what happened when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/audit.h"
#include "store/record.h"
#include "store_rig.h"

#define ROWS_MAX 8

static int start(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));

    rig_init(rig);
    rig_start(rig, NULL);
    *state = rig;
    return 0;
}

static int end(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

static bool open_here(const struct rig *rig, struct env *env, struct err *err)
{
    return env_open(env, rig->dir, 16, rig->segment, segment_store_slot(rig->segment), err);
}

static void write_format(const struct rig *rig, uint32_t format)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct call call = {.env = env};
    uint8_t bytes[16];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct err err;

    assert_true(open_here(rig, env, &err));
    format_row_pack(&packer, &(struct format_row){.format = format});
    assert_int_equal(env->db_env->txn_begin(env->db_env, NULL, &call.txn, 0), 0);
    row_put(&call, TABLE_META, SLICE_LITERAL("format"), packer_slice(&packer));
    assert_int_equal(call.txn->commit(call.txn, DB_TXN_SYNC), 0);
    env_close(env);
    free(env);
}

static void test_a_database_of_another_format_is_refused_with_both_numbers(void **state)
{
    struct rig *rig = *state;
    struct env *env = xcalloc(1, sizeof(*env));
    struct err err;
    int status;

    assert_int_equal(rig_stop(rig), 0);
    write_format(rig, STORE_FORMAT + 1);
    assert_false(open_here(rig, env, &err));
    assert_non_null(strstr(err.text, "has format 4"));
    assert_non_null(strstr(err.text, "format 3"));
    free(env);

    rig_fork(rig, NULL);
    status = rig_reap(rig);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_STORE_OPEN);
}

static void lose(const struct rig *rig, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", rig->dir, name);
    assert_int_equal(unlink(path), 0);
}

static void assert_refused_naming(const struct rig *rig, const char *name)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct err err;

    assert_false(open_here(rig, env, &err));
    assert_non_null(strstr(err.text, name));
    free(env);
}

static void test_a_database_that_lost_its_tally_is_refused(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;

    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(rig_stop(rig), 0);
    lose(rig, "meta.db");
    assert_refused_naming(rig, "meta.db");
}

static void test_a_database_that_lost_a_table_is_refused_and_stays_so(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;

    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(rig_stop(rig), 0);
    lose(rig, "users_by_name.db");
    assert_refused_naming(rig, "users_by_name.db");
    assert_refused_naming(rig, "users_by_name.db"); /* the first try made no empty one */
}

static enum store_status spend(struct rig *rig, uint64_t number)
{
    uint8_t bytes[128];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_answer answer;

    proof_spend_ask_pack(&packer, &(struct proof_spend_ask){.proof_id = rig_person(number).proof_id,
                                                            .purpose = MAIL_VERIFY,
                                                            .peer = SLICE_LITERAL("192.0.2.7"),
                                                            .now = RIG_NOW});
    return rig_ask(rig, STORE_PROOF_SPEND, &packer, &answer);
}

static enum store_status rehash(struct rig *rig, uint64_t number)
{
    uint8_t bytes[512];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_answer answer;

    password_rehash_ask_pack(
        &packer, &(struct password_rehash_ask){.user_id = rig_person(number).user_id,
                                               .old_password = SLICE_LITERAL(RIG_PASSWORD),
                                               .new_password = SLICE_LITERAL("new")});
    return rig_ask(rig, STORE_PASSWORD_REHASH, &packer, &answer);
}

/* The trail as the keys order it. Returns how many rows it has. */
static size_t read_trail(const struct rig *rig, struct audit_row rows_out[ROWS_MAX])
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct call call = {.env = env};
    struct walk *walk = xcalloc(1, sizeof(*walk));
    struct err err;
    size_t count = 0;

    assert_true(open_here(rig, env, &err));
    walk_open(walk, &call, TABLE_AUDIT, (struct slice){0});
    for (; walk_next(walk); count++) {
        assert_true(count < ROWS_MAX);
        assert_true(audit_row_unpack(row_slice(&walk->row), &rows_out[count]));
        rows_out[count].peer = (struct slice){0}; /* it goes with the walk */
    }
    walk_close(walk);
    free(walk);
    env_close(env);
    free(env);
    return count;
}

/* A row of the year 2100: what a clock that was wrong for a while leaves behind. */
static void add_row_of_the_future(const struct rig *rig, uint64_t number)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct call call = {.env = env, .now = RIG_NOW};
    struct uuid user_id = rig_person(number).user_id;
    struct err err;

    assert_true(open_here(rig, env, &err));
    assert_int_equal(env->db_env->txn_begin(env->db_env, NULL, &call.txn, 0), 0);
    audit_add(&call, AUDIT_SIGNED_UP, &user_id, SLICE_LITERAL("192.0.2.7"));
    assert_int_equal(call.txn->commit(call.txn, DB_TXN_SYNC), 0);
    env_close(env);
    free(env);
}

static void assert_row(const struct audit_row *row, enum audit_event event, uint64_t number)
{
    struct uuid user_id = rig_person(number).user_id;

    assert_int_equal(row->event, event);
    assert_true(uuid_equal(&row->user_id, &user_id));
}

static void test_what_happened_stands_in_the_trail_in_order_and_a_refusal_does_not(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;
    struct audit_row rows[ROWS_MAX];

    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(rig_signup(rig, 2, &answer), STORE_OK);
    assert_int_equal(rig_signup(rig, 1, &answer), STORE_DUPLICATE);
    assert_int_equal(spend(rig, 1), STORE_OK);
    assert_int_equal(spend(rig, 1), STORE_SPENT);
    assert_int_equal(rehash(rig, 2), STORE_OK);
    assert_int_equal(rehash(rig, 2), STORE_SPENT);
    assert_int_equal(rig_stop(rig), 0);
    assert_int_equal(read_trail(rig, rows), 4);
    assert_row(&rows[0], AUDIT_SIGNED_UP, 1);
    assert_row(&rows[1], AUDIT_SIGNED_UP, 2);
    assert_row(&rows[2], AUDIT_EMAIL_VERIFIED, 1);
    assert_row(&rows[3], AUDIT_PASSWORD_REHASHED, 2);
}

static void test_a_successor_goes_on_behind_the_last_row_whatever_the_clock_says(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;
    struct audit_row rows[ROWS_MAX];

    assert_int_equal(rig_stop(rig), 0);
    add_row_of_the_future(rig, 9);
    rig_start(rig, NULL);
    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(rig_signup(rig, 2, &answer), STORE_OK);
    assert_int_equal(rig_stop(rig), 0);
    assert_int_equal(read_trail(rig, rows), 3);
    assert_row(&rows[0], AUDIT_SIGNED_UP, 9);
    assert_row(&rows[1], AUDIT_SIGNED_UP, 1);
    assert_row(&rows[2], AUDIT_SIGNED_UP, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_database_of_another_format_is_refused_with_both_numbers),
        TEST(test_a_database_that_lost_its_tally_is_refused),
        TEST(test_a_database_that_lost_a_table_is_refused_and_stays_so),
        TEST(test_what_happened_stands_in_the_trail_in_order_and_a_refusal_does_not),
        TEST(test_a_successor_goes_on_behind_the_last_row_whatever_the_clock_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
