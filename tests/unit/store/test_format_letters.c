/* A database of format 2, with letters as that format had them, is brought up to today's. */
#include "old_store.h"
#include "store/outbox.h"
#include "store/record.h"

#define LETTERS 2500U /* the step takes them in three transactions */
#define DEAD    100U  /* of them: the first ones */

static void put(struct call *call, enum table table, struct slice key, const struct packer *value)
{
    assert_false(value->overflow);
    row_put(call, table, key, packer_slice(value));
}

static void put_letter(struct call *call, uint64_t number)
{
    const struct rig_person person = rig_person(number);
    const bool dead = number < DEAD;
    uint8_t job_bytes[1024], row_bytes[2048], due_bytes[LETTER_DUE_KEY_BYTES];
    struct packer job = packer_over(job_bytes, sizeof(job_bytes));
    struct packer row = packer_over(row_bytes, sizeof(row_bytes));

    mail_job_pack(&job, &(struct mail_job){.job_id = person.job_id,
                                           .purpose = MAIL_VERIFY,
                                           .proof_id = person.proof_id,
                                           .to = slice_of_text(person.email),
                                           .username = slice_of_text(person.username),
                                           .created = RIG_NOW,
                                           .expires = RIG_NOW + 86400000});
    letter_row_1_pack(&row, &(struct letter_row_1){.dead = dead,
                                                   .due = RIG_NOW,
                                                   .created = RIG_NOW,
                                                   .tries = 3,
                                                   .reply = SLICE_LITERAL("450 later"),
                                                   .job = packer_slice(&job)});
    put(call, TABLE_OUTBOX, uuid_slice(&person.job_id), &row);
    if (!dead)
        row_put(call, TABLE_OUTBOX_BY_DUE, letter_due_key(RIG_NOW, &person.job_id, due_bytes),
                (struct slice){0});
}

static void remove_table(struct env *env, enum table table, const char *file)
{
    assert_int_equal(env->tables[table]->close(env->tables[table], 0), 0);
    env->tables[table] = NULL;
    assert_int_equal(env->db_env->dbremove(env->db_env, NULL, file, NULL, DB_AUTO_COMMIT), 0);
}

/* As a program of format 2 left it. */
static void make_old(const struct rig *rig)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct call call = {.env = env};
    uint8_t format_bytes[16], tally_bytes[64];
    struct packer format = packer_over(format_bytes, sizeof(format_bytes));
    struct packer tally = packer_over(tally_bytes, sizeof(tally_bytes));
    struct err err;

    assert_true(open_here(rig, env, &err));
    format_row_pack(&format, &(struct format_row){.format = 2});
    tally_row_1_pack(&tally, &(struct tally_row_1){.pending = LETTERS - DEAD, .dead = DEAD});
    assert_int_equal(env->db_env->txn_begin(env->db_env, NULL, &call.txn, 0), 0);
    put(&call, TABLE_META, SLICE_LITERAL("format"), &format);
    put(&call, TABLE_META, SLICE_LITERAL("tally"), &tally);
    for (uint64_t i = 0; i < LETTERS; i++)
        put_letter(&call, i);
    assert_int_equal(call.failure, 0);
    assert_int_equal(call.txn->commit(call.txn, DB_TXN_SYNC), 0);
    remove_table(env, TABLE_OUTBOX_BY_ADDRESS, "outbox_by_address.db");
    remove_table(env, TABLE_SUPPRESSIONS, "suppressions.db");
    env_close(env);
    free(env);
}

static int start(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));

    rig_init(rig);
    make_old(rig);
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

static void assert_letter(struct call *call, uint64_t number)
{
    const struct rig_person person = rig_person(number);
    struct address_walk *walk = xcalloc(1, sizeof(*walk));
    struct row storage;
    struct letter_row letter;
    struct uuid job_id;

    assert_true(letter_load(call, &person.job_id, &storage, &letter));
    assert_int_equal(letter.state, number < DEAD ? LETTER_DEAD : LETTER_PENDING);
    assert_int_equal(letter.tries, 3);
    assert_int_equal(letter.history.len, 0);
    assert_true(slice_equal(letter.reply, SLICE_LITERAL("450 later")));
    address_walk_open(walk, call, slice_of_text(person.email), &(struct uuid){{0}});
    assert_true(address_walk_next(walk, &job_id));
    assert_true(uuid_equal(&job_id, &person.job_id));
    assert_false(address_walk_next(walk, &job_id));
    walk_close(&walk->walk);
    free(walk);
}

static void assert_migrated(const struct rig *rig)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct call call = {.env = env};
    struct err err;

    if (!open_here(rig, env, &err))
        fail_msg("%s", err.text);
    assert_int_equal(rows_in(&call, TABLE_OUTBOX_BY_ADDRESS), LETTERS);
    assert_int_equal(rows_in(&call, TABLE_SUPPRESSIONS), 0);
    assert_int_equal(env->tally.pending, LETTERS - DEAD);
    assert_int_equal(env->tally.dead, DEAD);
    assert_int_equal(env->tally.sent + env->tally.suppressed, 0);
    assert_int_equal(env->tally.mail_paused, 0);
    assert_letter(&call, 1);
    assert_letter(&call, DEAD);
    assert_letter(&call, LETTERS - 1);
    assert_int_equal(call.failure, 0);
    env_close(env);
    free(env);
}

static void test_old_letters_are_read_and_listed_by_address(void **state)
{
    assert_migrated(*state);
    assert_migrated(*state); /* once */
}

/* The old row is written anew by what changes it. */
static void test_an_old_letter_is_settled(void **state)
{
    const struct rig *rig = *state;
    struct env *env = xcalloc(1, sizeof(*env));
    struct call call = {.env = env, .now = RIG_NOW};
    const struct uuid job_id = rig_person(DEAD).job_id;
    struct row storage;
    struct letter_row letter;
    struct err err;

    assert_true(open_here(rig, env, &err));
    assert_int_equal(env->db_env->txn_begin(env->db_env, NULL, &call.txn, 0), 0);
    assert_true(letter_load(&call, &job_id, &storage, &letter));
    letter_move(&call, &job_id, &letter, LETTER_SENT, 0);
    assert_int_equal(call.failure, 0);
    assert_int_equal(call.txn->commit(call.txn, 0), 0);
    call.txn = NULL;
    assert_true(row_get(&call, TABLE_OUTBOX, uuid_slice(&job_id), &storage));
    assert_true(letter_row_unpack(row_slice(&storage), &letter));
    assert_int_equal(letter.state, LETTER_SENT);
    assert_int_equal(rows_in(&call, TABLE_OUTBOX_BY_DUE), LETTERS - DEAD - 1);
    env_close(env);
    free(env);
}

#ifdef GATEPOST_FAULTS
static void test_a_start_that_is_killed_in_the_step_is_made_good_by_the_next(void **state)
{
    static const struct start_kill kills[] = {
        {"s.opening", 12},      {"s.opening", 13},         {"s.migrating", 0},
        {"s.migrating", 2},     {"s.migrated_some", 0},    {"s.before_put", 1200},
        {"s.migrated_some", 2}, {"s.migration_filled", 0}, {"s.migrating", 3},
        {"s.before_put", 2500}, {"s.migrated_some", 3},
    };
    const struct rig *rig = *state;

    kill_starts(rig, kills, ARRAY_LEN(kills));
    assert_migrated(rig);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
        TEST(test_old_letters_are_read_and_listed_by_address),
        TEST(test_an_old_letter_is_settled),
#ifdef GATEPOST_FAULTS
        TEST(test_a_start_that_is_killed_in_the_step_is_made_good_by_the_next),
#endif
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
