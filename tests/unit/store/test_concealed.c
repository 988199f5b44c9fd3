/* A sign-up with an address that has an account, where that is not to be told: what it writes. */
#include "account_desk.h"

struct attempt_of {
    const char *username;
    const char *email;
    uint32_t letters_max;
    wall_ms now;
};

/* Person number tries to sign up with other names than their own. */
static enum store_status try_with(struct desk *desk, uint64_t number, struct attempt_of attempt,
                                  struct account_create_answer *answer_out)
{
    struct rig_person person = rig_person(number);
    struct packer packer = asking(desk);
    char job_bytes[1024];
    struct packer job = packer_over(job_bytes, sizeof(job_bytes));

    mail_job_pack(&job, &(struct mail_job){.job_id = person.job_id,
                                           .purpose = MAIL_VERIFY,
                                           .proof_id = person.proof_id,
                                           .to = slice_of_text(attempt.email),
                                           .username = slice_of_text(attempt.username),
                                           .created = attempt.now,
                                           .expires = attempt.now + 86400000});
    account_create_ask_pack(&packer, &(struct account_create_ask){
                                         .user_id = person.user_id,
                                         .username = slice_of_text(attempt.username),
                                         .username_key = slice_of_text(attempt.username),
                                         .email = slice_of_text(attempt.email),
                                         .email_key = slice_of_text(attempt.email),
                                         .password = SLICE_LITERAL(RIG_PASSWORD),
                                         .proof_id = person.proof_id,
                                         .proof_expires = attempt.now + 86400000,
                                         .job_id = person.job_id,
                                         .job = packer_slice(&job),
                                         .conceal = 1,
                                         .letters_max = attempt.letters_max,
                                         .window_s = 3600,
                                         .now = attempt.now,
                                     });
    enum store_status status = carry_out(desk, STORE_ACCOUNT_CREATE, &packer);
    if (status == STORE_OK || status == STORE_DUPLICATE)
        assert_true(account_create_answer_unpack(answered(desk), answer_out));
    return status;
}

#define OWNERS "person1@example.com"

static void owner_signs_up(struct desk *desk)
{
    struct account_create_answer answer;

    assert_int_equal(try_with(desk, 1, (struct attempt_of){"person1", OWNERS, 0, RIG_NOW}, &answer),
                     STORE_OK);
    assert_int_equal(answer.concealed, 0);
    assert_int_equal(answer.job.len, 0);
}

static void test_the_name_is_kept_and_the_owner_told_in_one_transaction(void **state)
{
    struct desk *desk = *state;
    struct account_create_answer answer;
    struct row storage;

    owner_signs_up(desk);
    assert_int_equal(try_with(desk, 2, (struct attempt_of){"kept", OWNERS, 0, RIG_NOW}, &answer),
                     STORE_OK);
    assert_int_equal(answer.concealed, 1);
    struct mail_job job = job_of(answer.job);
    assert_int_equal(job.purpose, MAIL_SIGNUP_ATTEMPT);
    assert_true(slice_equal(job.to, slice_of_text(OWNERS)));
    assert_true(slice_equal(job.username, SLICE_LITERAL("person1")));
    assert_int_equal(desk->env.tally.users, 2);
    assert_int_equal(desk->env.tally.pending, 2);

    struct user_row kept = user_of(desk, 2, &storage);
    assert_int_equal(kept.active, 0);
    assert_int_equal(kept.password.at[0], '!'); /* whoever enables it lets nobody in */
    assert_int_equal(kept.password.len, 41);
    assert_int_equal(kept.email_key.len, 0);
    assert_true(finds(desk, TABLE_USERS_BY_NAME, "kept"));
    assert_int_equal(
        try_with(desk, 3, (struct attempt_of){"kept", "new@example.com", 0, RIG_NOW}, &answer),
        STORE_DUPLICATE);
    assert_int_equal(answer.username_taken, 1);
    assert_int_equal(answer.email_taken, 0);
    assert_true(slice_equal(user_of(desk, 1, &storage).email_key, slice_of_text(OWNERS)));
}

static void test_a_taken_name_is_told_and_leaves_nothing(void **state)
{
    struct desk *desk = *state;
    struct account_create_answer answer;

    owner_signs_up(desk);
    assert_int_equal(try_with(desk, 2, (struct attempt_of){"person1", OWNERS, 0, RIG_NOW}, &answer),
                     STORE_DUPLICATE);
    assert_int_equal(answer.username_taken, 1);
    assert_int_equal(answer.email_taken, 0);
    assert_int_equal(answer.concealed, 0);
    assert_int_equal(desk->env.tally.users, 1);
    assert_int_equal(desk->env.tally.pending, 1);
}

static void test_strangers_take_one_letter_of_the_owners_at_most(void **state)
{
    struct desk *desk = *state;
    struct account_create_answer answer;
    char name[32];

    owner_signs_up(desk);
    for (unsigned i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof(name), "kept%u", i);
        assert_int_equal(
            try_with(desk, 2 + i, (struct attempt_of){name, OWNERS, 2, RIG_NOW}, &answer),
            STORE_OK);
        assert_int_equal(answer.concealed, 1);
        assert_int_equal(answer.job.len > 0, i == 0);
        assert_true(finds(desk, TABLE_USERS_BY_NAME, name));
    }
    assert_int_equal(desk->env.tally.pending, 2);
    assert_int_equal(ask_reset(desk, 20), STORE_OK); /* of three: two are left */
    assert_int_equal(ask_reset(desk, 21), STORE_OK);
    assert_int_equal(ask_reset(desk, 22), STORE_NOT_FOUND);
    assert_int_equal(
        try_with(desk, 8, (struct attempt_of){"later", OWNERS, 2, RIG_NOW + 3600 * 1000}, &answer),
        STORE_OK);
    assert_int_equal(answer.job.len > 0, 1);
}

static void test_an_owner_who_has_letters_gets_none_of_strangers(void **state)
{
    struct desk *desk = *state;
    struct account_create_answer answer;

    owner_signs_up(desk);
    assert_int_equal(ask_reset(desk, 20), STORE_OK);
    assert_int_equal(try_with(desk, 2, (struct attempt_of){"kept", OWNERS, 3, RIG_NOW}, &answer),
                     STORE_OK);
    assert_int_equal(answer.concealed, 1);
    assert_int_equal(answer.job.len, 0);
    assert_true(finds(desk, TABLE_USERS_BY_NAME, "kept"));
}

/* Name and address are one text: it says no more than the address, so it need not be kept. */
static void test_an_address_as_its_own_name_is_concealed_like_the_address(void **state)
{
    struct desk *desk = *state;
    struct account_create_answer answer;

    owner_signs_up(desk);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            try_with(desk, 2 + i, (struct attempt_of){OWNERS, OWNERS, 0, RIG_NOW}, &answer),
            STORE_OK);
        assert_int_equal(answer.concealed, 1);
    }
    assert_false(finds(desk, TABLE_USERS_BY_NAME, OWNERS));
    assert_int_equal(desk->env.tally.users, 1);
}

static void test_an_address_that_is_only_a_name_is_told(void **state)
{
    struct desk *desk = *state;
    struct account_create_answer answer;

    assert_int_equal(try_with(desk, 1,
                              (struct attempt_of){"a@example.com", "b@example.com", 0, RIG_NOW},
                              &answer),
                     STORE_OK);
    assert_int_equal(
        try_with(desk, 2, (struct attempt_of){"c", "a@example.com", 0, RIG_NOW}, &answer),
        STORE_DUPLICATE);
    assert_int_equal(answer.email_taken, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_name_is_kept_and_the_owner_told_in_one_transaction,
                                        start, end),
        cmocka_unit_test_setup_teardown(test_a_taken_name_is_told_and_leaves_nothing, start, end),
        cmocka_unit_test_setup_teardown(test_strangers_take_one_letter_of_the_owners_at_most, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_an_owner_who_has_letters_gets_none_of_strangers, start,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_an_address_as_its_own_name_is_concealed_like_the_address, start, end),
        cmocka_unit_test_setup_teardown(test_an_address_that_is_only_a_name_is_told, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
