/* Administration, against a database of its own: who is found, what a change takes with it, and
 * what of an account is left when it is gone: nothing. */
#include "desk.h"
#include "store/audit.h"
#include "store/record.h"
#include "store/sessions.h"
#include "store/users.h"

static const char *subject_of(uint64_t number)
{
    static char text[UUID_TEXT_BYTES];
    struct uuid user_id = rig_uuid(1, number);

    uuid_format(&user_id, text);
    return text;
}

static enum store_status ask_user(struct desk *desk, const char *subject, const char *name,
                                  const char *address)
{
    struct packer packer = asking(desk);

    admin_user_ask_pack(&packer, &(struct admin_user_ask){.subject = slice_of_text(subject),
                                                          .username_key = slice_of_text(name),
                                                          .email_key = slice_of_text(address)});
    return carry_out(desk, STORE_ADMIN_USER, &packer);
}

static struct admin_user_answer told(struct desk *desk)
{
    struct admin_user_answer user;

    assert_true(admin_user_answer_unpack(answered(desk), &user));
    return user;
}

static enum store_status open_session(struct desk *desk, uint64_t user, uint64_t session,
                                      wall_ms life_ms)
{
    struct packer packer = asking(desk);

    session_open_ask_pack(
        &packer,
        &(struct session_open_ask){.user_id = rig_uuid(1, user),
                                   .session_id = rig_uuid(6, session),
                                   .jti_digest = SLICE_LITERAL("00000000000000000000000000000000"),
                                   .expires = RIG_NOW + life_ms,
                                   .peer = SLICE_LITERAL("192.0.2.7"),
                                   .user_agent = SLICE_LITERAL("browser"),
                                   .now = RIG_NOW});
    return carry_out(desk, STORE_SESSION_OPEN, &packer);
}

static size_t rows_in(struct desk *desk, enum table table)
{
    struct call call = {.env = &desk->env, .now = RIG_NOW};
    struct walk walk;
    size_t count = 0;

    walk_open(&walk, &call, table, (struct slice){0});
    while (walk_next(&walk))
        count++;
    walk_close(&walk);
    assert_int_equal(call.failure, 0);
    return count;
}

/* The newest row of the audit trail. */
static uint8_t last_event(struct desk *desk)
{
    struct call call = {.env = &desk->env, .now = RIG_NOW};
    struct row storage;
    struct row row;
    struct slice key;
    struct audit_row audit;

    assert_true(row_last_key(&call, TABLE_AUDIT, &storage, &key));
    assert_true(row_get(&call, TABLE_AUDIT, key, &row));
    assert_true(audit_row_unpack(row_slice(&row), &audit));
    assert_true(slice_equal(audit.peer, SLICE_LITERAL("unix")));
    return audit.event;
}

static enum store_status change(struct desk *desk, uint64_t number, unsigned changes, bool active,
                                bool verified, const char *password)
{
    struct packer packer = asking(desk);

    admin_user_change_ask_pack(
        &packer, &(struct admin_user_change_ask){.subject = slice_of_text(subject_of(number)),
                                                 .changes = (uint8_t)changes,
                                                 .active = active,
                                                 .email_verified = verified,
                                                 .password = slice_of_text(password),
                                                 .peer = SLICE_LITERAL("unix"),
                                                 .now = RIG_NOW});
    return carry_out(desk, STORE_ADMIN_USER_CHANGE, &packer);
}

static void test_an_account_is_found_by_id_name_or_address_and_only_without_doubt(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(ask_user(desk, subject_of(1), "", ""), STORE_OK);
    assert_true(slice_equal(told(desk).username, SLICE_LITERAL("person1")));
    assert_int_equal(ask_user(desk, "", "person2", ""), STORE_OK);
    assert_int_equal(told(desk).active, 1);
    assert_int_equal(told(desk).email_verified, 0);
    assert_int_equal(told(desk).has_password, 1);
    assert_int_equal(told(desk).date_joined, RIG_NOW);
    assert_int_equal(ask_user(desk, "", "", "person2@example.com"), STORE_OK);
    assert_int_equal(ask_user(desk, "person1", "person1", "person1"), STORE_OK);
    assert_int_equal(ask_user(desk, "nobody", "nobody", "nobody"), STORE_NOT_FOUND);
    assert_int_equal(ask_user(desk, "", "", ""), STORE_NOT_FOUND);
    assert_int_equal(ask_user(desk, subject_of(1), "person2", ""), STORE_DUPLICATE);
    assert_int_equal(ask_user(desk, subject_of(1), "person1", "person1@example.com"), STORE_OK);
}

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

static enum store_status add(struct desk *desk, uint64_t number, const char *name,
                             const char *address)
{
    struct packer packer = asking(desk);

    admin_user_add_ask_pack(&packer,
                            &(struct admin_user_add_ask){.user_id = rig_uuid(1, number),
                                                         .username = slice_of_text(name),
                                                         .username_key = slice_of_text(name),
                                                         .email = slice_of_text(address),
                                                         .email_key = slice_of_text(address),
                                                         .password = SLICE_LITERAL("!nobody"),
                                                         .active = 1,
                                                         .email_verified = 1,
                                                         .peer = SLICE_LITERAL("unix"),
                                                         .now = RIG_NOW});
    return carry_out(desk, STORE_ADMIN_USER_ADD, &packer);
}

static void test_an_added_account_has_no_letter_and_a_taken_name_is_told(void **state)
{
    struct desk *desk = *state;
    struct admin_user_add_answer taken;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    size_t letters = rows_in(desk, TABLE_OUTBOX);
    assert_int_equal(add(desk, 2, "anna", "anna@example.com"), STORE_OK);
    assert_int_equal(told(desk).has_password, 0);
    assert_int_equal(told(desk).email_verified, 1);
    assert_true(slice_equal(told(desk).subject, slice_of_text(subject_of(2))));
    assert_int_equal(last_event(desk), AUDIT_ADMIN_USER_ADDED);
    assert_int_equal(rows_in(desk, TABLE_OUTBOX), letters);
    assert_int_equal(desk->env.tally.users, 2);

    assert_int_equal(add(desk, 3, "person1", "anna@example.com"), STORE_DUPLICATE);
    assert_true(admin_user_add_answer_unpack(answered(desk), &taken));
    assert_int_equal(taken.username_taken, 1);
    assert_int_equal(taken.email_taken, 1);
    assert_int_equal(add(desk, 2, "other", "other@example.com"), STORE_REFUSED);
    assert_false(desk->call.changed);
    assert_int_equal(desk->env.tally.users, 2);
}

static void test_disabling_ends_the_sessions_of_that_account_alone(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(open_session(desk, 1, i, 1000), STORE_OK);
    assert_int_equal(open_session(desk, 2, 9, 1000), STORE_OK);

    assert_int_equal(change(desk, 1, ADMIN_CHANGE_ACTIVE, false, false, ""), STORE_OK);
    assert_int_equal(told(desk).active, 0);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_USER_DISABLED);
    assert_int_equal(rows_in(desk, TABLE_SESSIONS), 1);
    assert_int_equal(rows_in(desk, TABLE_SESSIONS_BY_USER), 1);
    assert_int_equal(open_session(desk, 1, 4, 1000), STORE_NOT_FOUND);
    assert_int_equal(change(desk, 1, ADMIN_CHANGE_ACTIVE, true, false, ""), STORE_OK);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_USER_ENABLED);
    assert_int_equal(open_session(desk, 1, 4, 1000), STORE_OK);
    assert_int_equal(change(desk, 7, ADMIN_CHANGE_ACTIVE, true, false, ""), STORE_NOT_FOUND);
}

static void test_another_password_ends_sessions_and_a_proven_address_does_not(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 1000), STORE_OK);
    assert_int_equal(change(desk, 1, ADMIN_CHANGE_VERIFIED, false, true, ""), STORE_OK);
    assert_int_equal(told(desk).email_verified, 1);
    assert_int_equal(told(desk).active, 1);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_EMAIL_VERIFIED);
    assert_int_equal(rows_in(desk, TABLE_SESSIONS), 1);
    assert_int_equal(change(desk, 1, ADMIN_CHANGE_PASSWORD, false, false, "md5$new"), STORE_OK);
    assert_int_equal(told(desk).active, 1);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_PASSWORD_SET);
    assert_int_equal(rows_in(desk, TABLE_SESSIONS), 0);
    assert_int_equal(change(desk, 1, ADMIN_CHANGE_PASSWORD, false, false, ""), STORE_REFUSED);
}

static void test_of_a_deleted_account_nothing_is_left_and_its_names_are_free(void **state)
{
    struct desk *desk = *state;
    static const enum table empty[] = {
        TABLE_USERS,        TABLE_USERS_BY_NAME,    TABLE_USERS_BY_EMAIL, TABLE_USERS_BY_SUBJECT,
        TABLE_SESSIONS,     TABLE_SESSIONS_BY_USER, TABLE_PROOFS,         TABLE_OUTBOX,
        TABLE_OUTBOX_BY_DUE};
    struct packer packer;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(open_session(desk, 1, 1, 1000), STORE_OK);
    assert_int_equal(open_session(desk, 1, 2, 1000), STORE_OK);
    packer = asking(desk);
    admin_user_delete_ask_pack(
        &packer, &(struct admin_user_delete_ask){.username_key = SLICE_LITERAL("person1"),
                                                 .peer = SLICE_LITERAL("unix"),
                                                 .now = RIG_NOW});
    assert_int_equal(carry_out(desk, STORE_ADMIN_USER_DELETE, &packer), STORE_OK);
    assert_int_equal(last_event(desk), AUDIT_ADMIN_USER_DELETED);
    for (size_t i = 0; i < ARRAY_LEN(empty); i++)
        assert_int_equal(rows_in(desk, empty[i]), 0);
    assert_int_equal(desk->env.tally.users, 0);
    assert_int_equal(desk->env.tally.pending, 0);
    packer = asking(desk);
    admin_user_delete_ask_pack(
        &packer, &(struct admin_user_delete_ask){.username_key = SLICE_LITERAL("person1")});
    assert_int_equal(carry_out(desk, STORE_ADMIN_USER_DELETE, &packer), STORE_NOT_FOUND);
    struct rig_person again = rig_person(2);
    snprintf(again.username, sizeof(again.username), "person1");
    snprintf(again.email, sizeof(again.email), "person1@example.com");
    assert_int_equal(sign_up_with(desk, &again, "", ""), STORE_OK);
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
        TEST(test_an_account_is_found_by_id_name_or_address_and_only_without_doubt),
        TEST(test_a_list_has_everybody_once_and_in_order_whatever_the_size_of_its_pages),
        TEST(test_a_page_begins_behind_an_account_that_is_gone),
        TEST(test_an_added_account_has_no_letter_and_a_taken_name_is_told),
        TEST(test_disabling_ends_the_sessions_of_that_account_alone),
        TEST(test_another_password_ends_sessions_and_a_proven_address_does_not),
        TEST(test_of_a_deleted_account_nothing_is_left_and_its_names_are_free),
        TEST(test_sessions_are_listed_while_they_stand_and_ended_one_by_one_or_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
