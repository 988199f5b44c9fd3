/* Accounts moved in and out: what is added, what is there already, what clashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/requests.h"
#include "store/users.h"
#include "store_rig.h"

#define MANY 300U

/* A database without a process: requests are carried out here. */
struct desk {
    struct rig rig;
    struct env env;
    struct call call;
    uint8_t answer[LANE_RECORD_MAX_BYTES];
    uint8_t bytes[LANE_RECORD_MAX_BYTES];
};

static int start(void **state)
{
    struct desk *desk = xcalloc(1, sizeof(*desk));
    struct err err;

    rig_init(&desk->rig);
    if (!env_open(&desk->env, desk->rig.dir, 16, desk->rig.segment,
                  segment_store_slot(desk->rig.segment), &err))
        return -1;
    *state = desk;
    return 0;
}

static int end(void **state)
{
    struct desk *desk = *state;

    env_close(&desk->env);
    rig_fini(&desk->rig);
    free(desk);
    return 0;
}

static enum store_status ask(struct desk *desk, uint8_t request, const struct packer *packer)
{
    enum store_status status;

    assert_false(packer->overflow);
    desk->call = (struct call){.env = &desk->env, .now = RIG_NOW};
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &desk->call.txn, 0), 0);
    desk->call.packed = packer_slice(packer);
    desk->call.answer = packer_over(desk->answer, sizeof(desk->answer));
    status = request_carry_out(&desk->call, request);
    assert_int_equal(desk->call.failure, 0);
    assert_false(desk->call.answer.overflow);
    assert_int_equal(desk->call.txn->commit(desk->call.txn, DB_TXN_NOSYNC), 0);
    return status;
}

static struct moved_account account_of(uint64_t number, const char *subject, const char *name,
                                       const char *email)
{
    return (struct moved_account){.user_id = rig_uuid(1, number),
                                  .subject = slice_of_text(subject),
                                  .username = slice_of_text(name),
                                  .username_key = slice_of_text(name),
                                  .email = slice_of_text(email),
                                  .email_key = slice_of_text(email),
                                  .password = SLICE_LITERAL(RIG_PASSWORD),
                                  .active = 1,
                                  .email_verified = 1,
                                  .date_joined = 1700000000000,
                                  .extra = SLICE_LITERAL("{\"first_name\":\"Ada\"}")};
}

/* Results are where desk->answer is. */
static struct slice import(struct desk *desk, const struct moved_account *accounts, size_t count,
                           bool dry_run)
{
    uint8_t row_bytes[8192];
    uint8_t rows_bytes[15000];
    struct packer rows = packer_over(rows_bytes, sizeof(rows_bytes));
    struct packer packer = packer_over(desk->bytes, sizeof(desk->bytes));
    struct accounts_import_answer answer;

    for (size_t i = 0; i < count; i++) {
        struct packer row = packer_over(row_bytes, sizeof(row_bytes));

        moved_account_pack(&row, &accounts[i]);
        assert_false(row.overflow);
        pack_slice(&rows, packer_slice(&row));
    }
    assert_false(rows.overflow);
    accounts_import_ask_pack(&packer, &(struct accounts_import_ask){.dry_run = dry_run,
                                                                    .rows = packer_slice(&rows),
                                                                    .peer = SLICE_LITERAL("unix"),
                                                                    .now = RIG_NOW});
    assert_int_equal(ask(desk, STORE_ACCOUNTS_IMPORT, &packer), STORE_OK);
    assert_true(accounts_import_answer_unpack(packer_slice(&desk->call.answer), &answer));
    assert_int_equal(answer.results.len, count);
    return answer.results;
}

static uint8_t import_one(struct desk *desk, struct moved_account account)
{
    return (uint8_t)import(desk, &account, 1, false).at[0];
}

static void test_an_account_is_added_and_the_second_time_unchanged(void **state)
{
    struct desk *desk = *state;
    struct moved_account ada = account_of(1, "17", "ada", "ada@example.com");
    struct uuid found;
    struct row storage;
    struct user_row user;

    assert_int_equal(import_one(desk, ada), 0);
    assert_int_equal(desk->env.tally.users, 1);
    ada.user_id = rig_uuid(1, 2); /* as the next run of the import makes a new one */
    assert_int_equal(import_one(desk, ada), IMPORT_UNCHANGED);
    assert_int_equal(desk->env.tally.users, 1);

    struct call call = {.env = &desk->env};
    assert_true(user_find(&call, TABLE_USERS_BY_SUBJECT, SLICE_LITERAL("17"), &found));
    assert_true(user_load(&call, &found, &storage, &user));
    assert_true(slice_equal(user.extra, ada.extra));
    assert_true(slice_equal(user.password, ada.password));
    assert_int_equal(user.email_verified, 1);
    assert_int_equal(user.date_joined, 1700000000000);
}

static void test_what_another_account_has_is_told_field_by_field(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(import_one(desk, account_of(1, "17", "ada", "ada@example.com")), 0);
    assert_int_equal(import_one(desk, account_of(2, "17", "bob", "bob@example.com")),
                     IMPORT_ID_TAKEN);
    assert_int_equal(import_one(desk, account_of(2, "18", "ada", "bob@example.com")),
                     IMPORT_NAME_TAKEN);
    assert_int_equal(import_one(desk, account_of(2, "18", "bob", "ada@example.com")),
                     IMPORT_EMAIL_TAKEN);
    assert_int_equal(import_one(desk, account_of(2, "18", "ada", "ada@example.com")),
                     IMPORT_NAME_TAKEN | IMPORT_EMAIL_TAKEN);
    assert_int_equal(import_one(desk, account_of(2, "18", "ada@example.com", "")),
                     IMPORT_NAME_TAKEN);
    assert_int_equal(desk->env.tally.users, 1);
}

static void test_an_account_without_an_id_is_known_by_name_and_address(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(import_one(desk, account_of(1, "", "ada", "ada@example.com")), 0);
    assert_int_equal(import_one(desk, account_of(2, "", "ada", "ada@example.com")),
                     IMPORT_UNCHANGED);
    assert_int_equal(import_one(desk, account_of(2, "", "ada", "")), IMPORT_NAME_TAKEN);
}

static void test_accounts_without_an_address_do_not_clash(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(import_one(desk, account_of(1, "1", "ada", "")), 0);
    assert_int_equal(import_one(desk, account_of(2, "2", "bob", "")), 0);
    assert_int_equal(desk->env.tally.users, 2);
}

static void test_one_request_knows_of_its_own_rows_and_a_dry_run_changes_nothing(void **state)
{
    struct desk *desk = *state;
    const struct moved_account accounts[] = {account_of(1, "1", "ada", "ada@example.com"),
                                             account_of(2, "2", "ada", "bob@example.com"),
                                             account_of(3, "3", "eve", "eve@example.com")};
    struct slice results = import(desk, accounts, 3, true);

    assert_int_equal(results.at[0], 0);
    assert_int_equal(desk->env.tally.users, 0);
    assert_false(desk->call.changed);
    results = import(desk, accounts, 3, false);
    assert_int_equal(results.at[0], 0);
    assert_int_equal(results.at[1], IMPORT_NAME_TAKEN);
    assert_int_equal(results.at[2], 0);
    assert_int_equal(desk->env.tally.users, 2);
}

static void test_a_request_with_one_row_that_makes_no_sense_changes_nothing(void **state)
{
    struct desk *desk = *state;
    struct moved_account accounts[] = {account_of(1, "1", "ada", "ada@example.com"),
                                       account_of(2, "2", "bob", "bob@example.com")};
    uint8_t row_bytes[1024];
    uint8_t rows_bytes[4096];
    struct packer rows = packer_over(rows_bytes, sizeof(rows_bytes));
    struct packer packer = packer_over(desk->bytes, sizeof(desk->bytes));

    accounts[1].password = (struct slice){0};
    for (size_t i = 0; i < 2; i++) {
        struct packer row = packer_over(row_bytes, sizeof(row_bytes));

        moved_account_pack(&row, &accounts[i]);
        pack_slice(&rows, packer_slice(&row));
    }
    accounts_import_ask_pack(&packer, &(struct accounts_import_ask){.rows = packer_slice(&rows)});
    assert_int_equal(ask(desk, STORE_ACCOUNTS_IMPORT, &packer), STORE_REFUSED);
    assert_int_equal(desk->env.tally.users, 0);
}

static void test_everybody_comes_out_once_and_as_he_went_in(void **state)
{
    struct desk *desk = *state;
    struct uuid after = {{0}};
    uint64_t seen = 0;
    char name[32];
    char email[48];
    char subject[16];

    for (uint64_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "user%llu", (unsigned long long)i);
        snprintf(email, sizeof(email), "user%llu@example.com", (unsigned long long)i);
        snprintf(subject, sizeof(subject), "%llu", (unsigned long long)i * 3);
        assert_int_equal(import_one(desk, account_of(i, subject, name, email)), 0);
    }
    for (;;) {
        uint8_t bytes[32];
        struct packer packer = packer_over(bytes, sizeof(bytes));
        struct accounts_export_answer answer;

        accounts_export_ask_pack(&packer, &(struct accounts_export_ask){.after = after});
        assert_int_equal(ask(desk, STORE_ACCOUNTS_EXPORT, &packer), STORE_OK);
        assert_true(accounts_export_answer_unpack(packer_slice(&desk->call.answer), &answer));
        if (answer.rows.len == 0)
            break;
        struct unpacker rows = unpacker_over(answer.rows);
        while (rows.len > 0) {
            struct moved_account account;

            assert_true(moved_account_unpack(unpack_slice(&rows, 14000), &account));
            snprintf(subject, sizeof(subject), "%llu", (unsigned long long)seen++ * 3);
            assert_true(slice_equal(account.subject, slice_of_text(subject)));
            assert_true(slice_equal(account.password, SLICE_LITERAL(RIG_PASSWORD)));
            assert_true(slice_equal(account.extra, SLICE_LITERAL("{\"first_name\":\"Ada\"}")));
            after = account.user_id;
        }
    }
    assert_int_equal(seen, MANY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_an_account_is_added_and_the_second_time_unchanged),
        TEST(test_what_another_account_has_is_told_field_by_field),
        TEST(test_an_account_without_an_id_is_known_by_name_and_address),
        TEST(test_accounts_without_an_address_do_not_clash),
        TEST(test_one_request_knows_of_its_own_rows_and_a_dry_run_changes_nothing),
        TEST(test_a_request_with_one_row_that_makes_no_sense_changes_nothing),
        TEST(test_everybody_comes_out_once_and_as_he_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
