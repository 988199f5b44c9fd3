/* What an attempt's end means, when the next one comes, and how the relay's circuit moves. */
#include "mailer/sched.h"
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

static void test_the_wait_doubles_with_jitter_up_to_its_limit(void **state)
{
    static const uint32_t randoms[] = {0, 1, 0x7fff, 0xffff, 0xffffffff};
    (void)state;
    for (uint32_t tries = 0; tries < 100; tries++) {
        uint64_t full_s = tries < 7 ? 10ULL << tries : 900;
        if (full_s > 900)
            full_s = 900;
        for (size_t i = 0; i < ARRAY_LEN(randoms); i++) {
            uint64_t wait_ms = sched_backoff_ms(10, 900, tries, randoms[i]);
            assert_in_range(wait_ms, full_s * 750, full_s * 1250);
        }
        assert_int_equal(sched_backoff_ms(10, 900, tries, 0), full_s * 750);
        assert_int_equal(sched_backoff_ms(10, 900, tries, 0xffff), full_s * 1250);
    }
    assert_in_range(sched_backoff_ms(100, 1, UINT32_MAX, 0xffff), 750, 1250);
}

static unsigned room(struct relay *relay, size_t under_way, mono_ns now)
{
    relay->under_way = under_way;
    return relay_room(relay, now);
}

static void test_trouble_halves_what_is_allowed_and_then_pauses(void **state)
{
    struct relay relay;
    (void)state;
    relay_init(&relay, 4, 10, 900);
    assert_int_equal(room(&relay, 0, 0), 4);
    assert_false(relay_on_trouble(&relay, 0, 0));
    assert_int_equal(room(&relay, 0, 0), 2);
    assert_int_equal(room(&relay, 2, 0), 0);
    assert_false(relay_on_trouble(&relay, 0, 0));
    assert_int_equal(room(&relay, 0, 0), 1);
    assert_true(relay_on_trouble(&relay, 0, 0));
    assert_int_equal(room(&relay, 0, 7499 * NS_PER_MS), 0);
    assert_int_equal(room(&relay, 0, 7500 * NS_PER_MS), 1);
    assert_int_equal(room(&relay, 1, 7500 * NS_PER_MS), 0);
}

static void test_attempts_that_began_before_the_pause_do_not_prolong_it(void **state)
{
    struct relay relay;
    (void)state;
    relay_init(&relay, 1, 10, 900);
    assert_true(relay_on_trouble(&relay, 1, 0));
    mono_ns resume_at = relay.resume_at;
    assert_false(relay_on_trouble(&relay, 2, 0xffff));
    assert_int_equal(relay.resume_at, resume_at);
}

static void test_the_pause_grows_to_a_minute_and_no_further(void **state)
{
    struct relay relay;
    (void)state;
    relay_init(&relay, 1, 10, 900);
    mono_ns now = 1;
    for (int i = 0; i < 50; i++) {
        assert_true(relay_on_trouble(&relay, now, 0xffff));
        assert_true(relay.resume_at - now <= RELAY_PAUSE_MAX_S * 1250 * NS_PER_MS);
        now = relay.resume_at;
    }
    relay_init(&relay, 1, 1, 2);
    for (int i = 0; i < 5; i++) {
        assert_true(relay_on_trouble(&relay, now, 0xffff));
        assert_true(relay.resume_at - now <= 2500 * NS_PER_MS);
        now = relay.resume_at;
    }
}

static void test_success_opens_the_circuit_step_by_step(void **state)
{
    struct relay relay;
    (void)state;
    relay_init(&relay, 4, 10, 900);
    while (!relay_on_trouble(&relay, 0, 0))
        continue;
    assert_true(relay_on_success(&relay));
    assert_int_equal(room(&relay, 0, 0), 2);
    assert_false(relay_on_success(&relay));
    for (int i = 0; i < 10; i++)
        relay_on_success(&relay);
    assert_int_equal(room(&relay, 0, 0), 4);
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
        cmocka_unit_test(test_the_wait_doubles_with_jitter_up_to_its_limit),
        cmocka_unit_test(test_trouble_halves_what_is_allowed_and_then_pauses),
        cmocka_unit_test(test_attempts_that_began_before_the_pause_do_not_prolong_it),
        cmocka_unit_test(test_the_pause_grows_to_a_minute_and_no_further),
        cmocka_unit_test(test_success_opens_the_circuit_step_by_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
