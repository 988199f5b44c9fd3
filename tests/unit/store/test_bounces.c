/* Reports that come back of letters, and what they do to an address. */
#include "mail_desk.h"

#define ADDRESS "person1@example.com"

static void send_letter(struct desk *desk, uint64_t number)
{
    assert_int_equal(sign_up(desk, number), STORE_OK);
    assert_int_equal(settle(desk, number, OUTBOX_DELIVERED, "250 taken"), STORE_OK);
}

static size_t audited(struct desk *desk, enum audit_event event)
{
    struct call call = reading(desk);
    struct walk *walk = xcalloc(1, sizeof(*walk));
    struct audit_row row;
    size_t count = 0;

    for (walk_open(walk, &call, TABLE_AUDIT, (struct slice){0}); walk_next(walk);)
        count += audit_row_unpack(row_slice(&walk->row), &row) && row.event == event;
    walk_close(walk);
    free(walk);
    return count;
}

static void test_a_hard_bounce_suppresses_the_address(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    send_letter(desk, 1);
    assert_int_equal(report(desk, 1, BOUNCE_HARD, "Person1@EXAMPLE.com", BOUNCED), STORE_OK);
    struct letter_row letter = letter_there(desk, 1, &storage);
    assert_int_equal(letter.state, LETTER_SENT);
    assert_int_equal(last_try(&letter).event, LETTER_BOUNCED);
    assert_true(slice_equal(last_try(&letter).reply, SLICE_LITERAL(BOUNCED)));
    assert_int_equal(suppressed_as(desk, ADDRESS), SUPPRESSION_BOUNCE);
    assert_int_equal(desk->env.tally.suppressed, 1);
    assert_int_equal(audited(desk, AUDIT_MAIL_BOUNCED), 1);
}

static enum store_status refuse(struct desk *desk, uint64_t number, bool no_mailbox)
{
    struct packer packer = asking(desk);

    outbox_settle_ask_pack(
        &packer, &(struct outbox_settle_ask){.job_id = rig_person(number).job_id,
                                             .verdict = OUTBOX_REFUSED,
                                             .reply = SLICE_LITERAL("550 5.1.1 nobody here"),
                                             .relay = SLICE_LITERAL("smtp"),
                                             .no_mailbox = no_mailbox,
                                             .now = desk->now});
    return carry_out(desk, STORE_OUTBOX_SETTLE, &packer);
}

static void test_a_relay_that_knows_no_such_mailbox_suppresses_the_address_too(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(refuse(desk, 1, true), STORE_OK);
    assert_int_equal(letter_there(desk, 1, &storage).state, LETTER_DEAD);
    assert_int_equal(suppressed_as(desk, ADDRESS), SUPPRESSION_BOUNCE);
    assert_int_equal(audited(desk, AUDIT_MAIL_BOUNCED), 1);
    assert_int_equal(sign_up(desk, 2), STORE_OK);
    assert_int_equal(refuse(desk, 2, false), STORE_OK);
    assert_int_equal(desk->env.tally.suppressed, 1);
}

static void test_the_same_report_twice_changes_nothing(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    send_letter(desk, 1);
    assert_int_equal(report(desk, 1, BOUNCE_HARD, "", BOUNCED), STORE_OK);
    assert_true(desk->call.changed);
    assert_int_equal(report(desk, 1, BOUNCE_HARD, ADDRESS, BOUNCED), STORE_OK);
    assert_false(desk->call.changed);
    struct letter_row letter = letter_there(desk, 1, &storage);
    assert_int_equal(tries_in(letter.history), 2);
    assert_int_equal(audited(desk, AUDIT_MAIL_BOUNCED), 1);
}

static void test_a_soft_bounce_is_noted_and_no_more(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    send_letter(desk, 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(report(desk, 1, BOUNCE_SOFT, ADDRESS, i % 2 ? "4.2.2 full" : "4.4.1 away"),
                         STORE_OK);
    struct letter_row letter = letter_there(desk, 1, &storage);
    assert_int_equal(tries_in(letter.history), 6);
    assert_int_equal(last_try(&letter).event, LETTER_DELAYED);
    assert_int_equal(desk->env.tally.suppressed, 0);
}

static void test_a_complaint_outranks_a_bounce_and_not_the_reverse(void **state)
{
    struct desk *desk = *state;

    send_letter(desk, 1);
    assert_int_equal(report(desk, 1, BOUNCE_HARD, ADDRESS, BOUNCED), STORE_OK);
    assert_int_equal(report(desk, 1, BOUNCE_COMPLAINT, ADDRESS, "abuse"), STORE_OK);
    assert_int_equal(suppressed_as(desk, ADDRESS), SUPPRESSION_COMPLAINT);
    assert_int_equal(report(desk, 1, BOUNCE_HARD, ADDRESS, "5.1.1 again"), STORE_OK);
    assert_int_equal(suppressed_as(desk, ADDRESS), SUPPRESSION_COMPLAINT);
    assert_int_equal(desk->env.tally.suppressed, 1);
    assert_int_equal(audited(desk, AUDIT_MAIL_COMPLAINT), 1);
}

static void test_a_report_about_another_address_is_of_nobody(void **state)
{
    struct desk *desk = *state;

    send_letter(desk, 1);
    assert_int_equal(report(desk, 1, BOUNCE_HARD, "victim@example.com", BOUNCED), STORE_NOT_FOUND);
    assert_int_equal(report(desk, 2, BOUNCE_HARD, "", BOUNCED), STORE_NOT_FOUND);
    assert_int_equal(report(desk, 1, (enum bounce_kind)3, "", BOUNCED), STORE_REFUSED);
    assert_int_equal(desk->env.tally.suppressed, 0);
}

/* Its first copy was taken and came back while the second waits for its turn. */
static void test_a_letter_that_waits_is_dead_when_its_address_bounced(void **state)
{
    struct desk *desk = *state;
    struct row storage;

    assert_int_equal(sign_up(desk, 1), STORE_OK);
    assert_int_equal(settle(desk, 1, OUTBOX_RETRY, "timeout after the dot"), STORE_OK);
    assert_int_equal(report(desk, 1, BOUNCE_HARD, ADDRESS, BOUNCED), STORE_OK);
    struct letter_row letter = letter_there(desk, 1, &storage);
    assert_int_equal(letter.state, LETTER_DEAD);
    assert_int_equal(desk->env.tally.pending, 0);
    assert_int_equal(desk->env.tally.dead, 1);
    assert_int_equal(settle(desk, 1, OUTBOX_DELIVERED, "250 taken"), STORE_NOT_FOUND);
}

static enum store_status renew(struct desk *desk, uint8_t purpose, uint64_t number)
{
    struct packer packer = asking(desk);

    proof_renew_ask_pack(&packer, &(struct proof_renew_ask){.email_key = SLICE_LITERAL(ADDRESS),
                                                            .purpose = purpose,
                                                            .proof_id = rig_uuid(7, number),
                                                            .proof_expires = desk->now + 86400000,
                                                            .job_id = rig_uuid(8, number),
                                                            .now = desk->now});
    return carry_out(desk, STORE_PROOF_RENEW, &packer);
}

/* Was the letter of the last answer to be announced? */
static bool announces(struct desk *desk)
{
    struct letters_answer letters;

    assert_true(letters_answer_unpack(answered(desk), &letters));
    return letters.first.len > 0;
}

static void test_a_letter_to_a_suppressed_address_is_dead_at_once(void **state)
{
    struct desk *desk = *state;
    struct uuid job_id = rig_uuid(8, 1);
    struct row storage;
    struct letter_row letter;

    send_letter(desk, 1);
    assert_int_equal(report(desk, 1, BOUNCE_HARD, ADDRESS, BOUNCED), STORE_OK);
    assert_int_equal(renew(desk, MAIL_VERIFY, 1), STORE_OK);
    assert_false(announces(desk));
    assert_true(letter_of(desk, &job_id, &storage, &letter));
    assert_int_equal(letter.state, LETTER_DEAD);
    assert_memory_equal(letter.reply.at, "suppressed: ", strlen("suppressed: "));
    assert_int_equal(last_try(&letter).event, LETTER_SUPPRESSED);
    assert_int_equal(desk->env.tally.pending, 0);
    assert_int_equal(desk->env.tally.dead, 1);
}

static void test_a_day_later_one_link_goes_out_to_see(void **state)
{
    struct desk *desk = *state;

    send_letter(desk, 1);
    assert_int_equal(report(desk, 1, BOUNCE_HARD, ADDRESS, BOUNCED), STORE_OK);
    desk->now += SUPPRESSION_PROBE_MS - 1;
    assert_int_equal(renew(desk, MAIL_RESET_PASSWORD, 1), STORE_OK);
    assert_false(announces(desk));
    desk->now++;
    assert_int_equal(renew(desk, MAIL_RESET_PASSWORD, 2), STORE_OK);
    assert_true(announces(desk));
    assert_int_equal(renew(desk, MAIL_RESET_PASSWORD, 3), STORE_OK);
    assert_false(announces(desk));
    desk->now += SUPPRESSION_PROBE_MS;
    assert_int_equal(renew(desk, MAIL_RESET_PASSWORD, 4), STORE_OK);
    assert_true(announces(desk));
}

static void test_a_complaint_lets_nothing_through(void **state)
{
    struct desk *desk = *state;

    send_letter(desk, 1);
    assert_int_equal(report(desk, 1, BOUNCE_COMPLAINT, ADDRESS, "abuse"), STORE_OK);
    desk->now += 100 * SUPPRESSION_PROBE_MS;
    assert_int_equal(renew(desk, MAIL_RESET_PASSWORD, 1), STORE_OK);
    assert_false(announces(desk));
}

static enum store_status follow(struct desk *desk, uint64_t number)
{
    struct packer packer = asking(desk);

    proof_spend_ask_pack(&packer, &(struct proof_spend_ask){.proof_id = rig_person(number).proof_id,
                                                            .purpose = MAIL_VERIFY,
                                                            .now = desk->now});
    return carry_out(desk, STORE_PROOF_SPEND, &packer);
}

static bool is_shown_as_bounced(struct desk *desk, uint64_t number)
{
    const struct uuid user_id = rig_person(number).user_id;
    char subject[UUID_TEXT_BYTES];
    struct packer packer = asking(desk);
    struct user_answer user;

    uuid_format(&user_id, subject);
    user_ask_pack(&packer, &(struct user_ask){.subject = slice_of_text(subject), .now = desk->now});
    assert_int_equal(carry_out(desk, STORE_USER, &packer), STORE_OK);
    assert_true(user_answer_unpack(answered(desk), &user));
    return user.email_bounced != 0;
}

static void test_a_link_that_was_followed_lifts_a_bounce(void **state)
{
    struct desk *desk = *state;

    send_letter(desk, 1);
    assert_false(is_shown_as_bounced(desk, 1));
    assert_int_equal(report(desk, 1, BOUNCE_HARD, ADDRESS, BOUNCED), STORE_OK);
    assert_true(is_shown_as_bounced(desk, 1));
    assert_int_equal(follow(desk, 1), STORE_OK);
    assert_int_equal(desk->env.tally.suppressed, 0);
    assert_false(is_shown_as_bounced(desk, 1));
}

static void test_a_link_that_was_followed_lifts_no_complaint(void **state)
{
    struct desk *desk = *state;

    send_letter(desk, 1);
    assert_int_equal(report(desk, 1, BOUNCE_COMPLAINT, ADDRESS, "abuse"), STORE_OK);
    assert_false(is_shown_as_bounced(desk, 1));
    assert_int_equal(follow(desk, 1), STORE_OK);
    assert_int_equal(suppressed_as(desk, ADDRESS), SUPPRESSION_COMPLAINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_keeping, end)
        TEST(test_a_hard_bounce_suppresses_the_address),
        TEST(test_a_relay_that_knows_no_such_mailbox_suppresses_the_address_too),
        TEST(test_the_same_report_twice_changes_nothing),
        TEST(test_a_soft_bounce_is_noted_and_no_more),
        TEST(test_a_complaint_outranks_a_bounce_and_not_the_reverse),
        TEST(test_a_report_about_another_address_is_of_nobody),
        TEST(test_a_letter_that_waits_is_dead_when_its_address_bounced),
        TEST(test_a_letter_to_a_suppressed_address_is_dead_at_once),
        TEST(test_a_day_later_one_link_goes_out_to_see),
        TEST(test_a_complaint_lets_nothing_through),
        TEST(test_a_link_that_was_followed_lifts_a_bounce),
        TEST(test_a_link_that_was_followed_lifts_no_complaint),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
