/* The mail as a whole: its state, pauses, suppressed addresses; what upkeep and history forget. */
#include "mail_desk.h"

#include "store/meta.h"
#include "store/purge.h"

static struct mail_state_answer mail_state(struct desk *desk)
{
    struct packer packer = asking(desk);
    struct mail_state_answer answer;

    mail_state_ask_pack(&packer, &(struct mail_state_ask){.now = desk->now});
    assert_int_equal(carry_out(desk, STORE_MAIL_STATE, &packer), STORE_OK);
    assert_true(mail_state_answer_unpack(answered(desk), &answer));
    return answer;
}

static enum store_status set_paused(struct desk *desk, uint8_t paused)
{
    struct packer packer = asking(desk);

    mail_pause_ask_pack(&packer, &(struct mail_pause_ask){.paused = paused, .now = desk->now});
    return carry_out(desk, STORE_MAIL_PAUSE, &packer);
}

static void test_the_state_counts_and_says_what_is_due(void **state)
{
    struct desk *desk = *state;
    struct mail_state_answer answer = mail_state(desk);

    assert_int_equal(answer.pending, 1);
    assert_int_equal(answer.dead, 1);
    assert_int_equal(answer.sent, 1);
    assert_int_equal(answer.due, 0);
    assert_int_equal(answer.oldest_due, 0);
    desk->now += 1000;
    answer = mail_state(desk);
    assert_int_equal(answer.due, 1);
    assert_int_equal(answer.oldest_due, RIG_NOW + 1000);
}

static void test_paused_is_told_by_the_board_and_twice_is_once(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(set_paused(desk, 1), STORE_OK);
    meta_show(&desk->env);
    assert_int_equal(board_get(desk->rig.segment, BOARD_MAIL_PAUSED), 1);
    assert_int_equal(mail_state(desk).paused, desk->now);
    assert_int_equal(set_paused(desk, 1), STORE_SPENT);
    const uint64_t orders = board_get(desk->rig.segment, BOARD_MAIL_ORDERS);
    assert_int_equal(set_paused(desk, 0), STORE_OK);
    meta_show(&desk->env);
    assert_int_equal(board_get(desk->rig.segment, BOARD_MAIL_PAUSED), 0);
    assert_int_not_equal(board_get(desk->rig.segment, BOARD_MAIL_ORDERS), orders);
    assert_int_equal(set_paused(desk, 2), STORE_REFUSED);
}

static void test_what_an_operator_suppresses_he_alone_lifts(void **state)
{
    struct desk *desk = *state;
    struct packer packer = asking(desk);
    struct suppression_list_answer listed;
    struct suppression_item item;
    struct row storage;

    suppression_add_ask_pack(
        &packer, &(struct suppression_add_ask){.address = SLICE_LITERAL("Person1@example.com"),
                                               .detail = SLICE_LITERAL("asked us"),
                                               .now = desk->now});
    assert_int_equal(carry_out(desk, STORE_SUPPRESSION_ADD, &packer), STORE_OK);
    assert_int_equal(letter_there(desk, 1, &storage).state, LETTER_DEAD);
    assert_int_equal(report(desk, 3, BOUNCE_HARD, "", BOUNCED), STORE_OK);

    packer = asking(desk);
    suppression_list_ask_pack(&packer, &(struct suppression_list_ask){.rows_max = 1});
    assert_int_equal(carry_out(desk, STORE_SUPPRESSION_LIST, &packer), STORE_OK);
    assert_true(suppression_list_answer_unpack(answered(desk), &listed));
    assert_true(listed.more);
    struct unpacker rows = unpacker_over(listed.rows);
    assert_true(suppression_item_unpack(unpack_slice(&rows, UINT16_MAX), &item));
    assert_int_equal(item.reason, SUPPRESSION_OPERATOR);
    assert_true(slice_equal(item.address, SLICE_LITERAL("Person1@example.com")));

    packer = asking(desk);
    suppression_remove_ask_pack(&packer, &(struct suppression_remove_ask){
                                             .email_key = SLICE_LITERAL("person1@example.com")});
    assert_int_equal(carry_out(desk, STORE_SUPPRESSION_REMOVE, &packer), STORE_OK);
    assert_int_equal(carry_out(desk, STORE_SUPPRESSION_REMOVE, &packer), STORE_NOT_FOUND);
    assert_int_equal(desk->env.tally.suppressed, 1);
}

/* ---- upkeep -------------------------------------------------------------------------------------
 */

static bool is_listed(struct desk *desk, const char *email_key)
{
    struct call call = reading(desk);
    struct address_walk *walk = xcalloc(1, sizeof(*walk));
    struct uuid job_id;

    address_walk_open(walk, &call, slice_of_text(email_key), &(struct uuid){{0}});
    const bool any = address_walk_next(walk, &job_id);
    walk_close(&walk->walk);
    free(walk);
    return any;
}

static void pass_over_everything(struct desk *desk)
{
    struct purge purge = {.stepped = clock_mono_ns()};

    for (int i = 0; i < 40; i++) {
        struct call call = {.env = &desk->env, .now = desk->now};
        assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
        purge_step(&purge, &call, 100);
        assert_int_equal(call.failure, 0);
        assert_int_equal(call.txn->commit(call.txn, 0), 0);
    }
}

static void test_a_sent_letter_is_forgotten_when_its_time_is_over(void **state)
{
    struct desk *desk = *state;

    desk->now = RIG_NOW + KEPT_MS - 1;
    pass_over_everything(desk);
    assert_int_equal(desk->env.tally.sent, 1);
    desk->now++;
    pass_over_everything(desk);
    assert_int_equal(desk->env.tally.sent, 0);
    assert_false(letter_is_there(desk, 3));
    assert_true(letter_is_there(desk, 1) && letter_is_there(desk, 2));
    assert_false(is_listed(desk, "person3@example.com"));
}

/* ---- an address with many -----------------------------------------------------------------------
 */

#define MANY 1500

static void write_many(struct call *call)
{
    for (uint64_t i = 0; i < MANY; i++) {
        const struct mail_job job = {.job_id = rig_person(1000 + i).job_id,
                                     .purpose = MAIL_TOKEN_REUSED,
                                     .to = SLICE_LITERAL("person2@example.com"),
                                     .created = call->now,
                                     .expires = call->now + KEPT_MS};
        uint8_t bytes[512];
        struct packer packer = packer_over(bytes, sizeof(bytes));
        mail_job_pack(&packer, &job);
        assert_true(letter_add(call, &job.job_id, packer_slice(&packer), call->now));
    }
}

static void test_all_letters_of_an_address_are_stopped_and_forgotten_however_many(void **state)
{
    struct desk *desk = *state;
    const struct slice key = SLICE_LITERAL("person2@example.com");
    struct call call = {.env = &desk->env, .now = desk->now};

    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
    write_many(&call);
    assert_int_equal(desk->env.tally.pending, 1 + MANY);
    letters_suppress(&call, key, SLICE_LITERAL("suppressed: by a test"));
    assert_int_equal(desk->env.tally.pending, 1);
    assert_int_equal(desk->env.tally.dead, 1 + MANY);
    letters_forget(&call, key);
    assert_int_equal(desk->env.tally.dead, 0);
    assert_int_equal(call.failure, 0);
    assert_int_equal(call.txn->commit(call.txn, 0), 0);
    assert_false(is_listed(desk, "person2@example.com"));
    assert_true(letter_is_there(desk, 1) && letter_is_there(desk, 3));
}

/* ---- accounts that go ---------------------------------------------------------------------------
 */

static enum store_status delete_account(struct desk *desk, uint64_t number)
{
    struct packer packer = asking(desk);

    account_delete_ask_pack(
        &packer, &(struct account_delete_ask){.user_id = rig_person(number).user_id,
                                              .old_password = SLICE_LITERAL(RIG_PASSWORD),
                                              .job_id = rig_uuid(9, number),
                                              .now = desk->now});
    return carry_out(desk, STORE_ACCOUNT_DELETE, &packer);
}

static void test_the_letters_of_an_account_go_with_it_but_those_that_wait(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(delete_account(desk, 2), STORE_OK);
    assert_int_equal(delete_account(desk, 3), STORE_OK);
    assert_false(letter_is_there(desk, 2) || letter_is_there(desk, 3));
    assert_true(letter_is_there(desk, 1));
    assert_int_equal(desk->env.tally.dead, 0);
    assert_int_equal(desk->env.tally.sent, 0);
    assert_int_equal(desk->env.tally.pending,
                     3); /* person 1's, and two that tell of the deletion */
    assert_true(is_listed(desk, "person3@example.com"));
}

/* ---- history ------------------------------------------------------------------------------------
 */

static void test_a_full_history_keeps_the_first_and_the_latest(void **state)
{
    uint8_t bytes[2][HISTORY_MAX_BYTES];
    struct slice history = {0};
    struct letter_try last;
    char reply[200];

    (void)state;
    for (int i = 0; i < 100; i++) {
        int len = snprintf(reply, sizeof(reply), "%03d %0150d", i, i);
        history = history_add(history,
                              &(struct letter_try){.when = i,
                                                   .event = LETTER_DEFERRED,
                                                   .relay = SLICE_LITERAL("smtp"),
                                                   .reply = slice_of(reply, (size_t)len)},
                              bytes[i % 2]);
        assert_true(tries_in(history) <= HISTORY_ENTRIES_MAX);
    }
    assert_true(tries_in(history) >= 10);
    struct unpacker unpacker = unpacker_over(history);
    assert_true(letter_try_unpack(unpack_slice(&unpacker, HISTORY_MAX_BYTES), &last));
    assert_int_equal(last.when, 0);
    assert_true(letter_try_unpack(unpack_slice(&unpacker, HISTORY_MAX_BYTES), &last));
    assert_true(last.when > 80);
    assert_true(history_last(history, &last));
    assert_int_equal(last.when, 99);
    assert_int_equal(last.reply.len, HISTORY_REPLY_BYTES);
}

static void test_a_reply_is_not_cut_in_a_character(void **state)
{
    char text[HISTORY_REPLY_BYTES + 2];

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + HISTORY_REPLY_BYTES - 1, "\xc3\xa9", 2);
    assert_int_equal(history_reply(slice_of(text, sizeof(text))).len, HISTORY_REPLY_BYTES - 1);
    assert_int_equal(history_reply(slice_of(text, 5)).len, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_with_three, end)
        TEST(test_the_state_counts_and_says_what_is_due),
        TEST(test_paused_is_told_by_the_board_and_twice_is_once),
        TEST(test_what_an_operator_suppresses_he_alone_lifts),
        TEST(test_a_sent_letter_is_forgotten_when_its_time_is_over),
        TEST(test_all_letters_of_an_address_are_stopped_and_forgotten_however_many),
        TEST(test_the_letters_of_an_account_go_with_it_but_those_that_wait),
#undef TEST
        cmocka_unit_test(test_a_full_history_keeps_the_first_and_the_latest),
        cmocka_unit_test(test_a_reply_is_not_cut_in_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
