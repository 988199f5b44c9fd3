/* The audit trail: its chain, its pages, its index by account, and what workers tell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/audit.h"
#include "store/record.h"
#include "store/requests.h"
#include "store_rig.h"

#define ROWS 1300U /* more than two pages of verification */

/* A database without a process: requests are carried out here. */
struct desk {
    struct rig rig;
    struct env env;
    struct call call;
    uint8_t answer[LANE_RECORD_MAX_BYTES];
};

static void begin(struct desk *desk)
{
    desk->call = (struct call){.env = &desk->env, .roles = SEAT_ADMIN, .now = RIG_NOW};
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &desk->call.txn, 0), 0);
}

static void commit(struct desk *desk)
{
    assert_int_equal(desk->call.failure, 0);
    assert_int_equal(desk->call.txn->commit(desk->call.txn, DB_TXN_NOSYNC), 0);
    desk->call.txn = NULL;
}

static int start(void **state)
{
    struct desk *desk = xcalloc(1, sizeof(*desk));
    struct err err;

    rig_init(&desk->rig);
    if (!env_open(&desk->env, desk->rig.dir, 16, desk->rig.segment,
                  segment_store_slot(desk->rig.segment), &err))
        return -1;
    begin(desk);
    for (uint64_t i = 0; i < ROWS; i++) {
        struct uuid user_id = rig_uuid(1, i % 10);

        desk->call.now = RIG_NOW + (wall_ms)i * 1000;
        audit_add(&desk->call, i % 100 == 7 ? AUDIT_PASSWORD_CHANGED : AUDIT_SESSION_OPENED,
                  &user_id, SLICE_LITERAL("192.0.2.7"));
    }
    commit(desk);
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
    assert_false(packer->overflow);
    desk->call.packed = packer_slice(packer);
    desk->call.answer = packer_over(desk->answer, sizeof(desk->answer));
    return request_carry_out(&desk->call, request);
}

/* Verifies page by page. Returns how many rows it has seen; *broken_out: the last one is wrong. */
static uint32_t verify(struct desk *desk, bool *broken_out)
{
    uint8_t after[AUDIT_KEY_BYTES];
    uint8_t chain[AUDIT_CHAIN_BYTES];
    uint8_t bytes[128];
    struct audit_verify_ask next = {0};
    struct audit_verify_answer answer;
    uint32_t rows = 0;

    do {
        struct packer packer = packer_over(bytes, sizeof(bytes));

        audit_verify_ask_pack(&packer, &next);
        assert_int_equal(ask(desk, STORE_AUDIT_VERIFY, &packer), STORE_OK);
        assert_true(audit_verify_answer_unpack(packer_slice(&desk->call.answer), &answer));
        rows += answer.rows;
        memcpy(after, answer.next.at, answer.next.len);
        memcpy(chain, answer.chain.at, answer.chain.len);
        next = (struct audit_verify_ask){.after = slice_of(after, answer.next.len),
                                         .chain = slice_of(chain, sizeof(chain)),
                                         .chained = answer.chained};
    } while (answer.more && !answer.broken);
    *broken_out = answer.broken;
    return rows;
}

static void assert_whole(struct desk *desk, uint32_t rows)
{
    bool broken;

    assert_int_equal(verify(desk, &broken), rows);
    assert_false(broken);
}

static void test_a_row_that_its_accounts_list_does_not_have_is_told(void **state)
{
    struct desk *desk = *state;
    uint8_t key_bytes[AUDIT_KEY_BYTES];
    uint8_t bytes[UUID_BYTES + AUDIT_KEY_BYTES];
    struct packer key = packer_over(key_bytes, sizeof(key_bytes));
    struct packer entry = packer_over(bytes, sizeof(bytes));
    struct uuid user_id = rig_uuid(1, 700 % 10);
    bool broken;

    pack_u64(&key, (uint64_t)RIG_NOW + 700 * 1000);
    pack_u64(&key, 700);
    pack_uuid(&entry, &user_id);
    pack_raw(&entry, key_bytes, sizeof(key_bytes));
    begin(desk);
    assert_true(row_delete(&desk->call, TABLE_AUDIT_BY_USER, packer_slice(&entry)));
    assert_int_equal(verify(desk, &broken), 701);
    assert_true(broken);
    audit_index(&desk->call, &user_id, packer_slice(&key));
    assert_whole(desk, ROWS);
    commit(desk);
}

static void assert_broken_at(struct desk *desk, uint32_t rows)
{
    bool broken;

    assert_int_equal(verify(desk, &broken), rows);
    assert_true(broken);
}

static struct packer key_of(uint64_t number, uint8_t bytes[AUDIT_KEY_BYTES])
{
    struct packer packer = packer_over(bytes, AUDIT_KEY_BYTES);

    pack_u64(&packer, (uint64_t)RIG_NOW + number * 1000);
    pack_u64(&packer, number);
    return packer;
}

static void test_a_trail_that_nobody_touched_is_whole(void **state)
{
    assert_whole(*state, ROWS);
}

static void test_every_byte_of_a_row_that_is_changed_breaks_the_chain_there(void **state)
{
    struct desk *desk = *state;
    uint8_t bytes[AUDIT_KEY_BYTES];
    struct packer key = key_of(700, bytes);
    struct row row;

    begin(desk);
    assert_true(row_get(&desk->call, TABLE_AUDIT, packer_slice(&key), &row));
    for (size_t i = 0; i < row.len; i++) {
        row.bytes[i] ^= 1;
        row_put(&desk->call, TABLE_AUDIT, packer_slice(&key), row_slice(&row));
        assert_broken_at(desk, 701);
        row.bytes[i] ^= 1;
    }
    row_put(&desk->call, TABLE_AUDIT, packer_slice(&key), row_slice(&row));
    assert_whole(desk, ROWS);
    commit(desk);
}

static void test_a_row_taken_out_or_put_in_breaks_the_chain(void **state)
{
    struct desk *desk = *state;
    uint8_t bytes[AUDIT_KEY_BYTES];
    uint8_t other_bytes[AUDIT_KEY_BYTES];
    struct packer key = key_of(900, bytes);
    struct packer other = key_of(900, other_bytes);
    struct row row;

    begin(desk);
    assert_true(row_get(&desk->call, TABLE_AUDIT, packer_slice(&key), &row));
    assert_true(row_delete(&desk->call, TABLE_AUDIT, packer_slice(&key)));
    assert_broken_at(desk, 901);
    other_bytes[AUDIT_KEY_BYTES - 1]++; /* the same row under a key behind its own */
    row_put(&desk->call, TABLE_AUDIT, packer_slice(&other), row_slice(&row));
    assert_broken_at(desk, 901);
    row_put(&desk->call, TABLE_AUDIT, packer_slice(&key), row_slice(&row));
    assert_broken_at(desk, 902);
    assert_true(row_delete(&desk->call, TABLE_AUDIT, packer_slice(&other)));
    assert_whole(desk, ROWS);
    commit(desk);
}

static void test_a_row_without_a_chain_behind_those_that_have_one_is_found(void **state)
{
    struct desk *desk = *state;
    uint8_t bytes[AUDIT_KEY_BYTES];
    uint8_t row[128];
    struct packer key = key_of(ROWS, bytes);
    struct packer packer = packer_over(row, sizeof(row));

    audit_row_1_pack(&packer, &(struct audit_row_1){.event = AUDIT_SIGNED_UP});
    begin(desk);
    row_put(&desk->call, TABLE_AUDIT, packer_slice(&key), packer_slice(&packer));
    assert_broken_at(desk, ROWS + 1);
    commit(desk);
}

static void test_a_successor_and_an_aborted_batch_go_on_with_the_chain(void **state)
{
    struct desk *desk = *state;
    struct uuid user_id = rig_uuid(1, 1);
    struct audit_end end = desk->env.audit;
    struct err err;

    begin(desk);
    audit_add(&desk->call, AUDIT_SIGNED_UP, &user_id, (struct slice){0});
    assert_int_equal(desk->call.txn->abort(desk->call.txn), 0);
    desk->env.audit = end; /* as batch.c does */
    env_close(&desk->env);
    assert_true(env_open(&desk->env, desk->rig.dir, 16, desk->rig.segment,
                         segment_store_slot(desk->rig.segment), &err));
    assert_memory_equal(&desk->env.audit, &end, sizeof(end));
    begin(desk);
    audit_add(&desk->call, AUDIT_SIGNED_UP, &user_id, (struct slice){0});
    commit(desk);
    assert_whole(desk, ROWS + 1);
}

/* ---- pages --------------------------------------------------------------------------------------
 */

/* Reads all pages that `next` asks for. Returns how many entries came; the last one's number. */
static uint32_t read_all(struct desk *desk, struct audit_page_ask next, uint64_t *last_out)
{
    uint8_t after[AUDIT_KEY_BYTES];
    uint8_t bytes[2048];
    struct audit_page_answer answer;
    uint32_t rows = 0;

    do {
        struct packer packer = packer_over(bytes, sizeof(bytes));

        audit_page_ask_pack(&packer, &next);
        assert_int_equal(ask(desk, STORE_AUDIT_PAGE, &packer), STORE_OK);
        assert_true(audit_page_answer_unpack(packer_slice(&desk->call.answer), &answer));
        struct unpacker unpacker = unpacker_over(answer.rows);
        while (unpacker.len > 0) {
            struct audit_entry entry;

            assert_true(audit_entry_unpack(unpack_slice(&unpacker, 300), &entry));
            if (next.by_user)
                assert_true(uuid_equal(&entry.user_id, &next.user_id));
            assert_true(rows == 0 || entry.number > *last_out);
            *last_out = entry.number;
            rows++;
        }
        memcpy(after, answer.next.at, answer.next.len);
        next.after = slice_of(after, answer.next.len);
    } while (answer.more);
    return rows;
}

static void test_pages_bring_every_row_once_and_in_order(void **state)
{
    uint64_t last = 0;

    assert_int_equal(read_all(*state, (struct audit_page_ask){.rows_max = 1000}, &last), ROWS);
    assert_int_equal(last, ROWS - 1);
    assert_int_equal(read_all(*state, (struct audit_page_ask){.rows_max = 7}, &last), ROWS);
}

static void test_a_page_can_be_of_one_account_one_event_or_since_a_time(void **state)
{
    struct audit_page_ask ask = {.rows_max = 100, .by_user = 1, .user_id = rig_uuid(1, 7)};
    uint64_t last = 0;

    assert_int_equal(read_all(*state, ask, &last), ROWS / 10);
    ask.event = AUDIT_PASSWORD_CHANGED;
    assert_int_equal(read_all(*state, ask, &last), ROWS / 100);
    ask.by_user = 0;
    assert_int_equal(read_all(*state, ask, &last), ROWS / 100);
    ask = (struct audit_page_ask){.rows_max = 100, .since = RIG_NOW + 1290 * 1000};
    assert_int_equal(read_all(*state, ask, &last), 10);
    ask = (struct audit_page_ask){.rows_max = 100, .by_user = 1, .user_id = rig_uuid(1, 11)};
    assert_int_equal(read_all(*state, ask, &last), 0);
}

static void test_whose_rows_are_wanted_must_be_told(void **state)
{
    struct desk *desk = *state;
    uint8_t bytes[2048];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    audit_page_ask_pack(
        &packer,
        &(struct audit_page_ask){.rows_max = 1, .by_user = 1, .subject = SLICE_LITERAL("nobody")});
    assert_int_equal(ask(desk, STORE_AUDIT_PAGE, &packer), STORE_NOT_FOUND);
}

/* ---- notes --------------------------------------------------------------------------------------
 */

static enum store_status note(struct desk *desk, uint8_t roles, uint8_t event, struct uuid user_id)
{
    uint8_t bytes[256];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    enum store_status status;

    audit_note_ask_pack(&packer, &(struct audit_note_ask){.event = event,
                                                          .user_id = user_id,
                                                          .peer = SLICE_LITERAL("192.0.2.9"),
                                                          .detail = SLICE_LITERAL("credentials")});
    begin(desk);
    desk->call.roles = roles;
    status = ask(desk, STORE_AUDIT_NOTE, &packer);
    commit(desk);
    return status;
}

static void test_a_worker_can_tell_what_it_refused_and_nothing_else(void **state)
{
    struct desk *desk = *state;
    struct row row;
    struct row key;
    struct slice last;
    struct audit_row entry;
    struct uuid nobody = {{0}};

    assert_int_equal(note(desk, SEAT_WORKER, AUDIT_PASSWORD_CHANGED, rig_uuid(1, 1)),
                     STORE_REFUSED);
    assert_int_equal(note(desk, SEAT_WORKER, AUDIT_ADMIN_EXPORTED, nobody), STORE_REFUSED);
    assert_whole(desk, ROWS);
    assert_int_equal(note(desk, SEAT_WORKER, AUDIT_LOGIN_FAILED, rig_uuid(1, 1)), STORE_OK);
    assert_true(row_last_key(&desk->call, TABLE_AUDIT, &key, &last));
    assert_true(row_get(&desk->call, TABLE_AUDIT, last, &row));
    assert_true(audit_read(row_slice(&row), &entry));
    assert_int_equal(entry.event, AUDIT_LOGIN_FAILED);
    assert_int_equal(entry.result, AUDIT_REFUSED);
    assert_true(uuid_equal(&entry.user_id, &nobody)); /* there is no such account */
    assert_true(slice_equal(entry.detail, SLICE_LITERAL("credentials")));
    assert_whole(desk, ROWS + 1);
    assert_int_equal(note(desk, SEAT_ADMIN, AUDIT_PASSWORD_CHANGED, nobody), STORE_REFUSED);
    assert_int_equal(note(desk, SEAT_ADMIN, AUDIT_ADMIN_EXPORTED, nobody), STORE_OK);
    assert_whole(desk, ROWS + 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_trail_that_nobody_touched_is_whole),
        TEST(test_a_row_that_its_accounts_list_does_not_have_is_told),
        TEST(test_every_byte_of_a_row_that_is_changed_breaks_the_chain_there),
        TEST(test_a_row_taken_out_or_put_in_breaks_the_chain),
        TEST(test_a_row_without_a_chain_behind_those_that_have_one_is_found),
        TEST(test_a_successor_and_an_aborted_batch_go_on_with_the_chain),
        TEST(test_pages_bring_every_row_once_and_in_order),
        TEST(test_a_page_can_be_of_one_account_one_event_or_since_a_time),
        TEST(test_whose_rows_are_wanted_must_be_told),
        TEST(test_a_worker_can_tell_what_it_refused_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
