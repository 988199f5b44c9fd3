/* `gatepost verify` finds each kind of damage that a program could do, on whichever side it is: a
 * row taken out, a row too many, one that leads elsewhere, one that cannot be read. */
#include "desk.h"

#include "store/check.h"
#include "store/outbox.h"

struct told {
    size_t count;
    char text[16][512];
};

static void on_problem(void *context, const char *sentence)
{
    struct told *told = context;

    if (told->count < ARRAY_LEN(told->text))
        (void)snprintf(told->text[told->count], sizeof(told->text[0]), "%s", sentence);
    told->count++;
}

static void on_progress(void *context, uint64_t rows)
{
    (void)context;
    (void)rows;
}

static struct told look_from(struct desk *desk, uint64_t events, const uint8_t *chain)
{
    struct told told = {.count = 0};
    struct check check = {.env = &desk->env,
                          .on_problem = on_problem,
                          .on_progress = on_progress,
                          .context = &told,
                          .audit_events = events};

    if (chain != NULL)
        memcpy(check.audit_chain, chain, AUDIT_CHAIN_BYTES);
    check_all(&check);
    assert_int_equal(check.problems, told.count);
    return told;
}

static struct told look(struct desk *desk)
{
    return look_from(desk, 0, NULL);
}

static void expect(const struct told *told, const char *words)
{
    for (size_t i = 0; i < told->count && i < ARRAY_LEN(told->text); i++) {
        if (strstr(told->text[i], words) != NULL)
            return;
    }
    fail_msg("nobody said \"%s\" (of %zu, the first: %s)", words, told->count,
             told->count > 0 ? told->text[0] : "");
}

static void begin(struct desk *desk)
{
    desk->call = (struct call){.env = &desk->env, .now = desk->now};
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &desk->call.txn, 0), 0);
}

static void commit(struct desk *desk)
{
    assert_int_equal(desk->call.failure, 0);
    assert_int_equal(desk->call.txn->commit(desk->call.txn, 0), 0);
    desk->call.txn = NULL;
}

static void people(struct desk *desk)
{
    for (uint64_t number = 1; number <= 3; number++)
        assert_int_equal(sign_up(desk, number), STORE_OK);
    const struct told told = look(desk);
    if (told.count > 0)
        fail_msg("%s", told.text[0]);
}

/* Past all that rows.c does. */
static void put_raw(struct desk *desk, enum table table, struct slice key, struct slice value)
{
    DB *db = desk->env.tables[table];
    DBT key_dbt = {.data = (void *)(uintptr_t)key.at, .size = (u_int32_t)key.len};
    DBT value_dbt = {.data = (void *)(uintptr_t)value.at, .size = (u_int32_t)value.len};

    assert_int_equal(db->put(db, desk->call.txn, &key_dbt, &value_dbt, 0), 0);
}

/* The first row of a table. */
static void first(struct desk *desk, enum table table, struct walk *walk)
{
    walk_open(walk, &desk->call, table, (struct slice){0});
    assert_true(walk_next(walk));
    walk_close(walk);
}

static void test_a_row_that_was_taken_out_is_missed(void **state)
{
    static const struct {
        enum table table;
        const char *words;
    } cases[] = {
        {TABLE_USERS, "users_by_name.db: row"},
        {TABLE_USERS_BY_NAME, "is not found by its user name"},
        {TABLE_USERS_BY_EMAIL, "is not found by its address"},
        {TABLE_USERS_BY_SUBJECT, "is not found by its subject"},
        {TABLE_OUTBOX, "leads to no letter that is due then"},
        {TABLE_OUTBOX_BY_DUE, "is missing from the list by due time"},
        {TABLE_OUTBOX_BY_ADDRESS, "is missing from its address's list"},
        {TABLE_AUDIT, "breaks the chain"},
        {TABLE_AUDIT_BY_USER, "is missing from its account's list"},
    };
    struct desk *desk = *state;
    struct walk *walk = xcalloc(1, sizeof(*walk));

    people(desk);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin(desk);
        first(desk, cases[i].table, walk);
        assert_true(row_delete(&desk->call, cases[i].table, walk_key(walk)));
        commit(desk);
        const struct told told = look(desk);
        expect(&told, cases[i].words);
        begin(desk);
        row_put(&desk->call, cases[i].table, walk_key(walk), row_slice(&walk->row));
        commit(desk);
        assert_int_equal(look(desk).count, 0);
    }
    free(walk);
}

static void test_a_row_that_cannot_be_read_is_named(void **state)
{
    static const enum table tables[] = {TABLE_USERS, TABLE_USERS_BY_NAME, TABLE_PROOFS,
                                        TABLE_OUTBOX, TABLE_AUDIT};
    struct desk *desk = *state;
    struct walk *walk = xcalloc(1, sizeof(*walk));

    people(desk);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        begin(desk);
        first(desk, tables[i], walk);
        put_raw(desk, tables[i], walk_key(walk), SLICE_LITERAL("nonsense"));
        commit(desk);
        const struct told told = look(desk);
        expect(&told, "cannot be read");
        begin(desk);
        row_put(&desk->call, tables[i], walk_key(walk), row_slice(&walk->row));
        commit(desk);
    }
    static const enum table others[] = {TABLE_ANSWERS, TABLE_SESSIONS, TABLE_SUPPRESSIONS};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        begin(desk);
        row_put(&desk->call, others[i], SLICE_LITERAL("nonsense"), SLICE_LITERAL("more"));
        commit(desk);
        const struct told told = look(desk);
        expect(&told, "row nonsense cannot be read");
        begin(desk);
        assert_true(row_delete(&desk->call, others[i], SLICE_LITERAL("nonsense")));
        commit(desk);
    }
    assert_int_equal(look(desk).count, 0);
    free(walk);
}

static void test_an_entry_that_leads_elsewhere_is_named(void **state)
{
    static const enum table tables[] = {TABLE_USERS_BY_NAME, TABLE_USERS_BY_EMAIL,
                                        TABLE_USERS_BY_SUBJECT};
    struct desk *desk = *state;
    const struct rig_person second = rig_person(2);
    struct walk *walk = xcalloc(1, sizeof(*walk));

    people(desk);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        begin(desk);
        row_put(&desk->call, tables[i], SLICE_LITERAL("stray"), uuid_slice(&second.user_id));
        commit(desk);
        const struct told told = look(desk);
        expect(&told, "row stray leads to an account that has another");
        begin(desk);
        assert_true(row_delete(&desk->call, tables[i], SLICE_LITERAL("stray")));
        commit(desk);
    }
    begin(desk);
    uint8_t due[LETTER_DUE_KEY_BYTES];
    row_put(&desk->call, TABLE_OUTBOX_BY_DUE, letter_due_key(1, &second.job_id, due),
            (struct slice){0});
    row_put(&desk->call, TABLE_OUTBOX_BY_ADDRESS, SLICE_LITERAL("a@b.example\0 0123456789abcdef"),
            (struct slice){0});
    row_put(&desk->call, TABLE_SESSIONS_BY_USER, SLICE_LITERAL("0123456789abcdef0123456789abcdef"),
            (struct slice){0});
    row_put(&desk->call, TABLE_AUDIT_BY_USER, SLICE_LITERAL("0123456789abcdef0123456789abcdef"),
            (struct slice){0});
    commit(desk);
    const struct told told = look(desk);
    assert_int_equal(told.count, 4);
    expect(&told, "leads to no letter that is due then");
    expect(&told, "leads to no letter to that address");
    expect(&told, "leads to no session of that account");
    expect(&told, "leads to no event of that account");
    free(walk);
}

static void test_a_count_that_is_wrong_is_told(void **state)
{
    struct desk *desk = *state;

    people(desk);
    desk->env.tally.users++;
    struct told told = look(desk);
    assert_int_equal(told.count, 1);
    expect(&told, "meta.db: says 4 accounts, there are 3");
    desk->env.tally.users--;
    desk->env.tally.pending--;
    told = look(desk);
    expect(&told, "meta.db: says 2 letters that wait, there are 3");
}

static void test_the_trail_must_go_through_what_is_known_of_it(void **state)
{
    struct desk *desk = *state;
    uint8_t chain[AUDIT_CHAIN_BYTES];

    people(desk);
    const uint64_t events = desk->env.audit.next;
    memcpy(chain, desk->env.audit.chain, sizeof(chain));
    assert_int_equal(sign_up(desk, 4), STORE_OK);
    assert_int_equal(look_from(desk, events, chain).count, 0);
    chain[0] ^= 1;
    struct told told = look_from(desk, events, chain);
    assert_int_equal(told.count, 1);
    expect(&told, "as the backup's manifest has it");
    chain[0] ^= 1;
    told = look_from(desk, events + 2, chain);
    assert_int_equal(told.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_row_that_was_taken_out_is_missed, start, end),
        cmocka_unit_test_setup_teardown(test_a_row_that_cannot_be_read_is_named, start, end),
        cmocka_unit_test_setup_teardown(test_an_entry_that_leads_elsewhere_is_named, start, end),
        cmocka_unit_test_setup_teardown(test_a_count_that_is_wrong_is_told, start, end),
        cmocka_unit_test_setup_teardown(test_the_trail_must_go_through_what_is_known_of_it, start,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
