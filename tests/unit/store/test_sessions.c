/* The sessions of an account, against a database of its own: listed, ended, and bounded. */
#include "session_desk.h"

/* ---- logout, lists, ends ------------------------------------------------------------------------
 */

static void test_a_spent_token_logs_out_too(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 0), STORE_OK);
    assert_int_equal(refresh(desk, 1, 0), STORE_OK);
    assert_int_equal(log_out(desk, 1, 1, false), STORE_OK);
    assert_int_equal(last_event(desk), AUDIT_LOGGED_OUT);
    assert_int_equal(log_out(desk, 1, 1, false), STORE_NOT_FOUND);
    assert_int_equal(check(desk, 1, 1, false), STORE_NOT_FOUND);
    assert_int_equal(rows_of(desk, TABLE_SESSIONS), 0);
    assert_int_equal(rows_of(desk, TABLE_SESSIONS_BY_USER), 0);
}

static size_t list(struct desk *desk, uint64_t user, struct uuid *after, bool *more_out)
{
    struct packer packer = asking(desk);
    struct session_list_answer page;
    struct session_item item = {.used = 0};
    size_t count = 0;

    session_list_ask_pack(&packer, &(struct session_list_ask){.user_id = rig_uuid(1, user),
                                                              .after = *after,
                                                              .now = desk->now});
    assert_int_equal(carry_out(desk, STORE_SESSION_LIST, &packer), STORE_OK);
    assert_true(session_list_answer_unpack(answered(desk), &page));
    struct unpacker rows = unpacker_over(page.rows);
    while (rows.len > 0) {
        assert_true(session_item_unpack(unpack_slice(&rows, 512), &item));
        assert_true(memcmp(item.session_id.bytes, after->bytes, UUID_BYTES) > 0);
        assert_true(slice_equal(item.user_agent, SLICE_LITERAL("curl/8")));
        *after = item.session_id;
        count++;
    }
    *more_out = page.more;
    return count;
}

static size_t list_all(struct desk *desk, uint64_t user)
{
    struct uuid after = {{0}};
    size_t count = 0;
    bool more = true;

    while (more)
        count += list(desk, user, &after, &more);
    return count;
}

static void test_sessions_are_listed_page_by_page(void **state)
{
    struct desk *desk = *state;
    struct uuid after = {{0}};
    bool more;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    for (uint64_t i = 1; i <= 250; i++)
        assert_int_equal(open_session(desk, 1, i, 0), STORE_OK);
    assert_int_equal(open_session(desk, 2, 300, 0), STORE_OK);
    assert_in_range(list(desk, 1, &after, &more), 100, 249);
    assert_true(more);
    assert_int_equal(list_all(desk, 1), 250);
    assert_int_equal(list_all(desk, 2), 1);
    assert_int_equal(list_all(desk, 3), 0);
    desk->now += LIFE_MS;
    assert_int_equal(list_all(desk, 1), 0);
}

static void test_ones_own_sessions_end_and_nobody_elses(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    for (uint64_t i = 1; i <= 4; i++)
        assert_int_equal(open_session(desk, 1, i, 0), STORE_OK);
    assert_int_equal(open_session(desk, 2, 5, 0), STORE_OK);
    assert_int_equal(end_session(desk, 1, rig_uuid(6, 5), false), STORE_NOT_FOUND);
    assert_int_equal(end_session(desk, 1, rig_uuid(6, 9), false), STORE_NOT_FOUND);
    assert_int_equal(end_session(desk, 1, rig_uuid(6, 1), false), STORE_OK);
    assert_int_equal(end_session(desk, 1, rig_uuid(6, 1), false), STORE_NOT_FOUND);
    assert_int_equal(end_session(desk, 1, rig_uuid(6, 2), true), STORE_OK);
    assert_int_equal(last_event(desk), AUDIT_SESSION_ENDED);
    assert_int_equal(check(desk, 2, 0, false), STORE_OK);
    assert_int_equal(check(desk, 3, 0, false), STORE_NOT_FOUND);
    assert_int_equal(check(desk, 5, 0, false), STORE_OK);
    assert_int_equal(rows_of(desk, TABLE_SESSIONS), 2);
    assert_int_equal(end_session(desk, 1, rig_uuid(6, 2), true), STORE_OK);
    assert_false(desk->call.changed);
}

static void test_the_least_recently_used_session_makes_room(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    for (uint64_t i = 1; i <= 3; i++) {
        desk->now++;
        assert_int_equal(open_session(desk, 1, i, 3), STORE_OK);
    }
    desk->now++;
    assert_int_equal(refresh(desk, 1, 0), STORE_OK);
    assert_int_equal(open_session(desk, 1, 4, 3), STORE_OK);
    assert_int_equal(check(desk, 1, 1, false), STORE_OK);
    assert_int_equal(check(desk, 2, 0, false), STORE_NOT_FOUND);
    assert_int_equal(list_all(desk, 1), 3);
    assert_int_equal(open_session(desk, 1, 5, 2), STORE_OK); /* the bound was lowered */
    assert_int_equal(list_all(desk, 1), 2);
    assert_int_equal(check(desk, 4, 0, false), STORE_OK);
    assert_int_equal(rows_of(desk, TABLE_SESSIONS), 2);
}

/* ---- export -------------------------------------------------------------------------------------
 */

static void test_an_export_shows_the_letters_of_the_account_alone(void **state)
{
    struct desk *desk = *state;
    struct packer packer = asking(desk);
    struct export_letters_answer page;
    struct export_account_answer account;
    struct export_letter letter;

    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(sign_up(desk, i), STORE_OK);
    export_letters_ask_pack(&packer, &(struct export_letters_ask){.user_id = rig_uuid(1, 2)});
    assert_int_equal(carry_out(desk, STORE_EXPORT_LETTERS, &packer), STORE_OK);
    assert_true(export_letters_answer_unpack(answered(desk), &page));
    assert_int_equal(page.more, 0);
    struct unpacker rows = unpacker_over(page.rows);
    assert_true(export_letter_unpack(unpack_slice(&rows, 1024), &letter));
    assert_int_equal(rows.len, 0);
    assert_int_equal(letter.purpose, MAIL_VERIFY);
    assert_true(slice_equal(letter.to, SLICE_LITERAL("person2@example.com")));
    packer = asking(desk);
    export_account_ask_pack(&packer, &(struct export_account_ask){.user_id = rig_uuid(1, 2)});
    assert_int_equal(carry_out(desk, STORE_EXPORT_ACCOUNT, &packer), STORE_OK);
    assert_true(export_account_answer_unpack(answered(desk), &account));
    packer = asking(desk);
    export_account_ask_pack(&packer, &(struct export_account_ask){.user_id = rig_uuid(1, 9)});
    assert_int_equal(carry_out(desk, STORE_EXPORT_ACCOUNT, &packer), STORE_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_spent_token_logs_out_too),
        TEST(test_sessions_are_listed_page_by_page),
        TEST(test_ones_own_sessions_end_and_nobody_elses),
        TEST(test_the_least_recently_used_session_makes_room),
        TEST(test_an_export_shows_the_letters_of_the_account_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
