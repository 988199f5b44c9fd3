/* Families of refresh tokens, against a database of its own: one successor for the grace time, then
 * the end of the session. */
#include "session_desk.h"

/* ---- grace and reuse ----------------------------------------------------------------------------
 */

static void test_a_refresh_token_gives_one_successor_for_the_grace_time(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 2, 1, 0), STORE_NOT_FOUND);
    assert_int_equal(open_session(desk, 1, 1, 0), STORE_OK);
    assert_int_equal(check(desk, 1, 0, false), STORE_OK);
    desk->now += 500;
    assert_int_equal(refresh(desk, 1, 0), STORE_OK);
    assert_int_equal(refreshed(desk).issued, RIG_NOW + 500);
    assert_int_equal(refreshed(desk).unchanged, 0);
    assert_int_equal(check(desk, 1, 0, false), STORE_SPENT);
    assert_int_equal(check(desk, 1, 1, false), STORE_OK);
    desk->now += 300;
    assert_int_equal(refresh(desk, 1, 1), STORE_OK);
    assert_int_equal(refreshed(desk).issued, RIG_NOW + 800);
    desk->now = RIG_NOW + 500 + GRACE_MS - 1;
    assert_int_equal(refresh(desk, 1, 0), STORE_OK);
    assert_int_equal(refreshed(desk).issued, RIG_NOW + 500);
    assert_false(desk->call.changed);
    assert_int_equal(check(desk, 1, 2, false), STORE_OK);
    assert_int_equal(refresh(desk, 8, 0), STORE_NOT_FOUND);
}

static void test_a_token_that_was_spent_long_ago_ends_its_session_and_a_letter_tells(void **state)
{
    struct desk *desk = *state;
    struct mail_job job;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 0), STORE_OK);
    assert_int_equal(open_session(desk, 1, 2, 0), STORE_OK);
    assert_int_equal(refresh(desk, 1, 0), STORE_OK);
    desk->now += GRACE_MS;
    assert_int_equal(refresh(desk, 1, 0), STORE_SPENT);
    assert_true(mail_job_unpack(refreshed(desk).letter, &job));
    assert_int_equal(job.purpose, MAIL_TOKEN_REUSED);
    assert_true(slice_equal(job.to, SLICE_LITERAL("person1@example.com")));
    assert_int_equal(desk->env.tally.pending, 2);
    assert_int_equal(last_event(desk), AUDIT_TOKEN_REUSED);
    assert_int_equal(check(desk, 1, 1, false), STORE_NOT_FOUND);
    assert_int_equal(refresh(desk, 1, 1), STORE_NOT_FOUND);
    assert_int_equal(refresh(desk, 1, 0), STORE_NOT_FOUND);
    assert_int_equal(desk->env.tally.pending, 2); /* told once */
    assert_int_equal(check(desk, 2, 0, false), STORE_OK);
    assert_int_equal(rows_of(desk, TABLE_SESSIONS_BY_USER), 1);
}

static void test_without_a_grace_time_the_second_use_is_reuse(void **state)
{
    struct desk *desk = *state;
    struct session_refresh_ask ask;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 0), STORE_OK);
    ask = refreshing(desk, 1);
    ask.grace_ms = 0;
    assert_int_equal(refresh_with(desk, ask, 0), STORE_OK);
    assert_int_equal(refresh_with(desk, ask, 0), STORE_SPENT);
}

/* A session of person 1 whose first token is used twice, without a grace time. */
static struct slice reuse(struct desk *desk, uint64_t session, uint32_t letters_max)
{
    struct session_refresh_ask ask;

    assert_int_equal(open_session(desk, 1, session, 0), STORE_OK);
    ask = refreshing(desk, session);
    ask.grace_ms = 0;
    ask.letters_max = letters_max;
    ask.window_s = 3600;
    assert_int_equal(refresh_with(desk, ask, 0), STORE_OK);
    assert_int_equal(refresh_with(desk, ask, 0), STORE_SPENT);
    const struct session_refresh_answer answer = refreshed(desk);
    assert_int_equal(check(desk, session, 1, false), STORE_NOT_FOUND);
    return answer.letter;
}

static void test_a_reuse_ends_the_session_even_when_no_letter_is_due(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK); /* the address is not proven */
    for (uint64_t session = 1; session <= 4; session++)
        assert_int_equal(reuse(desk, session, 2).len > 0, session <= 2);
    assert_true(reuse(desk, 5, 0).len > 0); /* limits.enabled = no */
    desk->now += 3600 * 1000;
    assert_true(reuse(desk, 6, 2).len > 0);
}

static void test_nobody_loses_track_of_his_tokens_in_a_tight_loop(void **state)
{
    struct desk *desk = *state;
    uint64_t current = 0;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 0), STORE_OK);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(refresh(desk, 1, current), STORE_OK);
        current += !refreshed(desk).unchanged;
        for (uint64_t shown = 0; shown < current; shown++) { /* each that was ever current */
            assert_int_equal(refresh(desk, 1, shown), STORE_OK);
            assert_false(refreshed(desk).unchanged);
        }
        desk->now++;
    }
    assert_int_equal(current, 32);
    assert_int_equal(refresh(desk, 1, current), STORE_OK);
    assert_true(refreshed(desk).unchanged);
    assert_int_equal(refreshed(desk).issued, RIG_NOW + 31); /* when it was made */
    desk->now += GRACE_MS;
    assert_int_equal(refresh(desk, 1, current), STORE_OK);
    assert_false(refreshed(desk).unchanged);
}

static void test_a_refresh_is_for_the_account_alone(void **state)
{
    struct desk *desk = *state;
    struct session_refresh_ask ask;
    char subject[UUID_TEXT_BYTES];

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 0), STORE_OK);
    ask = refreshing(desk, 1);
    ask.subject = subject_of(2, subject);
    assert_int_equal(refresh_with(desk, ask, 0), STORE_NOT_FOUND);
    assert_int_equal(refresh_with(desk, ask, 5), STORE_NOT_FOUND);
    assert_int_equal(log_out(desk, 1, 2, false), STORE_NOT_FOUND);
    assert_int_equal(check(desk, 1, 0, false), STORE_OK);
}

/* ---- tokens from elsewhere ----------------------------------------------------------------------
 */

static enum store_status adopt(struct desk *desk, uint64_t session, uint64_t old)
{
    struct session_refresh_ask ask = refreshing(desk, session);

    ask.adopt = 1;
    return refresh_with(desk, ask, old);
}

static void test_a_token_from_elsewhere_makes_one_session(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(check(desk, 3, 0, true), STORE_OK);
    assert_int_equal(adopt(desk, 3, 0), STORE_OK);
    desk->now += 1000;
    assert_int_equal(adopt(desk, 3, 0), STORE_OK); /* the same successor */
    assert_int_equal(refreshed(desk).issued, RIG_NOW);
    assert_int_equal(check(desk, 3, 0, true), STORE_SPENT);
    assert_int_equal(refresh(desk, 3, 1), STORE_OK);
    desk->now += GRACE_MS;
    assert_int_equal(adopt(desk, 3, 0), STORE_SPENT);
    assert_int_equal(refresh(desk, 3, 2), STORE_NOT_FOUND);
}

static void purge_everything(struct desk *desk)
{
    struct purge purge = {0};

    for (int i = 0; i < 20; i++) {
        struct call call = {.env = &desk->env, .now = desk->now};

        assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
        purge_step(&purge, &call, 100);
        assert_int_equal(call.failure, 0);
        assert_int_equal(call.txn->commit(call.txn, 0), 0);
    }
}

/* However its session ends, the token must not make another one. */
static void test_a_token_from_elsewhere_makes_no_second_session(void **state)
{
    struct desk *desk = *state;
    struct uuid nobodys = {{0}};

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    for (uint64_t session = 1; session <= 4; session++)
        assert_int_equal(adopt(desk, session, 0), STORE_OK);
    assert_int_equal(log_out(desk, 1, 1, false), STORE_OK);
    assert_int_equal(end_session(desk, 1, rig_uuid(6, 2), false), STORE_OK);
    assert_int_equal(log_out(desk, 5, 1, true), STORE_OK); /* before its first use */
    assert_int_equal(log_out(desk, 5, 1, true), STORE_NOT_FOUND);
    desk->now += LIFE_MS / 2;
    assert_int_equal(end_session(desk, 1, nobodys, true), STORE_OK);
    desk->now += LIFE_MS; /* sessions have expired, the tokens have not */
    purge_everything(desk);
    for (uint64_t session = 1; session <= 5; session++) {
        assert_int_equal(adopt(desk, session, 0), STORE_NOT_FOUND);
        assert_int_equal(check(desk, session, 0, true), STORE_SPENT);
    }
    assert_int_equal(rows_of(desk, TABLE_SESSIONS_BY_USER), 0);
    desk->now += LIFE_MS;
    purge_everything(desk);
    assert_int_equal(rows_of(desk, TABLE_SESSIONS), 0);
}

static void test_an_adopted_session_that_expires_leaves_its_mark(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(adopt(desk, 3, 0), STORE_OK);
    desk->now += LIFE_MS;
    purge_everything(desk);
    assert_int_equal(rows_of(desk, TABLE_SESSIONS), 1);
    assert_int_equal(rows_of(desk, TABLE_SESSIONS_BY_USER), 0);
    assert_int_equal(adopt(desk, 3, 0), STORE_NOT_FOUND);
    desk->now += LIFE_MS;
    purge_everything(desk);
    assert_int_equal(rows_of(desk, TABLE_SESSIONS), 0);
}

/* ---- rows of before -----------------------------------------------------------------------------
 */

static void put_version_1(struct desk *desk, struct uuid session_id)
{
    struct call call = {.env = &desk->env, .now = RIG_NOW};
    char bytes[DIGEST];
    uint8_t row[512];
    struct packer packer = packer_over(row, sizeof(row));

    session_row_1_pack(&packer, &(struct session_row_1){.user_id = rig_uuid(1, 1),
                                                        .jti_digest = digest(0, bytes),
                                                        .created = RIG_NOW - 5,
                                                        .used = RIG_NOW - 5,
                                                        .expires = RIG_NOW + LIFE_MS});
    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
    row_put(&call, TABLE_SESSIONS, uuid_slice(&session_id), packer_slice(&packer));
    assert_int_equal(call.failure, 0);
    assert_int_equal(call.txn->commit(call.txn, 0), 0);
}

static void test_a_session_of_the_first_version_goes_on(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 0), STORE_OK);
    put_version_1(desk, rig_uuid(6, 1));
    assert_int_equal(check(desk, 1, 0, false), STORE_OK);
    assert_int_equal(refresh(desk, 1, 0), STORE_OK);
    assert_int_equal(refresh(desk, 1, 0), STORE_OK);
    assert_int_equal(refresh(desk, 1, 1), STORE_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_refresh_token_gives_one_successor_for_the_grace_time),
        TEST(test_a_token_that_was_spent_long_ago_ends_its_session_and_a_letter_tells),
        TEST(test_without_a_grace_time_the_second_use_is_reuse),
        TEST(test_a_reuse_ends_the_session_even_when_no_letter_is_due),
        TEST(test_nobody_loses_track_of_his_tokens_in_a_tight_loop),
        TEST(test_a_refresh_is_for_the_account_alone),
        TEST(test_a_token_from_elsewhere_makes_one_session),
        TEST(test_a_token_from_elsewhere_makes_no_second_session),
        TEST(test_an_adopted_session_that_expires_leaves_its_mark),
        TEST(test_a_session_of_the_first_version_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
