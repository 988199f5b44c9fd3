/* The store as a process: asked over real lanes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_rig.h"

static int start(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));

    rig_init(rig);
    rig_start(rig, NULL);
    *state = rig;
    return 0;
}

static int end(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

static void test_a_signup_is_there_for_the_login(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;
    struct account_create_answer created;
    struct credentials_answer credentials;

    assert_int_equal(rig_credentials(rig, "person1", &answer), STORE_NOT_FOUND);
    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_true(account_create_answer_unpack(slice_of(answer.payload, answer.len), &created));
    assert_int_equal(created.replay, STORE_REPLAY_NONE);
    assert_int_equal(rig_credentials(rig, "person1", &answer), STORE_OK);
    assert_true(credentials_answer_unpack(slice_of(answer.payload, answer.len), &credentials));
    assert_true(slice_equal(credentials.password, SLICE_LITERAL(RIG_PASSWORD)));
    assert_int_equal(board_get(rig->segment, BOARD_USERS), 1);
    assert_int_equal(board_get(rig->segment, BOARD_OUTBOX_PENDING), 1);
}

static void test_a_store_that_stops_leaves_everything_behind(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;

    assert_int_equal(rig_signup(rig, 2, &answer), STORE_OK);
    assert_int_equal(rig_stop(rig), 0);
    rig_start(rig, NULL);
    assert_int_equal(rig_credentials(rig, "person2", &answer), STORE_OK);
    assert_int_equal(rig_signup(rig, 2, &answer), STORE_DUPLICATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_signup_is_there_for_the_login, start, end),
        cmocka_unit_test_setup_teardown(test_a_store_that_stops_leaves_everything_behind, start,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
