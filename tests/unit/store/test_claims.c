/* The claim: what is still wanted goes, what is not is withdrawn, what would die on the way gets a
 * new link. */
#include "account_desk.h"

#include "store/outbox.h"
#include "store/purge.h"

#define HOUR_MS 3600000
#define DAY_MS  86400000

/* The letter of that id, as its row says; false: there is none that waits. */
static bool pending(struct desk *desk, struct uuid job_id, struct mail_job *job_out,
                    struct row *storage)
{
    struct letter_row letter;

    if (!letter_load(&(struct call){.env = &desk->env}, &job_id, storage, &letter) ||
        letter.state != LETTER_PENDING)
        return false;
    *job_out = job_of(letter.job);
    return true;
}

static enum store_status claim_due(struct desk *desk, struct uuid job_id, wall_ms due, wall_ms now,
                                   uint64_t proof)
{
    struct packer packer = asking(desk);

    outbox_claim_ask_pack(&packer, &(struct outbox_claim_ask){.job_id = job_id,
                                                              .due = due,
                                                              .proof_id = rig_uuid(8, proof),
                                                              .verify_s = 86400,
                                                              .reset_s = 3600,
                                                              .now = now});
    return carry_out(desk, STORE_OUTBOX_CLAIM, &packer);
}

static enum store_status claim(struct desk *desk, struct uuid job_id, wall_ms now)
{
    return claim_due(desk, job_id, RIG_NOW, now, 1);
}

static struct outbox_claim_answer claimed(struct desk *desk)
{
    struct outbox_claim_answer answer;

    assert_true(outbox_claim_answer_unpack(answered(desk), &answer));
    return answer;
}

static enum store_status spend_as(struct desk *desk, struct uuid proof_id, uint8_t purpose,
                                  wall_ms now)
{
    struct packer packer = asking(desk);

    proof_spend_ask_pack(&packer, &(struct proof_spend_ask){.proof_id = proof_id,
                                                            .purpose = purpose,
                                                            .job_id = rig_uuid(9, 1),
                                                            .peer = SLICE_LITERAL("::1"),
                                                            .now = now});
    return carry_out(desk, STORE_PROOF_SPEND, &packer);
}

static enum store_status spend(struct desk *desk, struct uuid proof_id, wall_ms now)
{
    return spend_as(desk, proof_id, MAIL_VERIFY, now);
}

static struct uuid letter_of(uint64_t number)
{
    return rig_person(number).job_id;
}

/* Nothing of the letter is left, and the claim that found out said so. */
static void assert_withdrawn(struct desk *desk, struct uuid job_id, wall_ms now)
{
    struct mail_job job;
    struct row storage;
    uint64_t before = desk->env.tally.pending;

    assert_true(pending(desk, job_id, &job, &storage));
    assert_int_equal(claim(desk, job_id, now), STORE_SPENT);
    assert_false(pending(desk, job_id, &job, &storage));
    assert_int_equal(desk->env.tally.pending, before - 1);
    assert_int_equal(claim(desk, job_id, now), STORE_NOT_FOUND);
}

static void test_a_letter_that_is_wanted_stays_as_it_is(void **state)
{
    struct desk *desk = *state;
    struct mail_job before, after;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_true(pending(desk, letter_of(1), &before, &storage));
    assert_int_equal(claim(desk, letter_of(1), RIG_NOW + DAY_MS / 2), STORE_OK);
    assert_false(desk->call.changed);
    assert_int_equal(claimed(desk).renewed, 0);
    after = job_of(claimed(desk).job);
    assert_true(uuid_equal(&after.proof_id, &before.proof_id));
    assert_true(uuid_equal(&after.job_id, &before.job_id));
    assert_int_equal(after.expires, before.expires);
}

static void test_what_is_gone_or_not_as_it_was_seen_is_not_found(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(claim(desk, rig_uuid(3, 99), RIG_NOW), STORE_NOT_FOUND);
    assert_int_equal(claim_due(desk, letter_of(1), RIG_NOW + 1, RIG_NOW, 1), STORE_NOT_FOUND);
    assert_int_equal(claim_due(desk, letter_of(1), RIG_NOW, RIG_NOW, 1), STORE_OK);
}

static void test_a_claim_without_lives_makes_no_sense(void **state)
{
    struct desk *desk = *state;
    struct packer packer = asking(desk);

    outbox_claim_ask_pack(&packer, &(struct outbox_claim_ask){.job_id = letter_of(1)});
    assert_int_equal(carry_out(desk, STORE_OUTBOX_CLAIM, &packer), STORE_REFUSED);
}

static void test_a_proof_near_its_end_is_made_anew_in_one_step(void **state)
{
    struct desk *desk = *state;
    const wall_ms now = RIG_NOW + DAY_MS / 2 + 1;
    struct mail_job job;
    struct row storage, user_storage;
    struct uuid proof_id = rig_uuid(8, 1);

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(claim(desk, letter_of(1), now), STORE_OK);
    assert_int_equal(claimed(desk).renewed, 1);
    job = job_of(claimed(desk).job);
    assert_true(uuid_equal(&job.proof_id, &proof_id));
    assert_int_equal(job.expires, now + DAY_MS);
    assert_int_equal(job.created, RIG_NOW); /* the letter's life is not longer for it */
    assert_true(slice_equal(job.to, SLICE_LITERAL("person1@example.com")));

    assert_true(pending(desk, letter_of(1), &job, &storage));
    assert_true(uuid_equal(&job.proof_id, &proof_id));
    struct user_row user = user_of(desk, 1, &user_storage);
    assert_true(uuid_equal(&user.verify_proof, &proof_id));
    assert_int_equal(spend(desk, rig_person(1).proof_id, now), STORE_NOT_FOUND);
    assert_int_equal(spend(desk, proof_id, now + DAY_MS - 1), STORE_OK);
    assert_false(pending(desk, letter_of(1), &job, &storage));
}

static void test_a_link_that_has_expired_and_was_purged_for_is_made_anew(void **state)
{
    struct desk *desk = *state;
    struct purge purge = {0};
    const wall_ms now = RIG_NOW + 3LL * DAY_MS;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    desk->now = now;
    for (int i = 0; i < 20; i++) {
        struct packer packer = asking(desk);
        ping_ask_pack(&packer, &(struct ping_ask){.nonce = 1});
        assert_int_equal(carry_out(desk, STORE_PING, &packer), STORE_OK);
        desk->call.changed = false;
        assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &desk->call.txn, 0),
                         0);
        purge_step(&purge, &desk->call, 1000);
        assert_int_equal(desk->call.txn->commit(desk->call.txn, 0), 0);
    }
    assert_int_equal(claim(desk, letter_of(1), now), STORE_OK);
    assert_int_equal(claimed(desk).renewed, 1);
    assert_int_equal(spend(desk, rig_uuid(8, 1), now), STORE_OK);
}

static void test_a_new_id_that_is_taken_is_refused(void **state)
{
    struct desk *desk = *state;
    const wall_ms late = RIG_NOW + DAY_MS;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(claim_due(desk, letter_of(1), RIG_NOW, late, 1), STORE_OK);
    assert_int_equal(claim_due(desk, letter_of(2), RIG_NOW, late, 1), STORE_REFUSED);
    assert_false(desk->call.changed);
    assert_int_equal(claim_due(desk, letter_of(2), RIG_NOW, late, 2), STORE_OK);
}

static void test_an_address_that_was_proven_takes_its_letter_back(void **state)
{
    struct desk *desk = *state;
    struct mail_job job;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(spend(desk, rig_person(1).proof_id, RIG_NOW), STORE_OK);
    assert_false(pending(desk, letter_of(1), &job, &storage));
    assert_int_equal(claim(desk, letter_of(1), RIG_NOW), STORE_NOT_FOUND);
    assert_int_equal(desk->env.tally.pending, 0);
}

/* By a row of before: proven, and the letter waits all the same. */
static void test_a_letter_to_a_proven_address_is_withdrawn(void **state)
{
    struct desk *desk = *state;
    struct row storage;
    struct uuid user_id = rig_person(1).user_id;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    struct user_row user = user_of(desk, 1, &storage);
    user.email_verified = 1;
    struct call call = {.env = &desk->env};
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
    user_save(&call, &user_id, &user);
    assert_int_equal(call.txn->commit(call.txn, 0), 0);
    assert_withdrawn(desk, letter_of(1), RIG_NOW);
}

static void test_a_letter_to_a_disabled_account_is_withdrawn(void **state)
{
    struct desk *desk = *state;
    struct row storage;
    struct uuid user_id = rig_person(1).user_id;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    struct user_row user = user_of(desk, 1, &storage);
    user.active = 0;
    struct call call = {.env = &desk->env};
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
    user_save(&call, &user_id, &user);
    assert_int_equal(call.txn->commit(call.txn, 0), 0);
    assert_withdrawn(desk, letter_of(1), RIG_NOW);
}

static void test_a_reset_that_was_superseded_or_done_takes_its_letter_back(void **state)
{
    struct desk *desk = *state;
    struct mail_job job;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(ask_reset(desk, 1), STORE_OK);
    assert_int_equal(ask_reset(desk, 2), STORE_OK);
    assert_false(pending(desk, rig_uuid(5, 1), &job, &storage));
    assert_int_equal(claim(desk, rig_uuid(5, 1), RIG_NOW), STORE_NOT_FOUND);
    assert_int_equal(claim(desk, rig_uuid(5, 2), RIG_NOW), STORE_OK);

    struct packer packer = asking(desk);
    password_reset_ask_pack(&packer, &(struct password_reset_ask){
                                         .proof_id = rig_uuid(4, 2),
                                         .password = SLICE_LITERAL("pbkdf2_sha256$2$salt$hash"),
                                         .job_id = rig_uuid(9, 2),
                                         .now = RIG_NOW});
    assert_int_equal(carry_out(desk, STORE_PASSWORD_RESET, &packer), STORE_OK);
    assert_false(pending(desk, rig_uuid(5, 2), &job, &storage));
    assert_false(pending(desk, letter_of(1), &job, &storage));  /* the address is proven with it */
    assert_true(pending(desk, rig_uuid(9, 2), &job, &storage)); /* the notice stays */
    assert_int_equal(claim(desk, rig_uuid(9, 2), RIG_NOW), STORE_OK);
}

static void test_a_reset_has_its_own_life(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(ask_reset(desk, 1), STORE_OK);
    assert_int_equal(claim(desk, rig_uuid(5, 1), RIG_NOW + HOUR_MS / 2), STORE_OK);
    assert_int_equal(claimed(desk).renewed, 0);
    assert_int_equal(claim(desk, rig_uuid(5, 1), RIG_NOW + HOUR_MS / 2 + 1), STORE_OK);
    assert_int_equal(claimed(desk).renewed, 1);
    assert_int_equal(job_of(claimed(desk).job).expires, RIG_NOW + HOUR_MS / 2 + 1 + HOUR_MS);
}

static void test_a_change_to_an_address_that_was_taken_meanwhile_is_withdrawn(void **state)
{
    struct desk *desk = *state;
    struct account_change_answer answer;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(change(desk, 1, (struct change){.email = "person2@example.com"}, 1, &answer),
                     STORE_OK);
    assert_int_equal(claim(desk, rig_uuid(5, 1), RIG_NOW), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_withdrawn(desk, rig_uuid(5, 1), RIG_NOW);
    assert_int_equal(claim(desk, rig_uuid(7, 1), RIG_NOW), STORE_OK); /* the notice of it */
}

static void test_of_a_deleted_account_only_the_last_notice_stays(void **state)
{
    struct desk *desk = *state;
    struct mail_job job;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(ask_reset(desk, 1), STORE_OK);
    struct packer packer = asking(desk);
    account_delete_ask_pack(
        &packer, &(struct account_delete_ask){.user_id = rig_person(1).user_id,
                                              .old_password = stored_form(desk, 1, &storage),
                                              .job_id = rig_uuid(9, 1),
                                              .now = RIG_NOW});
    assert_int_equal(carry_out(desk, STORE_ACCOUNT_DELETE, &packer), STORE_OK);
    assert_false(pending(desk, letter_of(1), &job, &storage));
    assert_false(pending(desk, rig_uuid(5, 1), &job, &storage));
    assert_int_equal(claim(desk, rig_uuid(9, 1), RIG_NOW + 9LL * DAY_MS), STORE_OK);
    assert_int_equal(desk->env.tally.pending, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_letter_that_is_wanted_stays_as_it_is),
        TEST(test_what_is_gone_or_not_as_it_was_seen_is_not_found),
        TEST(test_a_claim_without_lives_makes_no_sense),
        TEST(test_a_proof_near_its_end_is_made_anew_in_one_step),
        TEST(test_a_link_that_has_expired_and_was_purged_for_is_made_anew),
        TEST(test_a_new_id_that_is_taken_is_refused),
        TEST(test_an_address_that_was_proven_takes_its_letter_back),
        TEST(test_a_letter_to_a_proven_address_is_withdrawn),
        TEST(test_a_letter_to_a_disabled_account_is_withdrawn),
        TEST(test_a_reset_that_was_superseded_or_done_takes_its_letter_back),
        TEST(test_a_reset_has_its_own_life),
        TEST(test_a_change_to_an_address_that_was_taken_meanwhile_is_withdrawn),
        TEST(test_of_a_deleted_account_only_the_last_notice_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
