/* Names that were not found are not searched for again, and never beyond the row that takes them.
 */
#include "desk.h"

#include "store/absent.h"
#include "store/users.h"

#define ADA SLICE_LITERAL("ada")

static bool finds(struct desk *desk, DB_TXN *txn, struct slice name)
{
    struct call call = {.env = &desk->env, .txn = txn};
    struct uuid user_id;
    const bool found = user_find(&call, TABLE_USERS_BY_NAME, name, &user_id);

    assert_int_equal(call.failure, 0);
    return found;
}

static bool knows(const struct desk *desk, struct slice name)
{
    return absent_knows(desk->env.absent, TABLE_USERS_BY_NAME, name);
}

static struct call begin(struct desk *desk)
{
    struct call call = {.env = &desk->env};

    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
    return call;
}

static void test_a_lookup_that_finds_nothing_is_remembered_until_the_name_is_taken(void **state)
{
    struct desk *desk = *state;

    assert_false(knows(desk, SLICE_LITERAL("person1")));
    assert_false(finds(desk, NULL, SLICE_LITERAL("person1")));
    assert_true(knows(desk, SLICE_LITERAL("person1")));
    assert_false(absent_knows(desk->env.absent, TABLE_USERS_BY_EMAIL, SLICE_LITERAL("person1")));
    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_false(knows(desk, SLICE_LITERAL("person1")));
    assert_true(finds(desk, NULL, SLICE_LITERAL("person1")));
    assert_int_equal(sign_up(desk, 1), STORE_DUPLICATE);
}

/* Else a delete that is taken back would leave a name free that somebody has. */
static void test_nothing_is_learned_in_a_transaction_that_may_come_to_nothing(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    struct call call = begin(desk);
    assert_true(row_delete(&call, TABLE_USERS_BY_NAME, SLICE_LITERAL("person1")));
    assert_false(finds(desk, call.txn, SLICE_LITERAL("person1")));
    assert_int_equal(call.txn->abort(call.txn), 0);
    assert_false(knows(desk, SLICE_LITERAL("person1")));
    assert_true(finds(desk, NULL, SLICE_LITERAL("person1")));
}

static void test_a_row_that_is_taken_back_only_costs_a_search(void **state)
{
    struct desk *desk = *state;

    assert_false(finds(desk, NULL, ADA));
    struct call call = begin(desk);
    row_put(&call, TABLE_USERS_BY_NAME, ADA, SLICE_LITERAL("0123456789abcdef"));
    assert_true(finds(desk, call.txn, ADA));
    assert_int_equal(call.txn->abort(call.txn), 0);
    assert_false(finds(desk, NULL, ADA));
    assert_true(knows(desk, ADA));
}

/* Of two keys with one place the later has it; the other is not taken for it. */
static void test_keys_are_told_apart_by_all_of_their_bytes(void **state)
{
    struct desk *desk = *state;
    char name[16];
    size_t known = 0;

    for (int i = 0; i < 10000; i++) {
        const int len = snprintf(name, sizeof(name), "n%d", i);

        absent_note(desk->env.absent, TABLE_USERS_BY_NAME, slice_of(name, (size_t)len));
        assert_true(knows(desk, slice_of(name, (size_t)len)));
        name[0] = 'N';
        assert_false(knows(desk, slice_of(name, (size_t)len)));
    }
    for (int i = 0; i < 10000; i++) {
        const int len = snprintf(name, sizeof(name), "n%d", i);

        known += knows(desk, slice_of(name, (size_t)len)) ? 1U : 0U;
    }
    assert_in_range(known, 1, 2048);
}

static void test_a_long_key_is_searched_for_each_time(void **state)
{
    struct desk *desk = *state;
    char name[200];

    memset(name, 'n', sizeof(name));
    assert_false(finds(desk, NULL, slice_of(name, sizeof(name))));
    assert_false(knows(desk, slice_of(name, sizeof(name))));
    assert_false(knows(desk, slice_of(name, 62)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_lookup_that_finds_nothing_is_remembered_until_the_name_is_taken),
        TEST(test_nothing_is_learned_in_a_transaction_that_may_come_to_nothing),
        TEST(test_a_row_that_is_taken_back_only_costs_a_search),
        TEST(test_keys_are_told_apart_by_all_of_their_bytes),
        TEST(test_a_long_key_is_searched_for_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
