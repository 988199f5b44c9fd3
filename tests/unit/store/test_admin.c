/* Administration of accounts, against a database of its own: who is found, what a change takes with
 * it, and what of an account is left when it is gone: nothing. */
#include "admin_desk.h"

static enum store_status change(struct desk *desk, uint64_t number, unsigned changes, bool active,
                                bool verified, const char *password)
{
    struct packer packer = asking(desk);

    admin_user_change_ask_pack(
        &packer, &(struct admin_user_change_ask){.subject = slice_of_text(subject_of(number)),
                                                 .changes = (uint8_t)changes,
                                                 .active = active,
                                                 .email_verified = verified,
                                                 .password = slice_of_text(password),
                                                 .peer = SLICE_LITERAL("unix"),
                                                 .now = RIG_NOW});
    return carry_out(desk, STORE_ADMIN_USER_CHANGE, &packer);
}

static void test_an_account_is_found_by_id_name_or_address_and_only_without_doubt(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(ask_user(desk, subject_of(1), "", ""), STORE_OK);
    assert_true(slice_equal(told(desk).username, SLICE_LITERAL("person1")));
    assert_int_equal(ask_user(desk, "", "person2", ""), STORE_OK);
    assert_int_equal(told(desk).active, 1);
    assert_int_equal(told(desk).email_verified, 0);
    assert_int_equal(told(desk).has_password, 1);
    assert_int_equal(told(desk).date_joined, RIG_NOW);
    assert_int_equal(ask_user(desk, "", "", "person2@example.com"), STORE_OK);
    assert_int_equal(ask_user(desk, "person1", "person1", "person1"), STORE_OK);
    assert_int_equal(ask_user(desk, "nobody", "nobody", "nobody"), STORE_NOT_FOUND);
    assert_int_equal(ask_user(desk, "", "", ""), STORE_NOT_FOUND);
    assert_int_equal(ask_user(desk, subject_of(1), "person2", ""), STORE_DUPLICATE);
    assert_int_equal(ask_user(desk, subject_of(1), "person1", "person1@example.com"), STORE_OK);
}

static enum store_status add(struct desk *desk, uint64_t number, const char *name,
                             const char *address)
{
    struct packer packer = asking(desk);

    admin_user_add_ask_pack(&packer,
                            &(struct admin_user_add_ask){.user_id = rig_uuid(1, number),
                                                         .username = slice_of_text(name),
                                                         .username_key = slice_of_text(name),
                                                         .email = slice_of_text(address),
                                                         .email_key = slice_of_text(address),
                                                         .password = SLICE_LITERAL("!nobody"),
                                                         .active = 1,
                                                         .email_verified = 1,
                                                         .peer = SLICE_LITERAL("unix"),
                                                         .now = RIG_NOW});
    return carry_out(desk, STORE_ADMIN_USER_ADD, &packer);
}

static void test_an_added_account_has_no_letter_and_a_taken_name_is_told(void **state)
{
    struct desk *desk = *state;
    struct admin_user_add_answer taken;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    size_t letters = rows_in(desk, TABLE_OUTBOX);
    assert_int_equal(add(desk, 2, "anna", "anna@example.com"), STORE_OK);
    assert_int_equal(told(desk).has_password, 0);
    assert_int_equal(told(desk).email_verified, 1);
    assert_true(slice_equal(told(desk).subject, slice_of_text(subject_of(2))));
    assert_int_equal(last_event(desk), AUDIT_ADMIN_USER_ADDED);
    assert_int_equal(rows_in(desk, TABLE_OUTBOX), letters);
    assert_int_equal(desk->env.tally.users, 2);

    assert_int_equal(add(desk, 3, "person1", "anna@example.com"), STORE_DUPLICATE);
    assert_true(admin_user_add_answer_unpack(answered(desk), &taken));
    assert_int_equal(taken.username_taken, 1);
    assert_int_equal(taken.email_taken, 1);
    assert_int_equal(add(desk, 2, "other", "other@example.com"), STORE_REFUSED);
    assert_false(desk->call.changed);
    assert_int_equal(desk->env.tally.users, 2);
}

static void test_disabling_ends_the_sessions_of_that_account_alone(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(open_session(desk, 1, i, 1000), STORE_OK);
    assert_int_equal(open_session(desk, 2, 9, 1000), STORE_OK);

    assert_int_equal(change(desk, 1, ADMIN_CHANGE_ACTIVE, false, false, ""), STORE_OK);
    assert_int_equal(told(desk).active, 0);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_USER_DISABLED);
    assert_int_equal(rows_in(desk, TABLE_SESSIONS), 1);
    assert_int_equal(rows_in(desk, TABLE_SESSIONS_BY_USER), 1);
    assert_int_equal(open_session(desk, 1, 4, 1000), STORE_NOT_FOUND);
    assert_int_equal(change(desk, 1, ADMIN_CHANGE_ACTIVE, true, false, ""), STORE_OK);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_USER_ENABLED);
    assert_int_equal(open_session(desk, 1, 4, 1000), STORE_OK);
    assert_int_equal(change(desk, 7, ADMIN_CHANGE_ACTIVE, true, false, ""), STORE_NOT_FOUND);
}

static void test_another_password_ends_sessions_and_a_proven_address_does_not(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 1000), STORE_OK);
    assert_int_equal(change(desk, 1, ADMIN_CHANGE_VERIFIED, false, true, ""), STORE_OK);
    assert_int_equal(told(desk).email_verified, 1);
    assert_int_equal(told(desk).active, 1);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_EMAIL_VERIFIED);
    assert_int_equal(rows_in(desk, TABLE_SESSIONS), 1);
    assert_int_equal(change(desk, 1, ADMIN_CHANGE_PASSWORD, false, false, "md5$new"), STORE_OK);
    assert_int_equal(told(desk).active, 1);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_PASSWORD_SET);
    assert_int_equal(rows_in(desk, TABLE_SESSIONS), 0);
    assert_int_equal(change(desk, 1, ADMIN_CHANGE_PASSWORD, false, false, ""), STORE_REFUSED);
}

static enum store_status rename_to(struct desk *desk, uint64_t number, const char *name)
{
    struct packer packer = asking(desk);

    admin_user_change_ask_pack(
        &packer, &(struct admin_user_change_ask){.subject = slice_of_text(subject_of(number)),
                                                 .changes = ADMIN_CHANGE_USERNAME,
                                                 .new_username = slice_of_text(name),
                                                 .new_username_key = slice_of_text(name),
                                                 .peer = SLICE_LITERAL("unix"),
                                                 .now = RIG_NOW});
    return carry_out(desk, STORE_ADMIN_USER_CHANGE, &packer);
}

static void test_another_name_is_found_and_nobody_else_s(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(rename_to(desk, 1, "person2"), STORE_DUPLICATE);
    assert_true(answered(desk).len > 0);
    assert_int_equal(rename_to(desk, 1, "person2@example.com"), STORE_DUPLICATE);
    assert_int_equal(rename_to(desk, 1, ""), STORE_REFUSED);
    assert_int_equal(rename_to(desk, 1, "person1"), STORE_OK);
    assert_int_equal(rename_to(desk, 1, "anna"), STORE_OK);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_USERNAME_SET);
    assert_int_equal(ask_user(desk, "", "anna", ""), STORE_OK);
    assert_int_equal(ask_user(desk, "", "person1", ""), STORE_NOT_FOUND);
    assert_int_equal(rows_in(desk, TABLE_USERS_BY_NAME), 2);
}

static void test_of_a_deleted_account_nothing_is_left_and_its_names_are_free(void **state)
{
    struct desk *desk = *state;
    static const enum table empty[] = {
        TABLE_USERS,        TABLE_USERS_BY_NAME,    TABLE_USERS_BY_EMAIL, TABLE_USERS_BY_SUBJECT,
        TABLE_SESSIONS,     TABLE_SESSIONS_BY_USER, TABLE_PROOFS,         TABLE_OUTBOX,
        TABLE_OUTBOX_BY_DUE};
    struct packer packer;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 1000), STORE_OK);
    assert_int_equal(open_session(desk, 1, 2, 1000), STORE_OK);
    packer = asking(desk);
    admin_user_delete_ask_pack(
        &packer, &(struct admin_user_delete_ask){.username_key = SLICE_LITERAL("person1"),
                                                 .peer = SLICE_LITERAL("unix"),
                                                 .now = RIG_NOW});
    assert_int_equal(carry_out(desk, STORE_ADMIN_USER_DELETE, &packer), STORE_OK);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_USER_DELETED);
    for (size_t i = 0; i < ARRAY_LEN(empty); i++)
        assert_int_equal(rows_in(desk, empty[i]), 0);
    assert_int_equal(desk->env.tally.users, 0);
    assert_int_equal(desk->env.tally.pending, 0);
    packer = asking(desk);
    admin_user_delete_ask_pack(
        &packer, &(struct admin_user_delete_ask){.username_key = SLICE_LITERAL("person1")});
    assert_int_equal(carry_out(desk, STORE_ADMIN_USER_DELETE, &packer), STORE_NOT_FOUND);
    struct rig_person again = rig_person(2);
    snprintf(again.username, sizeof(again.username), "person1");
    snprintf(again.email, sizeof(again.email), "person1@example.com");
    assert_int_equal(sign_up_with(desk, &again, "", ""), STORE_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_an_account_is_found_by_id_name_or_address_and_only_without_doubt),
        TEST(test_an_added_account_has_no_letter_and_a_taken_name_is_told),
        TEST(test_disabling_ends_the_sessions_of_that_account_alone),
        TEST(test_another_password_ends_sessions_and_a_proven_address_does_not),
        TEST(test_another_name_is_found_and_nobody_else_s),
        TEST(test_of_a_deleted_account_nothing_is_left_and_its_names_are_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
