/* Workers that keep what they were told of a user or a session hear of every change of its rows. */
#include "desk.h"

#include "gatepost/epochs.h"
#include "store/purge.h"
#include "store/sessions.h"
#include "store/users.h"

static struct epochs_seen seen_of(const struct desk *desk, uint64_t number)
{
    const struct uuid user_id = rig_uuid(1, number);
    const struct uuid session_id = rig_uuid(6, number);
    char subject[UUID_TEXT_BYTES];

    uuid_format(&user_id, subject);
    return epochs_look(desk->rig.segment, slice_of_text(subject), uuid_slice(&session_id));
}

/* Which of the two has been raised since. */
static bool user_raised(const struct desk *desk, const struct epochs_seen *before)
{
    return seen_of(desk, 1).user != before->user;
}

static bool session_raised(const struct desk *desk, const struct epochs_seen *before)
{
    return seen_of(desk, 1).session != before->session;
}

static enum store_status open_session(struct desk *desk)
{
    struct packer packer = asking(desk);

    session_open_ask_pack(
        &packer,
        &(struct session_open_ask){.user_id = rig_uuid(1, 1),
                                   .session_id = rig_uuid(6, 1),
                                   .jti_digest = slice_of("0123456789abcdef0123456789abcdef", 32),
                                   .expires = RIG_NOW + 1000,
                                   .now = RIG_NOW});
    return carry_out(desk, STORE_SESSION_OPEN, &packer);
}

static struct call begin(struct desk *desk, wall_ms now)
{
    struct call call = {.env = &desk->env, .now = now};

    assert_int_equal(desk->env.db_env->txn_begin(desk->env.db_env, NULL, &call.txn, 0), 0);
    return call;
}

static void commit(struct call *call)
{
    assert_int_equal(call->failure, 0);
    assert_int_equal(call->txn->commit(call->txn, 0), 0);
}

static void test_every_change_of_a_users_row_is_told(void **state)
{
    struct desk *desk = *state;
    struct epochs_seen before = seen_of(desk, 1);
    struct epochs_seen other = seen_of(desk, 2);
    const struct uuid id = rig_uuid(1, 1);
    struct row storage;
    struct user_row user;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_true(user_raised(desk, &before));
    before = seen_of(desk, 1);
    struct call call = begin(desk, RIG_NOW);
    assert_true(user_load(&call, &id, &storage, &user));
    assert_false(user_raised(desk, &before));
    user.active = 0;
    user_save(&call, &id, &user);
    assert_true(user_raised(desk, &before)); /* before the commit */
    commit(&call);
    assert_false(session_raised(desk, &before));
    assert_true(epochs_stand(desk->rig.segment, &other));
}

static void test_a_login_and_every_other_change_of_a_session_is_told(void **state)
{
    struct desk *desk = *state;
    struct epochs_seen before;
    const struct uuid user_id = rig_uuid(1, 1);

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    before = seen_of(desk, 1);
    assert_int_equal(open_session(desk), STORE_OK);
    assert_true(user_raised(desk, &before)); /* last_login */
    assert_true(session_raised(desk, &before));
    before = seen_of(desk, 1);
    struct call call = begin(desk, RIG_NOW);
    assert_int_equal(sessions_end(&call, &user_id, NULL), 1);
    commit(&call);
    assert_true(session_raised(desk, &before));
}

static void test_a_session_that_is_swept_up_is_told(void **state)
{
    struct desk *desk = *state;
    struct purge purge = {0};
    struct epochs_seen before;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk), STORE_OK);
    before = seen_of(desk, 1);
    struct call call = begin(desk, RIG_NOW + 86400000);
    purge_step(&purge, &call, 100);
    commit(&call);
    assert_true(session_raised(desk, &before));
}

static void test_a_deleted_account_is_told_by_its_subject(void **state)
{
    struct desk *desk = *state;
    struct epochs_seen before;
    const struct uuid user_id = rig_uuid(1, 1);
    char subject[UUID_TEXT_BYTES];

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    before = seen_of(desk, 1);
    uuid_format(&user_id, subject);
    struct call call = begin(desk, RIG_NOW);
    assert_true(row_delete(&call, TABLE_USERS_BY_SUBJECT, slice_of_text(subject)));
    assert_true(row_delete(&call, TABLE_USERS, uuid_slice(&user_id)));
    commit(&call);
    assert_true(user_raised(desk, &before));
}

static void test_a_lookup_or_a_refusal_tells_nothing(void **state)
{
    struct desk *desk = *state;
    struct epochs_seen before;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    before = seen_of(desk, 1);
    assert_int_equal(sign_up(desk, 1), STORE_DUPLICATE);
    struct packer packer = asking(desk);
    user_ask_pack(&packer, &(struct user_ask){.subject = SLICE_LITERAL("nobody")});
    assert_int_equal(carry_out(desk, STORE_USER, &packer), STORE_NOT_FOUND);
    assert_true(epochs_stand(desk->rig.segment, &before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_change_of_a_users_row_is_told, start, end),
        cmocka_unit_test_setup_teardown(test_a_login_and_every_other_change_of_a_session_is_told,
                                        start, end),
        cmocka_unit_test_setup_teardown(test_a_session_that_is_swept_up_is_told, start, end),
        cmocka_unit_test_setup_teardown(test_a_deleted_account_is_told_by_its_subject, start, end),
        cmocka_unit_test_setup_teardown(test_a_lookup_or_a_refusal_tells_nothing, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
