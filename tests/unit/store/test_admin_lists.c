/* Administration's lists, against a database of its own: everybody once, whatever the pages, and
 * the sessions that stand. */
#include "admin_desk.h"

static struct admin_list_answer list(struct desk *desk, const char *after, const char *search,
                                     uint32_t rows_max)
{
    struct packer packer = asking(desk);
    struct admin_list_answer answer;

    admin_list_ask_pack(&packer, &(struct admin_list_ask){.after = slice_of_text(after),
                                                          .search = slice_of_text(search),
                                                          .rows_max = rows_max});
    assert_int_equal(carry_out(desk, STORE_ADMIN_LIST, &packer), STORE_OK);
    assert_true(admin_list_answer_unpack(answered(desk), &answer));
    return answer;
}

/* Goes through all pages. Returns how many accounts were on them; each exactly once, in order. */
static size_t list_all(struct desk *desk, const char *search, uint32_t rows_max, size_t *pages_out)
{
    char after[65] = "";
    char last[65] = "";
    size_t count = 0;
    bool more = true;

    for (*pages_out = 0; more; (*pages_out)++) {
        struct admin_list_answer answer = list(desk, after, search, rows_max);
        struct unpacker rows = unpacker_over(answer.rows);
        for (; rows.len > 0; count++) {
            struct admin_user_answer user;
            char subject[65];
            assert_true(admin_user_answer_unpack(unpack_slice(&rows, 2048), &user));
            assert_true(slice_to_text(user.subject, subject, sizeof(subject)));
            assert_true(strcmp(last, subject) < 0);
            memcpy(last, subject, sizeof(last));
        }
        assert_false(rows.bad);
        assert_true(slice_to_text(answer.next, after, sizeof(after)));
        more = answer.more;
    }
    return count;
}

static void test_a_list_has_everybody_once_and_in_order_whatever_the_size_of_its_pages(void **state)
{
    struct desk *desk = *state;
    size_t pages;

    assert_int_equal(list_all(desk, "", 100, &pages), 0);
    for (uint64_t i = 1; i <= 300; i++)
        assert_int_equal(sign_up(desk, i), STORE_OK);
    assert_int_equal(list_all(desk, "", 1000, &pages), 300);
    assert_int_equal(list_all(desk, "", 7, &pages), 300);
    assert_true(pages >= 300 / 7);
    assert_int_equal(list_all(desk, "person29", 1000, &pages), 11);
    assert_true(pages >= 2); /* one page does not look at all of them */
    assert_int_equal(list_all(desk, "son300@example", 1000, &pages), 1);
    assert_int_equal(list_all(desk, "nobody", 1000, &pages), 0);
}

static void test_a_page_begins_behind_an_account_that_is_gone(void **state)
{
    struct desk *desk = *state;
    struct packer packer;
    struct admin_user_answer user;

    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(sign_up(desk, i), STORE_OK);
    packer = asking(desk);
    admin_user_delete_ask_pack(
        &packer, &(struct admin_user_delete_ask){.subject = slice_of_text(subject_of(2)),
                                                 .peer = SLICE_LITERAL("unix"),
                                                 .now = RIG_NOW});
    assert_int_equal(carry_out(desk, STORE_ADMIN_USER_DELETE, &packer), STORE_OK);
    struct unpacker rows = unpacker_over(list(desk, subject_of(2), "", 10).rows);
    assert_true(admin_user_answer_unpack(unpack_slice(&rows, 2048), &user));
    assert_true(slice_equal(user.username, SLICE_LITERAL("person3")));
    assert_int_equal(rows.len, 0);
}

static enum store_status end_sessions(struct desk *desk, uint64_t user, uint64_t session, bool all)
{
    struct packer packer = asking(desk);

    admin_session_end_ask_pack(
        &packer, &(struct admin_session_end_ask){.subject = slice_of_text(subject_of(user)),
                                                 .all = all,
                                                 .session_id = rig_uuid(6, session),
                                                 .peer = SLICE_LITERAL("unix"),
                                                 .now = RIG_NOW});
    return carry_out(desk, STORE_ADMIN_SESSION_END, &packer);
}

/* Returns how many sessions stand, over all pages. */
static size_t count_sessions(struct desk *desk, uint64_t user, size_t *pages_out)
{
    struct admin_sessions_ask ask = {.subject = slice_of_text(subject_of(user)), .now = RIG_NOW};
    struct admin_sessions_answer answer = {.more = 1};
    size_t count = 0;

    for (*pages_out = 0; answer.more; (*pages_out)++) {
        struct packer packer = asking(desk);
        admin_sessions_ask_pack(&packer, &ask);
        assert_int_equal(carry_out(desk, STORE_ADMIN_SESSIONS, &packer), STORE_OK);
        assert_true(admin_sessions_answer_unpack(answered(desk), &answer));
        ask.after = answer.next;
        for (struct unpacker rows = unpacker_over(answer.rows); rows.len > 0; count++) {
            struct admin_session session;
            assert_true(admin_session_unpack(unpack_slice(&rows, 1024), &session));
            assert_true(slice_equal(session.peer, SLICE_LITERAL("192.0.2.7")));
            assert_true(slice_equal(session.user_agent, SLICE_LITERAL("browser")));
        }
    }
    return count;
}

static void test_sessions_are_listed_while_they_stand_and_ended_one_by_one_or_all(void **state)
{
    struct desk *desk = *state;
    size_t pages;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(count_sessions(desk, 1, &pages), 0);
    for (uint64_t i = 1; i <= 400; i++)
        assert_int_equal(open_session(desk, 1, i, i <= 5 ? 0 : 1000), STORE_OK);
    assert_int_equal(open_session(desk, 2, 900, 1000), STORE_OK);
    assert_int_equal(count_sessions(desk, 1, &pages), 395);
    assert_true(pages > 1);

    assert_int_equal(end_sessions(desk, 1, 900, false), STORE_NOT_FOUND); /* of somebody else */
    assert_int_equal(end_sessions(desk, 1, 7, false), STORE_OK);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_SESSION_ENDED);
    assert_int_equal(end_sessions(desk, 1, 7, false), STORE_NOT_FOUND);
    assert_int_equal(count_sessions(desk, 1, &pages), 394);
    assert_int_equal(end_sessions(desk, 1, 0, true), STORE_OK);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_SESSIONS_ENDED);
    assert_int_equal(count_sessions(desk, 1, &pages), 0);
    assert_int_equal(count_sessions(desk, 2, &pages), 1);
    assert_int_equal(rows_in(desk, TABLE_SESSIONS_BY_USER), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_list_has_everybody_once_and_in_order_whatever_the_size_of_its_pages),
        TEST(test_a_page_begins_behind_an_account_that_is_gone),
        TEST(test_sessions_are_listed_while_they_stand_and_ended_one_by_one_or_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
