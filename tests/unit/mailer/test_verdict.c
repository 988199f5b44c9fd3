/* What an attempt's end means. */
#include "mailer/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void expect(enum smtp_stage stage, unsigned code, enum verdict verdict, bool troubled)
{
    struct judgement judgement = verdict_of(stage, smtp_answer_of_code(code));
    if (judgement.verdict != verdict || judgement.relay_troubled != troubled)
        fail_msg("stage %d code %u: verdict %d, troubled %d", (int)stage, code,
                 (int)judgement.verdict, judgement.relay_troubled);
}

static void test_before_the_recipient_everything_is_about_the_relay(void **state)
{
    static const unsigned codes[] = {0, 220, 354, 421, 450, 451, 500, 530, 535, 550, 554, 999};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        expect(SMTP_STAGE_SESSION, codes[i], VERDICT_RELAY, true);
        expect(SMTP_STAGE_MAIL, codes[i], VERDICT_RELAY, true);
    }
}

static void test_a_permanent_refusal_of_recipient_or_letter_is_final(void **state)
{
    (void)state;
    for (enum smtp_stage stage = SMTP_STAGE_RCPT; stage < SMTP_STAGES; stage++) {
        expect(stage, 550, VERDICT_REFUSED, false);
        expect(stage, 552, VERDICT_REFUSED, false);
        expect(stage, 554, VERDICT_REFUSED, false);
    }
}

static void test_a_temporary_refusal_of_recipient_or_letter_is_tried_again(void **state)
{
    (void)state;
    for (enum smtp_stage stage = SMTP_STAGE_RCPT; stage < SMTP_STAGES; stage++) {
        expect(stage, 450, VERDICT_RETRY, false);
        expect(stage, 451, VERDICT_RETRY, false);
        expect(stage, 452, VERDICT_RETRY, false);
        expect(stage, 421, VERDICT_RETRY, true);
    }
}

static void test_missing_login_is_never_the_recipients_fault(void **state)
{
    (void)state;
    for (enum smtp_stage stage = SMTP_STAGE_SESSION; stage < SMTP_STAGES; stage++)
        expect(stage, 530, VERDICT_RELAY, true);
}

static void test_only_a_good_reply_to_the_dot_is_a_delivery(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 1000; code++) {
        for (enum smtp_stage stage = SMTP_STAGE_SESSION; stage < SMTP_STAGES; stage++) {
            enum verdict verdict = verdict_of(stage, smtp_answer_of_code(code)).verdict;
            bool good = stage == SMTP_STAGE_DOT && code >= 200 && code < 300;
            assert_int_equal(verdict == VERDICT_DELIVERED, good);
        }
    }
}

static void test_a_loss_is_tried_again_and_slows_the_relay_down(void **state)
{
    (void)state;
    expect(SMTP_STAGE_RCPT, 0, VERDICT_RETRY, true);
    expect(SMTP_STAGE_DATA, 0, VERDICT_RETRY, true);
    expect(SMTP_STAGE_DOT, 0, VERDICT_RETRY, true);
}

static void expect_reply(const char *reply, enum verdict verdict, bool troubled,
                         enum domain_word domain)
{
    unsigned code = (unsigned)(reply[0] - '0') * 100 + (unsigned)(reply[1] - '0') * 10 +
                    (unsigned)(reply[2] - '0');
    for (enum smtp_stage stage = SMTP_STAGE_RCPT; stage < SMTP_STAGES; stage++) {
        struct judgement judgement = verdict_of_reply(stage, code, slice_of_text(reply));
        if (judgement.verdict != verdict || judgement.relay_troubled != troubled ||
            judgement.domain != domain)
            fail_msg("%s: verdict %d, troubled %d, domain %d", reply, (int)judgement.verdict,
                     judgement.relay_troubled, (int)judgement.domain);
    }
}

static bool is_greylisting(const char *reply)
{
    unsigned code = (unsigned)(reply[0] - '0') * 100 + (unsigned)(reply[1] - '0') * 10 +
                    (unsigned)(reply[2] - '0');
    struct judgement judgement = verdict_of_reply(SMTP_STAGE_RCPT, code, slice_of_text(reply));
    if (judgement.greylisted) {
        assert_int_equal(judgement.verdict, VERDICT_RETRY);
        assert_int_equal(judgement.domain, DOMAIN_UNTOUCHED);
        assert_false(judgement.relay_troubled);
    }
    return judgement.greylisted;
}

static void test_an_enhanced_code_tells_what_a_no_is_about(void **state)
{
    (void)state;
    expect_reply("450 4.2.2 mailbox full", VERDICT_RETRY, false, DOMAIN_WORKS);
    expect_reply("552 5.2.2 mailbox full", VERDICT_RETRY, false, DOMAIN_WORKS);
    expect_reply("550 5.1.1 no such user", VERDICT_REFUSED, false, DOMAIN_WORKS);
    expect_reply("550-5.1.1 no such user, 550 5.1.1 really", VERDICT_REFUSED, false, DOMAIN_WORKS);
    expect_reply("450 4.1.1 not known yet", VERDICT_RETRY, false, DOMAIN_WORKS);
    expect_reply("550 5.1.8 sender's domain", VERDICT_RETRY, false, DOMAIN_DEFERS);
    expect_reply("452 4.3.1 out of room", VERDICT_RETRY, true, DOMAIN_DEFERS);
    expect_reply("554 5.3.2 going down", VERDICT_RETRY, true, DOMAIN_DEFERS);
    expect_reply("552 5.3.4 too large", VERDICT_REFUSED, false, DOMAIN_WORKS);
    expect_reply("451 4.4.1 no answer from host", VERDICT_RETRY, false, DOMAIN_DEFERS);
    expect_reply("550 5.4.1 access denied", VERDICT_REFUSED, false, DOMAIN_WORKS);
    expect_reply("554 5.4.6 loop", VERDICT_RETRY, false, DOMAIN_DEFERS);
    expect_reply("554 5.6.0 content", VERDICT_REFUSED, false, DOMAIN_WORKS);
    expect_reply("550 5.7.1 policy", VERDICT_REFUSED, false, DOMAIN_WORKS);
    expect_reply("550 5.7.26 not authenticated", VERDICT_REFUSED, false, DOMAIN_WORKS);
    expect_reply("550 5.7.28 flood", VERDICT_RETRY, false, DOMAIN_DEFERS);
    expect_reply("550 5.7.8 credentials", VERDICT_RELAY, true, DOMAIN_DEFERS);
    expect_reply("550 5.7.13 account disabled", VERDICT_RELAY, true, DOMAIN_DEFERS);
    expect_reply("530 5.7.0 log in first", VERDICT_RELAY, true, DOMAIN_DEFERS);
}

static void test_who_says_later_is_believed_when_the_two_codes_differ(void **state)
{
    (void)state;
    expect_reply("550 4.1.1 not known yet", VERDICT_RETRY, false, DOMAIN_WORKS);
    expect_reply("450 5.1.1 no such user", VERDICT_RETRY, false, DOMAIN_WORKS);
    expect_reply("554 4.7.5 later", VERDICT_RETRY, false, DOMAIN_DEFERS);
    expect_reply("451 5.7.5 never", VERDICT_RETRY, false, DOMAIN_DEFERS);
}

static void test_without_an_enhanced_code_the_digits_decide(void **state)
{
    static const char *const unread[] = {
        "",        " ",         " 5",        " 5.1",        " 5.1.",
        " 5.1.1x", " 2.1.1 ok", " 15.1.1 x", " 5.1234.1 x", "5.1.1 x"};
    char reply[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unread); i++) {
        snprintf(reply, sizeof(reply), "550%s", unread[i]);
        expect_reply(reply, VERDICT_REFUSED, false, DOMAIN_WORKS);
        snprintf(reply, sizeof(reply), "450%s", unread[i]);
        expect_reply(reply, VERDICT_RETRY, false, DOMAIN_DEFERS);
    }
    expect_reply("450 4.99.99 of tomorrow", VERDICT_RETRY, false, DOMAIN_DEFERS);
    expect_reply("550 5.99.99 of tomorrow", VERDICT_REFUSED, false, DOMAIN_WORKS);
}

static void test_greylisting_is_known_by_its_code_or_its_words(void **state)
{
    (void)state;
    assert_true(is_greylisting("450 4.7.1 come back"));
    assert_true(is_greylisting("451 4.7.1 come back"));
    assert_true(is_greylisting("450 4.2.0 <a@b>: Recipient address rejected: Greylisted, see x"));
    assert_true(is_greylisting("451 Graylisting in action"));
    assert_true(is_greylisting("451 Temporary failure, please try again later."));
    assert_false(is_greylisting("451 4.3.0 please try again later"));
    assert_false(is_greylisting("452 4.7.1 come back"));
    assert_false(is_greylisting("451 4.7.28 too many"));
    assert_false(is_greylisting("451 gr"));
    assert_false(is_greylisting("550 5.7.1 greylisted"));
}

static void test_a_reply_that_is_no_no_is_judged_by_its_digits(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 1000; code++) {
        enum smtp_answer answer = smtp_answer_of_code(code);
        if (answer == SMTP_ANSWER_LATER || answer == SMTP_ANSWER_NO)
            continue;
        for (enum smtp_stage stage = SMTP_STAGE_SESSION; stage < SMTP_STAGES; stage++) {
            struct judgement plain = verdict_of(stage, answer);
            struct judgement read = verdict_of_reply(stage, code, SLICE_LITERAL("??? 4.2.2 x"));
            assert_int_equal(plain.verdict, read.verdict);
            assert_int_equal(plain.relay_troubled, read.relay_troubled);
            assert_int_equal(plain.domain, read.domain);
            assert_false(read.greylisted);
        }
    }
}

static void test_a_loss_is_held_against_the_domain_and_a_goodbye_is_not(void **state)
{
    (void)state;
    for (enum smtp_stage stage = SMTP_STAGE_RCPT; stage < SMTP_STAGES; stage++) {
        assert_int_equal(verdict_of(stage, SMTP_ANSWER_NONE).domain, DOMAIN_LOST);
        assert_int_equal(verdict_of(stage, SMTP_ANSWER_CLOSING).domain, DOMAIN_UNTOUCHED);
    }
    assert_int_equal(verdict_of(SMTP_STAGE_SESSION, SMTP_ANSWER_NONE).domain, DOMAIN_UNTOUCHED);
    assert_int_equal(verdict_of(SMTP_STAGE_DOT, SMTP_ANSWER_YES).domain, DOMAIN_WORKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_the_recipient_everything_is_about_the_relay),
        cmocka_unit_test(test_a_permanent_refusal_of_recipient_or_letter_is_final),
        cmocka_unit_test(test_a_temporary_refusal_of_recipient_or_letter_is_tried_again),
        cmocka_unit_test(test_missing_login_is_never_the_recipients_fault),
        cmocka_unit_test(test_only_a_good_reply_to_the_dot_is_a_delivery),
        cmocka_unit_test(test_a_loss_is_tried_again_and_slows_the_relay_down),
        cmocka_unit_test(test_an_enhanced_code_tells_what_a_no_is_about),
        cmocka_unit_test(test_who_says_later_is_believed_when_the_two_codes_differ),
        cmocka_unit_test(test_without_an_enhanced_code_the_digits_decide),
        cmocka_unit_test(test_greylisting_is_known_by_its_code_or_its_words),
        cmocka_unit_test(test_a_reply_that_is_no_no_is_judged_by_its_digits),
        cmocka_unit_test(test_a_loss_is_held_against_the_domain_and_a_goodbye_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
