/* Whether a login comes from where a session of the account was opened; and walking backwards. */
#include "desk.h"

#include "store/sessions.h"

static char digest[] = "00000000000000000000000000000000";

static void open_from(struct desk *desk, uint64_t user, uint64_t session, const char *peer,
                      wall_ms expires)
{
    struct packer packer = asking(desk);

    session_open_ask_pack(&packer, &(struct session_open_ask){.user_id = rig_uuid(1, user),
                                                              .session_id = rig_uuid(6, session),
                                                              .jti_digest = slice_of(digest, 32),
                                                              .peer = slice_of_text(peer),
                                                              .expires = expires,
                                                              .now = RIG_NOW});
    assert_int_equal(carry_out(desk, STORE_SESSION_OPEN, &packer), STORE_OK);
}

static bool known(struct desk *desk, const char *username, const char *peer)
{
    struct credentials_answer answer;
    struct packer packer = asking(desk);

    credentials_ask_pack(&packer, &(struct credentials_ask){.username_key = slice_of_text(username),
                                                            .peer = slice_of_text(peer),
                                                            .now = RIG_NOW + 1});
    assert_int_equal(carry_out(desk, STORE_CREDENTIALS, &packer), STORE_OK);
    assert_true(credentials_answer_unpack(answered(desk), &answer));
    assert_in_range(answer.known_peer, 0, 1);
    return answer.known_peer;
}

static void test_a_standing_session_makes_its_address_known(void **state)
{
    struct desk *desk = *state;

    for (uint64_t user = 1; user <= 3; user++)
        assert_int_equal(sign_up(desk, user), STORE_OK);
    assert_false(known(desk, "person2", "192.0.2.1"));
    open_from(desk, 2, 20, "192.0.2.1", RIG_NOW + 1000);
    open_from(desk, 2, 21, "2001:db8::1", RIG_NOW + 1000);
    open_from(desk, 2, 22, "192.0.2.9", RIG_NOW + 1); /* over when it is asked for */
    assert_true(known(desk, "person2", "192.0.2.1"));
    assert_true(known(desk, "person2", "2001:db8::ffff:1"));
    assert_false(known(desk, "person2", "2001:db8:0:1::1"));
    assert_false(known(desk, "person2", "192.0.2.2"));
    assert_false(known(desk, "person2", "192.0.2.9"));
    assert_false(known(desk, "person2", "unknown"));
    assert_false(known(desk, "person2", ""));
    /* Its neighbours in the index are other people's. */
    open_from(desk, 3, 30, "192.0.2.3", RIG_NOW + 1000);
    assert_false(known(desk, "person1", "192.0.2.1"));
    assert_false(known(desk, "person2", "192.0.2.3"));
    assert_false(known(desk, "person3", "192.0.2.1"));
    assert_true(known(desk, "person3", "192.0.2.3"));
}

static void test_only_the_newest_sessions_are_looked_at(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    open_from(desk, 1, 1, "192.0.2.1", RIG_NOW + 1000);
    for (uint64_t i = 2; i <= SESSIONS_LOOKED_AT; i++)
        open_from(desk, 1, i, "192.0.2.2", RIG_NOW + 1000);
    assert_true(known(desk, "person1", "192.0.2.1"));
    open_from(desk, 1, SESSIONS_LOOKED_AT + 1, "192.0.2.2", RIG_NOW + 1000);
    assert_false(known(desk, "person1", "192.0.2.1"));
    assert_true(known(desk, "person1", "192.0.2.2"));
}

static void test_a_walk_goes_backwards_from_a_key_and_from_behind_the_last(void **state)
{
    struct desk *desk = *state;
    struct call call = {.env = &desk->env};
    struct walk walk;
    static const char *const names[] = {"person1", "person2", "person3"};

    for (uint64_t user = 1; user <= 3; user++)
        assert_int_equal(sign_up(desk, user), STORE_OK);
    static const struct {
        const char *from;
        int first; /* of names; -1: none */
    } walks[] = {{"person2", 1}, {"person2x", 1}, {"zebra", 2}, {"a", -1}, {"", -1}};
    for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
        walk_open(&walk, &call, TABLE_USERS_BY_NAME, slice_of_text(walks[i].from));
        for (int expected = walks[i].first; expected >= 0; expected--) {
            assert_true(walk_back(&walk));
            assert_true(slice_equal(walk_key(&walk), slice_of_text(names[expected])));
        }
        assert_false(walk_back(&walk));
        walk_close(&walk);
    }
    walk_open(&walk, &call, TABLE_SESSIONS, SLICE_LITERAL("x")); /* an empty table */
    assert_false(walk_back(&walk));
    walk_close(&walk);
    assert_int_equal(call.failure, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
        TEST(test_a_standing_session_makes_its_address_known),
        TEST(test_only_the_newest_sessions_are_looked_at),
        TEST(test_a_walk_goes_backwards_from_a_key_and_from_behind_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
