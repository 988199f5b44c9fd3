/* Accounts, and what no request takes, against a database of its own: what is answered, what
 * changes. */
#include "desk.h"
#include "store/record.h"
#include "store/users.h"

/* ---- accounts ---------------------------------------------------------------------------------
 */

static void test_a_taken_name_or_address_is_told_and_changes_nothing(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(2);

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_true(desk->call.changed);
    snprintf(person.username, sizeof(person.username), "person1");
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_DUPLICATE);
    assert_false(desk->call.changed);
    assert_int_equal(created(desk).username_taken, 1);
    assert_int_equal(created(desk).email_taken, 0);
    person = rig_person(2);
    snprintf(person.email, sizeof(person.email), "person1@example.com");
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_DUPLICATE);
    assert_int_equal(created(desk).username_taken, 0);
    assert_int_equal(created(desk).email_taken, 1);
    assert_int_equal(desk->env.tally.users, 1);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(desk->env.tally.users, 2);
}

static void test_a_name_and_an_address_of_two_accounts_are_never_the_same(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(2);
    struct name_check_answer answer;
    struct packer packer = asking(desk);

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    snprintf(person.username, sizeof(person.username), "person1@example.com");
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_DUPLICATE);
    assert_int_equal(created(desk).username_taken, 1);
    assert_int_equal(created(desk).email_taken, 0);
    snprintf(person.username, sizeof(person.username), "person2@example.com"); /* its own */
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_OK);

    person = rig_person(3);
    snprintf(person.username, sizeof(person.username), "later@example.com");
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_OK);
    person = rig_person(4);
    snprintf(person.email, sizeof(person.email), "later@example.com");
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_DUPLICATE);
    assert_int_equal(created(desk).username_taken, 0);
    assert_int_equal(created(desk).email_taken, 1);

    name_check_ask_pack(
        &packer, &(struct name_check_ask){.username_key = SLICE_LITERAL("person1@example.com"),
                                          .email_key = SLICE_LITERAL("later@example.com")});
    assert_int_equal(carry_out(desk, STORE_NAME_CHECK, &packer), STORE_OK);
    assert_true(name_check_answer_unpack(answered(desk), &answer));
    assert_int_equal(answer.username_taken, 1);
    assert_int_equal(answer.email_taken, 1);
}

static void test_ids_that_exist_or_a_job_of_another_are_refused(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(2);
    struct packer packer = asking(desk);

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    person.user_id = rig_person(1).user_id;
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_REFUSED);
    assert_false(desk->call.changed);
    person = rig_person(2);
    person.job_id = rig_person(1).job_id;
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_REFUSED);
    assert_false(desk->call.changed);
    person = rig_person(2);
    person.proof_id = rig_person(1).proof_id;
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_REFUSED);
    assert_false(desk->call.changed);
    account_create_ask_pack(&packer,
                            &(struct account_create_ask){.username_key = SLICE_LITERAL("a"),
                                                         .email_key = SLICE_LITERAL("b"),
                                                         .job = SLICE_LITERAL("no job")});
    assert_int_equal(carry_out(desk, STORE_ACCOUNT_CREATE, &packer), STORE_REFUSED);
    assert_false(desk->call.changed);
    assert_int_equal(desk->env.tally.users, 1);
    assert_int_equal(desk->env.tally.pending, 1);
    assert_int_equal(sign_up(desk, 2), STORE_OK); /* none of its rows was left behind */
}

/* An account that was moved in may have any subject, also what would be another's id. */
static void test_a_subject_that_is_taken_leaves_no_row_of_the_sign_up(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(2);
    const struct uuid another = rig_person(1).user_id;
    struct call call = {.env = &desk->env};
    char subject[UUID_TEXT_BYTES];

    uuid_format(&person.user_id, subject);
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
    row_put(&call, TABLE_USERS_BY_SUBJECT, slice_of_text(subject), uuid_slice(&another));
    assert_int_equal(call.txn->commit(call.txn, 0), 0);
    assert_int_equal(sign_up(desk, 2), STORE_REFUSED);
    assert_false(desk->call.changed);
    assert_int_equal(desk->env.tally.users + desk->env.tally.pending, 0);
    call = (struct call){.env = &desk->env};
    assert_false(row_exists(&call, TABLE_USERS, uuid_slice(&person.user_id)));
    assert_false(row_exists(&call, TABLE_PROOFS, uuid_slice(&person.proof_id)));
    assert_false(row_exists(&call, TABLE_OUTBOX, uuid_slice(&person.job_id)));
}

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static void test_an_idempotency_key_gives_the_same_answer_and_one_account(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(1);
    struct rig_person again = rig_person(2);

    assert_int_equal(sign_up_with(desk, &person, KEY_A, "body"), STORE_OK);
    assert_int_equal(created(desk).replay, STORE_REPLAY_NONE);
    assert_int_equal(sign_up_with(desk, &again, KEY_A, "body"), STORE_OK);
    assert_int_equal(created(desk).replay, STORE_REPLAY_SAME);
    assert_false(desk->call.changed);
    assert_int_equal(sign_up_with(desk, &again, KEY_A, "another"), STORE_DUPLICATE);
    assert_int_equal(created(desk).replay, STORE_REPLAY_DIFFERS);
    assert_int_equal(desk->env.tally.users, 1);
    assert_int_equal(desk->env.tally.pending, 1);
    assert_int_equal(sign_up_with(desk, &again, KEY_B, "body"), STORE_OK);
    assert_int_equal(desk->env.tally.users, 2);
}

static void test_the_free_name_question_knows_names_addresses_and_keys(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(1);
    struct name_check_answer answer;
    struct packer packer = asking(desk);
    struct name_check_ask ask = {.username_key = SLICE_LITERAL("person1"),
                                 .email_key = SLICE_LITERAL("new@example.com"),
                                 .idempotency_body = SLICE_LITERAL("body"),
                                 .now = RIG_NOW};

    assert_int_equal(sign_up_with(desk, &person, KEY_A, "body"), STORE_OK);
    name_check_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_NAME_CHECK, &packer), STORE_OK);
    assert_true(name_check_answer_unpack(answered(desk), &answer));
    assert_int_equal(answer.username_taken, 1);
    assert_int_equal(answer.email_taken, 0);
    assert_false(desk->call.durable);
    ask.idempotency_key = SLICE_LITERAL(KEY_A);
    packer = asking(desk);
    name_check_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_NAME_CHECK, &packer), STORE_OK);
    assert_true(name_check_answer_unpack(answered(desk), &answer));
    assert_int_equal(answer.replay, STORE_REPLAY_SAME);
    assert_true(desk->call.durable);
    ask.now = RIG_NOW + IDEMPOTENCY_LIFE_MS;
    packer = asking(desk);
    name_check_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_NAME_CHECK, &packer), STORE_OK);
    assert_true(name_check_answer_unpack(answered(desk), &answer));
    assert_int_equal(answer.replay, STORE_REPLAY_NONE);
}

static void test_credentials_are_found_by_address_then_by_name(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(1);
    struct credentials_answer answer;
    struct packer packer = asking(desk);
    struct credentials_ask ask = {.username_key = SLICE_LITERAL("person2"),
                                  .email_key = SLICE_LITERAL("person1@example.com")};

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    credentials_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_CREDENTIALS, &packer), STORE_OK);
    assert_true(credentials_answer_unpack(answered(desk), &answer));
    assert_memory_equal(answer.user_id.bytes, person.user_id.bytes, UUID_BYTES);
    assert_int_equal(answer.active, 1);
    assert_int_equal(answer.email_verified, 0);
    packer = asking(desk);
    person = rig_person(2);
    ask.email_key = SLICE_LITERAL("nobody@example.com");
    credentials_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_CREDENTIALS, &packer), STORE_OK);
    assert_true(credentials_answer_unpack(answered(desk), &answer));
    assert_memory_equal(answer.user_id.bytes, person.user_id.bytes, UUID_BYTES);
    packer = asking(desk);
    credentials_ask_pack(&packer, &(struct credentials_ask){.username_key = SLICE_LITERAL("x")});
    assert_int_equal(carry_out(desk, STORE_CREDENTIALS, &packer), STORE_NOT_FOUND);
}

/* ---- re-hashing -------------------------------------------------------------------------------
 */

#define NEW_FORM                                                                                   \
    "pbkdf2_sha256$700000$vutsrqponmlkjihgfedcba$cba9876543210987654321098765432109876543210="

static enum store_status rehash(struct desk *desk, uint64_t number, const char *old_form,
                                const char *new_form)
{
    struct packer packer = asking(desk);

    password_rehash_ask_pack(
        &packer, &(struct password_rehash_ask){.user_id = rig_person(number).user_id,
                                               .old_password = slice_of_text(old_form),
                                               .new_password = slice_of_text(new_form)});
    return carry_out(desk, STORE_PASSWORD_REHASH, &packer);
}

static void assert_form(struct desk *desk, uint64_t number, const char *form)
{
    struct credentials_answer answer;
    struct rig_person person = rig_person(number);
    struct packer packer = asking(desk);

    credentials_ask_pack(&packer,
                         &(struct credentials_ask){.username_key = slice_of_text(person.username)});
    assert_int_equal(carry_out(desk, STORE_CREDENTIALS, &packer), STORE_OK);
    assert_true(credentials_answer_unpack(answered(desk), &answer));
    assert_true(slice_equal(answer.password, slice_of_text(form)));
}

static void disable(struct desk *desk, uint64_t number)
{
    struct uuid id = rig_person(number).user_id;
    struct row row;
    struct user_row user;

    desk->call = (struct call){.env = &desk->env, .now = RIG_NOW};
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &desk->call.txn, 0), 0);
    assert_true(user_load(&desk->call, &id, &row, &user));
    user.active = 0;
    user_save(&desk->call, &id, &user);
    assert_int_equal(desk->call.txn->commit(desk->call.txn, 0), 0);
}

static void test_a_password_in_a_new_form_takes_the_place_of_the_old_one_alone(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(rehash(desk, 1, RIG_PASSWORD, NEW_FORM), STORE_OK);
    assert_true(desk->call.changed);
    assert_form(desk, 1, NEW_FORM);
    assert_form(desk, 2, RIG_PASSWORD);
    assert_int_equal(desk->env.tally.users, 2);
    /* the second of two logins, or one whose password was changed meanwhile */
    assert_int_equal(rehash(desk, 1, RIG_PASSWORD, NEW_FORM "x"), STORE_SPENT);
    assert_false(desk->call.changed);
    assert_int_equal(rehash(desk, 2, RIG_PASSWORD "x", NEW_FORM), STORE_SPENT);
    assert_form(desk, 1, NEW_FORM);
    assert_form(desk, 2, RIG_PASSWORD);
}

static void test_nobody_is_rehashed_who_is_not_there_or_disabled(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(rehash(desk, 2, RIG_PASSWORD, NEW_FORM), STORE_NOT_FOUND);
    assert_int_equal(rehash(desk, 1, "", NEW_FORM), STORE_REFUSED);
    assert_int_equal(rehash(desk, 1, RIG_PASSWORD, ""), STORE_REFUSED);
    disable(desk, 1);
    assert_int_equal(rehash(desk, 1, RIG_PASSWORD, NEW_FORM), STORE_NOT_FOUND);
    assert_false(desk->call.changed);
    assert_form(desk, 1, RIG_PASSWORD);
}

/* ---- upkeep -----------------------------------------------------------------------------------
 */

static void test_every_request_refuses_what_it_cannot_read(void **state)
{
    static const uint8_t requests[] = {
#define REQUEST(number, NAME, message, access, who) STORE_##NAME,
#include "gatepost/store_requests.def"
#undef REQUEST
    };
    struct desk *desk = *state;

    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct packer packer = asking(desk);

        pack_u8(&packer, 1);
        assert_int_equal(carry_out(desk, requests[i], &packer), STORE_REFUSED);
        assert_false(desk->call.changed);
    }
    assert_int_equal(request_kind(0), REQUEST_UNKNOWN);
    assert_int_equal(request_kind(255), REQUEST_UNKNOWN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_taken_name_or_address_is_told_and_changes_nothing),
        TEST(test_a_name_and_an_address_of_two_accounts_are_never_the_same),
        TEST(test_ids_that_exist_or_a_job_of_another_are_refused),
        TEST(test_a_subject_that_is_taken_leaves_no_row_of_the_sign_up),
        TEST(test_an_idempotency_key_gives_the_same_answer_and_one_account),
        TEST(test_the_free_name_question_knows_names_addresses_and_keys),
        TEST(test_credentials_are_found_by_address_then_by_name),
        TEST(test_a_password_in_a_new_form_takes_the_place_of_the_old_one_alone),
        TEST(test_nobody_is_rehashed_who_is_not_there_or_disabled),
        TEST(test_every_request_refuses_what_it_cannot_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
