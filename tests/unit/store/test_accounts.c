/* Accounts that change, against a database of their own: what follows, what is refused, and what
 * is left of an account that is gone. */
#include "account_desk.h"

static const struct uuid nobody;

/* ---- change -----------------------------------------------------------------------------------
 */

static void test_a_new_name_takes_its_index_entry_along(void **state)
{
    struct desk *desk = *state;
    struct account_change_answer answer;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.username = "person2"}, 1, &answer),
                     STORE_DUPLICATE);
    assert_true(answer.username_taken);
    assert_false(desk->call.changed);
    assert_int_equal(change(desk, 1, (struct change){.username = "somebody"}, 1, &answer),
                     STORE_OK);
    assert_false(finds(desk, TABLE_USERS_BY_NAME, "person1"));
    assert_true(finds(desk, TABLE_USERS_BY_NAME, "somebody"));
    assert_true(slice_equal(user_of(desk, 1, &storage).username, SLICE_LITERAL("somebody")));
    assert_int_equal(change(desk, 1, (struct change){.username = "somebody"}, 1, &answer),
                     STORE_OK);
    assert_true(finds(desk, TABLE_USERS_BY_NAME, "somebody"));
}

/* Letters are in the account's language; only where it has none, in the one of who asks for one. */
static void test_a_language_is_set_taken_away_and_made_up_for(void **state)
{
    struct desk *desk = *state;
    struct account_change_answer answer;
    struct letters_answer letters;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.username = "somebody"}, 1, &answer),
                     STORE_OK);
    assert_true(slice_equal(user_of(desk, 1, &storage).language, SLICE_LITERAL("de")));
    assert_int_equal(ask_reset(desk, 2), STORE_OK);
    assert_true(letters_answer_unpack(answered(desk), &letters));
    assert_true(slice_equal(job_of(letters.first).language, SLICE_LITERAL("de")));
    assert_int_equal(change(desk, 1,
                            (struct change){.language = "fr-CA", .email = "new@example.net"}, 3,
                            &answer),
                     STORE_OK);
    assert_true(slice_equal(job_of(answer.first).language, SLICE_LITERAL("fr-CA")));
    assert_true(slice_equal(user_of(desk, 1, &storage).language, SLICE_LITERAL("fr-CA")));
    assert_int_equal(change(desk, 1, (struct change){.language = ""}, 4, &answer), STORE_OK);
    assert_int_equal(user_of(desk, 1, &storage).language.len, 0);
    assert_int_equal(ask_reset(desk, 5), STORE_OK);
    assert_true(letters_answer_unpack(answered(desk), &letters));
    assert_true(slice_equal(job_of(letters.first).language, SLICE_LITERAL("ja")));
    assert_int_equal(user_of(desk, 1, &storage).language.len, 0);
}

static enum store_status spend(struct desk *desk, uint64_t letter, uint64_t notice)
{
    struct packer packer = asking(desk);

    proof_spend_ask_pack(&packer, &(struct proof_spend_ask){.proof_id = rig_uuid(4, letter),
                                                            .purpose = MAIL_CHANGE_EMAIL,
                                                            .job_id = rig_uuid(8, notice),
                                                            .now = RIG_NOW});
    return carry_out(desk, STORE_PROOF_SPEND, &packer);
}

static void test_a_new_address_moves_when_its_proof_is_spent(void **state)
{
    struct desk *desk = *state;
    struct account_change_answer answer;
    struct letters_answer letters;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.email = "new@example.net"}, 1, &answer),
                     STORE_OK);
    assert_int_equal(job_of(answer.first).purpose, MAIL_CHANGE_EMAIL);
    assert_true(slice_equal(job_of(answer.first).to, SLICE_LITERAL("new@example.net")));
    assert_int_equal(job_of(answer.second).purpose, MAIL_EMAIL_CHANGE_ASKED);
    assert_true(slice_equal(job_of(answer.second).to, SLICE_LITERAL("person1@example.com")));
    assert_int_equal(desk->env.tally.pending, 3);
    assert_true(finds(desk, TABLE_USERS_BY_EMAIL, "person1@example.com"));
    assert_false(finds(desk, TABLE_USERS_BY_EMAIL, "new@example.net"));

    assert_int_equal(spend(desk, 1, 1), STORE_OK);
    assert_true(letters_answer_unpack(answered(desk), &letters));
    assert_int_equal(job_of(letters.first).purpose, MAIL_EMAIL_CHANGED);
    assert_true(slice_equal(job_of(letters.first).to, SLICE_LITERAL("person1@example.com")));
    assert_false(finds(desk, TABLE_USERS_BY_EMAIL, "person1@example.com"));
    assert_true(finds(desk, TABLE_USERS_BY_EMAIL, "new@example.net"));
    assert_int_equal(user_of(desk, 1, &storage).email_verified, 1);
    assert_int_equal(desk->env.tally.pending, 2); /* those with a link were withdrawn */
    assert_int_equal(spend(desk, 1, 2), STORE_SPENT);
}

static void test_an_address_that_is_taken_is_told_or_concealed(void **state)
{
    struct desk *desk = *state;
    struct account_change_answer answer;
    struct change wish = {.email = "person2@example.com", .letters_max = 1};

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(change(desk, 1, wish, 1, &answer), STORE_DUPLICATE);
    assert_true(answer.email_taken);
    assert_false(desk->call.changed);
    wish.conceal = true;
    assert_int_equal(change(desk, 1, wish, 1, &answer), STORE_OK);
    assert_int_equal(job_of(answer.first).purpose, MAIL_SIGNUP_ATTEMPT);
    assert_true(slice_equal(job_of(answer.first).to, SLICE_LITERAL("person2@example.com")));
    assert_int_equal(job_of(answer.second).purpose, MAIL_EMAIL_CHANGE_ASKED);
    assert_true(slice_equal(job_of(answer.second).to, SLICE_LITERAL("person1@example.com")));
    assert_int_equal(spend(desk, 1, 1), STORE_DUPLICATE); /* a link that nobody was sent */
    assert_int_equal(change(desk, 1, wish, 2, &answer), STORE_DUPLICATE);
    assert_int_equal(answer.letters_wait_s, 3601);
    assert_false(desk->call.changed);
}

static void test_an_address_that_was_taken_meanwhile_is_not_moved_to(void **state)
{
    struct desk *desk = *state;
    struct account_change_answer answer;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.email = "person2@example.com"}, 1, &answer),
                     STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(spend(desk, 1, 1), STORE_DUPLICATE);
    assert_false(desk->call.changed);
}

static void test_ids_of_letters_and_proofs_are_never_used_twice(void **state)
{
    struct desk *desk = *state;
    struct account_change_answer answer;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.email = "a@example.net"}, 1, &answer),
                     STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.email = "b@example.net"}, 1, &answer),
                     STORE_REFUSED);
    assert_false(desk->call.changed);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

static bool table_is_empty(struct desk *desk, enum table table)
{
    struct row storage;
    struct slice last;

    return !row_last_key(&(struct call){.env = &desk->env}, table, &storage, &last);
}

static void test_nothing_is_left_of_a_deleted_account(void **state)
{
    static const enum table tables[] = {
        TABLE_USERS,    TABLE_USERS_BY_NAME,    TABLE_USERS_BY_EMAIL, TABLE_USERS_BY_SUBJECT,
        TABLE_SESSIONS, TABLE_SESSIONS_BY_USER, TABLE_PROOFS};
    struct desk *desk = *state;
    struct account_change_answer change_answer;
    struct letters_answer letters;
    struct row storage;
    struct account_delete_ask ask = {
        .user_id = rig_person(1).user_id, .job_id = rig_uuid(9, 1), .now = RIG_NOW};

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    log_in(desk, 1, 1);
    log_in(desk, 1, 2);
    assert_int_equal(ask_reset(desk, 1), STORE_OK);
    assert_int_equal(ask_reset(desk, 2), STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.email = "w@example.net"}, 3, &change_answer),
                     STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.email = "x@example.net"}, 5, &change_answer),
                     STORE_OK);
    struct packer packer = asking(desk);
    account_delete_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_ACCOUNT_DELETE, &packer), STORE_SPENT);
    assert_false(desk->call.changed);

    ask.old_password = stored_form(desk, 1, &storage);
    packer = asking(desk);
    account_delete_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_ACCOUNT_DELETE, &packer), STORE_OK);
    assert_true(letters_answer_unpack(answered(desk), &letters));
    assert_int_equal(job_of(letters.first).purpose, MAIL_ACCOUNT_DELETED);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        assert_true(table_is_empty(desk, tables[i]));
    assert_int_equal(desk->env.tally.users, 0);
    assert_int_equal(desk->env.tally.pending,
                     3); /* the notices of both changes, and the last letter */
    assert_int_equal(sign_up(desk, 1), STORE_OK);
}

/* ---- what earlier versions wrote
 * -----------------------------------------------------------------
 */

static void test_rows_of_version_1_are_read_and_become_version_2(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(1);
    struct account_change_answer answer;
    struct row storage;
    uint8_t bytes[ROW_MAX_BYTES];

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    struct user_row user = user_of(desk, 1, &storage);
    struct packer packer = packer_over(bytes, sizeof(bytes));
    user_row_1_pack(&packer, &(struct user_row_1){.subject = user.subject,
                                                  .username = user.username,
                                                  .username_key = user.username_key,
                                                  .email = user.email,
                                                  .email_key = user.email_key,
                                                  .password = user.password,
                                                  .language = SLICE_LITERAL("de"),
                                                  .active = 1,
                                                  .date_joined = 5,
                                                  .last_login = 6,
                                                  .verify_proof = user.verify_proof});
    struct call call = {.env = &desk->env};
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
    row_put(&call, TABLE_USERS, uuid_slice(&person.user_id), packer_slice(&packer));
    assert_int_equal(call.txn->commit(call.txn, 0), 0);

    user = user_of(desk, 1, &storage);
    assert_int_equal(user.date_joined, 5);
    assert_int_equal(user.last_login, 6);
    assert_int_equal(user.extra.len, 0);
    assert_true(uuid_equal(&user.reset_proof, &nobody));
    assert_int_equal(change(desk, 1, (struct change){.username = "renamed"}, 1, &answer), STORE_OK);
    assert_true(row_get(&(struct call){.env = &desk->env}, TABLE_USERS, uuid_slice(&person.user_id),
                        &storage));
    assert_int_equal(storage.bytes[0], 2);
    assert_true(slice_equal(user_of(desk, 1, &storage).language, SLICE_LITERAL("de")));
}

static size_t letters_shown(struct desk *desk, uint64_t number)
{
    struct packer packer = asking(desk);
    struct export_letters_answer page;
    struct export_letter letter;
    size_t count = 0;

    export_letters_ask_pack(&packer,
                            &(struct export_letters_ask){.user_id = rig_person(number).user_id});
    assert_int_equal(carry_out(desk, STORE_EXPORT_LETTERS, &packer), STORE_OK);
    assert_true(export_letters_answer_unpack(answered(desk), &page));
    for (struct unpacker rows = unpacker_over(page.rows); rows.len > 0; count++)
        assert_true(export_letter_unpack(unpack_slice(&rows, 1024), &letter));
    return count;
}

static void test_an_export_does_not_tell_whether_a_new_address_gets_a_link(void **state)
{
    struct desk *desk = *state;
    struct account_change_answer answer;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.email = "new@example.net"}, 1, &answer),
                     STORE_OK);
    assert_int_equal(letters_shown(desk, 1), 2); /* both to the address of today */
    assert_int_equal(change(desk, 2,
                            (struct change){.email = "person1@example.com", .conceal = true}, 2,
                            &answer),
                     STORE_OK);
    assert_int_equal(letters_shown(desk, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_name_takes_its_index_entry_along, start, end),
        cmocka_unit_test_setup_teardown(test_a_language_is_set_taken_away_and_made_up_for, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_new_address_moves_when_its_proof_is_spent, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_an_address_that_is_taken_is_told_or_concealed, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_an_address_that_was_taken_meanwhile_is_not_moved_to,
                                        start, end),
        cmocka_unit_test_setup_teardown(test_ids_of_letters_and_proofs_are_never_used_twice, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_nothing_is_left_of_a_deleted_account, start, end),
        cmocka_unit_test_setup_teardown(
            test_an_export_does_not_tell_whether_a_new_address_gets_a_link, start, end),
        cmocka_unit_test_setup_teardown(test_rows_of_version_1_are_read_and_become_version_2, start,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
