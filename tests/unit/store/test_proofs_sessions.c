/* Proofs and sessions, against a database of its own: each is good once, in time, and then leaves.
 */
#include "desk.h"

#include "store/purge.h"
#include "store/users.h"

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* ---- proofs -----------------------------------------------------------------------------------
 */

static enum store_status spend(struct desk *desk, struct uuid proof_id, wall_ms now)
{
    struct packer packer = asking(desk);

    proof_spend_ask_pack(&packer, &(struct proof_spend_ask){.proof_id = proof_id,
                                                            .purpose = MAIL_VERIFY,
                                                            .peer = SLICE_LITERAL("::1"),
                                                            .now = now});
    return carry_out(desk, STORE_PROOF_SPEND, &packer);
}

static enum store_status renew(struct desk *desk, uint64_t number, uint64_t letter, wall_ms now)
{
    struct rig_person person = rig_person(number);
    struct packer packer = asking(desk);

    proof_renew_ask_pack(&packer,
                         &(struct proof_renew_ask){.email_key = slice_of_text(person.email),
                                                   .purpose = MAIL_VERIFY,
                                                   .proof_id = rig_uuid(4, letter),
                                                   .proof_expires = now + 86400000,
                                                   .job_id = rig_uuid(5, letter),
                                                   .letters_max = 3,
                                                   .window_s = 3600,
                                                   .now = now});
    return carry_out(desk, STORE_PROOF_RENEW, &packer);
}

static void test_a_proof_is_spent_once_and_in_time(void **state)
{
    struct desk *desk = *state;
    struct row storage;
    struct user_row user;
    struct uuid id;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(spend(desk, rig_uuid(2, 9), RIG_NOW), STORE_NOT_FOUND);
    assert_int_equal(spend(desk, rig_uuid(2, 2), RIG_NOW + 86400000), STORE_SPENT);
    assert_int_equal(spend(desk, rig_uuid(2, 1), RIG_NOW + 86399999), STORE_OK);
    assert_int_equal(spend(desk, rig_uuid(2, 1), RIG_NOW), STORE_SPENT);
    assert_false(desk->call.changed);
    id = rig_uuid(1, 1);
    assert_true(user_load(&(struct call){.env = &desk->env}, &id, &storage, &user));
    assert_int_equal(user.email_verified, 1);
    id = rig_uuid(1, 2);
    assert_true(user_load(&(struct call){.env = &desk->env}, &id, &storage, &user));
    assert_int_equal(user.email_verified, 0);
}

static void test_a_resend_voids_the_earlier_link_and_takes_its_letter_back(void **state)
{
    struct desk *desk = *state;
    struct letters_answer answer;
    struct mail_job job;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(renew(desk, 1, 1, RIG_NOW), STORE_OK);
    assert_true(letters_answer_unpack(answered(desk), &answer));
    assert_true(mail_job_unpack(answer.first, &job));
    assert_true(slice_equal(job.to, SLICE_LITERAL("person1@example.com")));
    assert_true(slice_equal(job.username, SLICE_LITERAL("person1")));
    assert_true(slice_equal(job.language, SLICE_LITERAL("de")));
    assert_int_equal(desk->env.tally.pending, 1);
    assert_int_equal(spend(desk, rig_uuid(2, 1), RIG_NOW), STORE_NOT_FOUND);
    assert_int_equal(spend(desk, rig_uuid(4, 1), RIG_NOW), STORE_OK);
    assert_int_equal(renew(desk, 1, 2, RIG_NOW), STORE_NOT_FOUND); /* verified */
    assert_int_equal(renew(desk, 7, 3, RIG_NOW), STORE_NOT_FOUND); /* nobody */
}

static void test_resends_are_counted_by_the_hour(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(renew(desk, 1, i, RIG_NOW + (wall_ms)i), STORE_OK);
    assert_int_equal(renew(desk, 1, 4, RIG_NOW + 3600000), STORE_NOT_FOUND);
    assert_int_equal(renew(desk, 1, 4, RIG_NOW + 3600001), STORE_OK);
    assert_int_equal(desk->env.tally.pending, 1);
}

/* ---- sessions ---------------------------------------------------------------------------------
 */

static enum store_status open_session(struct desk *desk, uint64_t user, uint64_t session)
{
    struct packer packer = asking(desk);

    session_open_ask_pack(
        &packer,
        &(struct session_open_ask){.user_id = rig_uuid(1, user),
                                   .session_id = rig_uuid(6, session),
                                   .jti_digest = SLICE_LITERAL("00000000000000000000000000000000"),
                                   .expires = RIG_NOW + 1000,
                                   .now = RIG_NOW});
    return carry_out(desk, STORE_SESSION_OPEN, &packer);
}

static void test_me_asks_for_the_account_and_its_session(void **state)
{
    struct desk *desk = *state;
    struct uuid user = rig_uuid(1, 1);
    char subject[UUID_TEXT_BYTES];
    struct user_ask ask = {.has_session = 1, .session_id = rig_uuid(6, 1), .now = RIG_NOW};
    struct user_answer answer;
    struct packer packer = asking(desk);

    uuid_format(&user, subject);
    ask.subject = slice_of_text(subject);
    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1), STORE_OK);
    user_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_USER, &packer), STORE_OK);
    assert_true(user_answer_unpack(answered(desk), &answer));
    assert_true(slice_equal(answer.username, SLICE_LITERAL("person1")));
    assert_int_equal(answer.last_login, RIG_NOW);
    ask.now = RIG_NOW + 1000;
    packer = asking(desk);
    user_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_USER, &packer), STORE_SPENT);
    ask.subject = SLICE_LITERAL("nobody");
    packer = asking(desk);
    user_ask_pack(&packer, &ask);
    assert_int_equal(carry_out(desk, STORE_USER, &packer), STORE_NOT_FOUND);
}

static void test_what_has_expired_leaves_in_small_steps(void **state)
{
    struct desk *desk = *state;
    struct purge purge = {0};
    struct call look = {.env = &desk->env};
    struct rig_person person = rig_person(1);
    struct walk *walk = xcalloc(1, sizeof(*walk));
    struct uuid id;

    assert_int_equal(sign_up_with(desk, &person, KEY_A, "body"), STORE_OK);
    struct packer packer = asking(desk);
    outbox_settle_ask_pack(&packer, &(struct outbox_settle_ask){.job_id = person.job_id,
                                                                .verdict = OUTBOX_DELIVERED,
                                                                .now = RIG_NOW});
    assert_int_equal(carry_out(desk, STORE_OUTBOX_SETTLE, &packer), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1), STORE_OK);
    for (int i = 0; i < 20; i++) {
        struct call call = {.env = &desk->env, .now = RIG_NOW + 86400000};

        assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
        purge_step(&purge, &call, 100);
        assert_int_equal(call.failure, 0);
        assert_int_equal(call.txn->commit(call.txn, 0), 0);
    }
    id = rig_uuid(6, 1);
    assert_false(row_exists(&look, TABLE_SESSIONS, uuid_slice(&id)));
    id = rig_uuid(2, 1);
    assert_false(row_exists(&look, TABLE_PROOFS, uuid_slice(&id)));
    assert_false(row_exists(&look, TABLE_ANSWERS, SLICE_LITERAL("I" KEY_A)));
    walk_open(walk, &look, TABLE_SESSIONS_BY_USER, (struct slice){0});
    assert_false(walk_next(walk));
    walk_close(walk);
    free(walk);
    id = rig_uuid(1, 1);
    assert_true(row_exists(&look, TABLE_USERS, uuid_slice(&id)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_proof_is_spent_once_and_in_time),
        TEST(test_a_resend_voids_the_earlier_link_and_takes_its_letter_back),
        TEST(test_resends_are_counted_by_the_hour),
        TEST(test_me_asks_for_the_account_and_its_session),
        TEST(test_what_has_expired_leaves_in_small_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
