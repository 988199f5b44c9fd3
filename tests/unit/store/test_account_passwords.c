/* Passwords that are changed and set anew, against a database of their own. */
#include "account_desk.h"

#include "store/accounts.h"

static enum store_status change_password(struct desk *desk, struct slice old, const char *new,
                                         uint64_t kept, uint64_t letter)
{
    struct packer packer = asking(desk);

    password_change_ask_pack(&packer,
                             &(struct password_change_ask){.user_id = rig_person(1).user_id,
                                                           .old_password = old,
                                                           .new_password = slice_of_text(new),
                                                           .keeps_session = kept != 0,
                                                           .kept_session = rig_uuid(6, kept),
                                                           .job_id = rig_uuid(5, letter),
                                                           .now = RIG_NOW});
    return carry_out(desk, STORE_PASSWORD_CHANGE, &packer);
}

/* Person 1's, from a worker that has limits; the new form is always another. */
static struct slice change_within(struct desk *desk, uint32_t letters_max, uint64_t letter,
                                  wall_ms now)
{
    struct packer packer = asking(desk);
    struct row storage;
    struct letters_answer letters;
    char new[64];

    (void)snprintf(new, sizeof(new), "form %u", (unsigned)letter);
    password_change_ask_pack(
        &packer, &(struct password_change_ask){.user_id = rig_person(1).user_id,
                                               .old_password = stored_form(desk, 1, &storage),
                                               .new_password = slice_of_text(new),
                                               .job_id = rig_uuid(5, letter),
                                               .letters_max = letters_max,
                                               .window_s = 3600,
                                               .now = now});
    assert_int_equal(carry_out(desk, STORE_PASSWORD_CHANGE, &packer), STORE_OK);
    assert_true(slice_equal(stored_form(desk, 1, &storage), slice_of_text(new)));
    assert_true(letters_answer_unpack(answered(desk), &letters));
    return letters.first;
}

static void test_notices_to_an_unproven_address_are_counted_as_letters(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(ask_reset(desk, 90), STORE_OK); /* the first of the three */
    for (uint64_t i = 1; i <= 6; i++)
        assert_int_equal(change_within(desk, 3, i, RIG_NOW).len > 0, i <= 2);
    assert_int_equal(user_of(desk, 1, &storage).letters_asked, 3);
    assert_int_equal(ask_reset(desk, 91), STORE_NOT_FOUND);
    assert_true(change_within(desk, 3, 7, RIG_NOW + 3600 * 1000).len > 0);
    for (uint64_t i = 8; i <= 12; i++) /* limits.enabled = no */
        assert_true(change_within(desk, 0, i, RIG_NOW + 3600 * 1000).len > 0);
}

static void test_a_new_password_ends_the_other_sessions(void **state)
{
    struct desk *desk = *state;
    struct letters_answer letters;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    for (uint64_t i = 1; i <= 3; i++)
        log_in(desk, 1, i);
    log_in(desk, 2, 4);
    assert_int_equal(change_password(desk, SLICE_LITERAL("not it"), STORED, 2, 1), STORE_SPENT);
    assert_false(desk->call.changed);
    assert_int_equal(change_password(desk, stored_form(desk, 1, &storage), STORED, 2, 1), STORE_OK);
    assert_true(letters_answer_unpack(answered(desk), &letters));
    assert_int_equal(job_of(letters.first).purpose, MAIL_PASSWORD_CHANGED);
    assert_true(slice_equal(stored_form(desk, 1, &storage), SLICE_LITERAL(STORED)));
    assert_int_equal(user_of(desk, 1, &storage).password_changed, RIG_NOW);
    assert_false(session_is_there(desk, 1));
    assert_true(session_is_there(desk, 2));
    assert_false(session_is_there(desk, 3));
    assert_true(session_is_there(desk, 4));
    assert_int_equal(change_password(desk, SLICE_LITERAL(STORED), "other", 0, 2), STORE_OK);
    assert_false(session_is_there(desk, 2));
}

static enum store_status reset(struct desk *desk, struct uuid proof_id, uint64_t letter)
{
    struct packer packer = asking(desk);

    password_reset_ask_pack(&packer, &(struct password_reset_ask){.proof_id = proof_id,
                                                                  .password = SLICE_LITERAL(STORED),
                                                                  .job_id = rig_uuid(8, letter),
                                                                  .now = RIG_NOW});
    return carry_out(desk, STORE_PASSWORD_RESET, &packer);
}

static void test_a_reset_is_spent_once_and_for_its_purpose(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    log_in(desk, 1, 1);
    assert_int_equal(ask_reset(desk, 1), STORE_OK);
    assert_int_equal(ask_reset(desk, 2), STORE_OK);
    assert_int_equal(reset(desk, rig_uuid(4, 1), 1),
                     STORE_NOT_FOUND); /* a newer one took its place */
    assert_int_equal(reset(desk, rig_person(1).proof_id, 1), STORE_NOT_FOUND); /* the sign-up's */
    assert_int_equal(reset(desk, rig_uuid(4, 2), 1), STORE_OK);
    assert_int_equal(reset(desk, rig_uuid(4, 2), 2), STORE_SPENT);
    assert_true(slice_equal(stored_form(desk, 1, &storage), SLICE_LITERAL(STORED)));
    assert_int_equal(user_of(desk, 1, &storage).email_verified, 1);
    assert_false(session_is_there(desk, 1));
}

static void test_the_owner_of_a_proven_address_is_always_told(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(ask_reset(desk, 90), STORE_OK);
    assert_int_equal(reset(desk, rig_uuid(4, 90), 1), STORE_OK);
    for (uint64_t i = 1; i <= 6; i++)
        assert_true(change_within(desk, 1, i, RIG_NOW).len > 0);
    assert_int_equal(user_of(desk, 1, &storage).letters_asked, 1); /* the reset's */
}

static void test_a_changed_password_voids_a_reset(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(ask_reset(desk, 1), STORE_OK);
    assert_int_equal(change_password(desk, stored_form(desk, 1, &storage), "new", 0, 2), STORE_OK);
    assert_int_equal(reset(desk, rig_uuid(4, 1), 1), STORE_SPENT);
}

static void test_a_login_that_a_new_password_overtook_opens_no_session(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    wall_ms looked_at = user_of(desk, 1, &storage).password_changed;
    assert_int_equal(change_password(desk, stored_form(desk, 1, &storage), "new", 0, 2), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, looked_at), STORE_NOT_FOUND);
    assert_false(desk->call.changed);
    assert_false(session_is_there(desk, 1));
    log_in(desk, 1, 1);
    assert_true(session_is_there(desk, 1));
}

static void test_a_window_of_letters_is_measured_whatever_the_times_are(void **state)
{
    static const struct {
        wall_ms since;
        wall_ms now;
        bool due;
    } cases[] = {
        {RIG_NOW, RIG_NOW, false},          {RIG_NOW, RIG_NOW + 3600000 - 1, false},
        {RIG_NOW, RIG_NOW + 3600000, true}, {RIG_NOW + 1, RIG_NOW, true}, /* set back */
        {INT64_MAX, INT64_MAX, true},       {INT64_MIN, INT64_MAX, true},
        {INT64_MAX, INT64_MIN, true},       {INT64_MIN, INT64_MIN, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct user_row user = {.letters_since = cases[i].since, .letters_asked = 1};

        assert_int_equal(user_may_have_letter(&user, 1, 3600, cases[i].now), cases[i].due);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_password_ends_the_other_sessions, start, end),
        cmocka_unit_test_setup_teardown(test_a_reset_is_spent_once_and_for_its_purpose, start, end),
        cmocka_unit_test_setup_teardown(test_a_changed_password_voids_a_reset, start, end),
        cmocka_unit_test_setup_teardown(test_notices_to_an_unproven_address_are_counted_as_letters,
                                        start, end),
        cmocka_unit_test(test_a_window_of_letters_is_measured_whatever_the_times_are),
        cmocka_unit_test_setup_teardown(test_the_owner_of_a_proven_address_is_always_told, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_login_that_a_new_password_overtook_opens_no_session,
                                        start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
