/* Every request against a database of its own: what it answers, what it changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/answers.h"
#include "store/audit.h"
#include "store/purge.h"
#include "store/record.h"
#include "store/requests.h"
#include "store/users.h"
#include "store_rig.h"

struct desk {
    struct rig rig;
    struct env env;
    struct call call; /* the last one */
    uint8_t ask[8192];
    uint8_t answer[LANE_RECORD_MAX_BYTES];
};

static int start(void **state)
{
    struct desk *desk = xcalloc(1, sizeof(*desk));
    struct err err = {{0}};

    rig_init(&desk->rig);
    if (!env_open(&desk->env, desk->rig.dir, 16, desk->rig.segment,
                  segment_store_slot(desk->rig.segment), &err))
        fail_msg("%s", err.text);
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

static struct packer asking(struct desk *desk)
{
    return packer_over(desk->ask, sizeof(desk->ask));
}

/* Carries out one request in a transaction of its own. */
static enum store_status carry_out(struct desk *desk, enum store_request request,
                                   struct packer *packed)
{
    enum store_status status;

    assert_false(packed->overflow);
    desk->call = (struct call){.env = &desk->env,
                               .now = RIG_NOW,
                               .packed = packer_slice(packed),
                               .answer = packer_over(desk->answer, sizeof(desk->answer))};
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &desk->call.txn, 0), 0);
    status = request_carry_out(&desk->call, (uint8_t)request);
    assert_int_equal(desk->call.failure, 0);
    assert_int_equal(desk->call.txn->commit(desk->call.txn, 0), 0);
    return status;
}

static struct slice answered(struct desk *desk)
{
    assert_false(desk->call.answer.overflow);
    return packer_slice(&desk->call.answer);
}

static enum store_status sign_up_with(struct desk *desk, const struct rig_person *person,
                                      const char *key, const char *body)
{
    struct packer packer = asking(desk);

    rig_pack_signup(&packer, person, slice_of_text(key), slice_of_text(body));
    return carry_out(desk, STORE_ACCOUNT_CREATE, &packer);
}

static enum store_status sign_up(struct desk *desk, uint64_t number)
{
    struct rig_person person = rig_person(number);

    return sign_up_with(desk, &person, "", "");
}

static struct account_create_answer created(struct desk *desk)
{
    struct account_create_answer answer;

    assert_true(account_create_answer_unpack(answered(desk), &answer));
    return answer;
}

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

static void test_ids_that_exist_or_a_job_of_another_are_refused(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(2);
    struct packer packer = asking(desk);

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    person.user_id = rig_person(1).user_id;
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_REFUSED);
    person = rig_person(2);
    person.job_id = rig_person(1).job_id;
    assert_int_equal(sign_up_with(desk, &person, "", ""), STORE_REFUSED);
    account_create_ask_pack(&packer,
                            &(struct account_create_ask){.username_key = SLICE_LITERAL("a"),
                                                         .email_key = SLICE_LITERAL("b"),
                                                         .job = SLICE_LITERAL("no job")});
    assert_int_equal(carry_out(desk, STORE_ACCOUNT_CREATE, &packer), STORE_REFUSED);
    assert_false(desk->call.changed);
    assert_int_equal(desk->env.tally.users, 1);
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

static void test_credentials_are_found_by_name_then_by_address(void **state)
{
    struct desk *desk = *state;
    struct rig_person person = rig_person(1);
    struct credentials_answer answer;
    struct packer packer = asking(desk);

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    credentials_ask_pack(
        &packer, &(struct credentials_ask){.username_key = SLICE_LITERAL("x"),
                                           .email_key = SLICE_LITERAL("person1@example.com")});
    assert_int_equal(carry_out(desk, STORE_CREDENTIALS, &packer), STORE_OK);
    assert_true(credentials_answer_unpack(answered(desk), &answer));
    assert_memory_equal(answer.user_id.bytes, person.user_id.bytes, UUID_BYTES);
    assert_int_equal(answer.active, 1);
    assert_int_equal(answer.email_verified, 0);
    packer = asking(desk);
    credentials_ask_pack(&packer, &(struct credentials_ask){.username_key = SLICE_LITERAL("x")});
    assert_int_equal(carry_out(desk, STORE_CREDENTIALS, &packer), STORE_NOT_FOUND);
}

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
    struct proof_renew_answer answer;
    struct mail_job job;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(renew(desk, 1, 1, RIG_NOW), STORE_OK);
    assert_true(proof_renew_answer_unpack(answered(desk), &answer));
    assert_true(mail_job_unpack(answer.job, &job));
    assert_true(slice_equal(job.to, SLICE_LITERAL("person1@example.com")));
    assert_true(slice_equal(job.username, SLICE_LITERAL("person1")));
    assert_true(slice_equal(job.language, SLICE_LITERAL("de")));
    assert_int_equal(desk->env.tally.pending, 1);
    assert_int_equal(spend(desk, rig_uuid(2, 1), RIG_NOW), STORE_SPENT);
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

static char digests[4][33] = {
    "00000000000000000000000000000000",
    "11111111111111111111111111111111",
    "22222222222222222222222222222222",
    "33333333333333333333333333333333",
};

static enum store_status open_session(struct desk *desk, uint64_t user, uint64_t session)
{
    struct packer packer = asking(desk);

    session_open_ask_pack(&packer,
                          &(struct session_open_ask){.user_id = rig_uuid(1, user),
                                                     .session_id = rig_uuid(6, session),
                                                     .jti_digest = slice_of(digests[0], 32),
                                                     .expires = RIG_NOW + 1000,
                                                     .now = RIG_NOW});
    return carry_out(desk, STORE_SESSION_OPEN, &packer);
}

static enum store_status refresh(struct desk *desk, uint64_t session, int old, int new, bool adopt)
{
    struct packer packer = asking(desk);
    struct uuid user = rig_uuid(1, 1);
    char subject[UUID_TEXT_BYTES];

    uuid_format(&user, subject);
    session_refresh_ask_pack(
        &packer, &(struct session_refresh_ask){.session_id = rig_uuid(6, session),
                                               .adopt = adopt,
                                               .subject = slice_of_text(subject),
                                               .old_jti_digest = slice_of(digests[old], 32),
                                               .new_jti_digest = slice_of(digests[new], 32),
                                               .expires = RIG_NOW + 2000,
                                               .now = RIG_NOW + 500});
    return carry_out(desk, STORE_SESSION_REFRESH, &packer);
}

static enum store_status check(struct desk *desk, uint64_t session, int digest, wall_ms now)
{
    struct packer packer = asking(desk);

    session_check_ask_pack(&packer,
                           &(struct session_check_ask){.session_id = rig_uuid(6, session),
                                                       .jti_digest = slice_of(digests[digest], 32),
                                                       .now = now});
    return carry_out(desk, STORE_SESSION_CHECK, &packer);
}

static void test_a_refresh_token_is_good_once(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 2, 1), STORE_NOT_FOUND);
    assert_int_equal(open_session(desk, 1, 1), STORE_OK);
    assert_int_equal(check(desk, 1, 0, RIG_NOW), STORE_OK);
    assert_int_equal(refresh(desk, 1, 0, 1, false), STORE_OK);
    assert_int_equal(refresh(desk, 1, 0, 2, false), STORE_SPENT);
    assert_false(desk->call.changed);
    assert_int_equal(check(desk, 1, 0, RIG_NOW), STORE_SPENT);
    assert_int_equal(check(desk, 1, 1, RIG_NOW), STORE_OK);
    assert_int_equal(check(desk, 1, 1, RIG_NOW + 2000), STORE_NOT_FOUND);
    assert_int_equal(refresh(desk, 8, 0, 1, false), STORE_NOT_FOUND);
}

static void test_a_token_from_elsewhere_is_adopted_once(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(refresh(desk, 3, 0, 1, true), STORE_OK);
    assert_int_equal(refresh(desk, 3, 0, 2, true), STORE_SPENT);
    assert_int_equal(refresh(desk, 3, 1, 2, false), STORE_OK);
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

/* ---- upkeep -----------------------------------------------------------------------------------
 */

static void test_what_has_expired_leaves_in_small_steps(void **state)
{
    struct desk *desk = *state;
    struct purge purge = {0};
    struct call look = {.env = &desk->env};
    struct rig_person person = rig_person(1);
    struct walk *walk = xcalloc(1, sizeof(*walk));
    struct uuid id;

    assert_int_equal(sign_up_with(desk, &person, KEY_A, "body"), STORE_OK);
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

static void test_every_request_refuses_what_it_cannot_read(void **state)
{
    static const uint8_t requests[] = {
#define REQUEST(number, NAME, message, access) STORE_##NAME,
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
        TEST(test_ids_that_exist_or_a_job_of_another_are_refused),
        TEST(test_an_idempotency_key_gives_the_same_answer_and_one_account),
        TEST(test_the_free_name_question_knows_names_addresses_and_keys),
        TEST(test_credentials_are_found_by_name_then_by_address),
        TEST(test_a_proof_is_spent_once_and_in_time),
        TEST(test_a_resend_voids_the_earlier_link_and_takes_its_letter_back),
        TEST(test_resends_are_counted_by_the_hour),
        TEST(test_a_refresh_token_is_good_once),
        TEST(test_a_token_from_elsewhere_is_adopted_once),
        TEST(test_me_asks_for_the_account_and_its_session),
        TEST(test_what_has_expired_leaves_in_small_steps),
        TEST(test_every_request_refuses_what_it_cannot_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
