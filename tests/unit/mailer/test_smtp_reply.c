/* The dialogue: what each reply leads to, whatever its lines are cut into. */
#include "mailer/smtp_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct smtp_dialogue dialogue;

static void start(bool pipelining, bool with_reset)
{
    smtp_dialogue_connect(&dialogue);
    dialogue.offers.pipelining = pipelining;
    smtp_dialogue_begin(&dialogue, with_reset);
}

static enum smtp_step feed(const char *text)
{
    struct slice bytes = slice_of_text(text);
    enum smtp_step step = smtp_dialogue_feed(&dialogue, &bytes);
    if (step == SMTP_STEP_WAIT || step == SMTP_STEP_COMMAND)
        assert_int_equal(bytes.len, 0);
    return step;
}

static void expect_end(enum smtp_stage stage, enum smtp_answer answer, bool out_of_step)
{
    assert_int_equal(dialogue.stage, stage);
    assert_int_equal(smtp_dialogue_answer(&dialogue), answer);
    assert_int_equal(dialogue.out_of_step, out_of_step);
}

static void expect_text(const char *text)
{
    assert_int_equal(dialogue.text_len, strlen(text));
    assert_memory_equal(dialogue.text, text, strlen(text));
}

static void test_a_letter_goes_through_step_by_step(void **state)
{
    (void)state;
    start(false, false);
    assert_int_equal(feed("250 2.1.0 ok\r\n"), SMTP_STEP_COMMAND);
    assert_int_equal(dialogue.stage, SMTP_STAGE_RCPT);
    assert_int_equal(feed("250 2.1.5 ok\r\n"), SMTP_STEP_COMMAND);
    assert_int_equal(feed("354 go\r\n"), SMTP_STEP_LETTER);
    smtp_dialogue_letter_sent(&dialogue);
    assert_int_equal(smtp_dialogue_answer(&dialogue), SMTP_ANSWER_NONE);
    assert_int_equal(feed("250 2.0.0 queued as 1\r\n"), SMTP_STEP_END);
    expect_end(SMTP_STAGE_DOT, SMTP_ANSWER_YES, false);
    expect_text("250 2.0.0 queued as 1");
}

static void test_pipelined_replies_are_taken_in_one_go(void **state)
{
    (void)state;
    start(true, false);
    assert_int_equal(feed("250 ok\r\n250 ok\r\n354 go\r\n"), SMTP_STEP_LETTER);
}

static void test_bytes_may_come_one_at_a_time(void **state)
{
    static const char replies[] = "250-a\r\n250 b\r\n250 ok\r\n354 go\r\n";
    (void)state;
    start(true, false);
    enum smtp_step step = SMTP_STEP_WAIT;
    for (size_t i = 0; i < sizeof(replies) - 1; i++) {
        assert_int_equal(step, SMTP_STEP_WAIT);
        struct slice byte = slice_of(&replies[i], 1);
        step = smtp_dialogue_feed(&dialogue, &byte);
    }
    assert_int_equal(step, SMTP_STEP_LETTER);
}

static void test_a_refused_recipient_keeps_a_pipelined_connection_in_step(void **state)
{
    (void)state;
    start(true, false);
    assert_int_equal(feed("250 ok\r\n550-5.1.1 no\r\n550 such user\r\n"), SMTP_STEP_WAIT);
    assert_int_equal(feed("554 5.5.1 no valid recipients\r\n"), SMTP_STEP_END);
    expect_end(SMTP_STAGE_RCPT, SMTP_ANSWER_NO, false);
    expect_text("550-5.1.1 no 550 such user");
}

static void test_a_data_accepted_without_recipients_ends_the_connection(void **state)
{
    (void)state;
    start(true, false);
    assert_int_equal(feed("250 ok\r\n450 later\r\n354 go\r\n"), SMTP_STEP_END);
    expect_end(SMTP_STAGE_RCPT, SMTP_ANSWER_LATER, true);
}

static void test_the_reply_to_reset_is_not_taken_for_mails(void **state)
{
    (void)state;
    start(true, true);
    assert_int_equal(feed("250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n"), SMTP_STEP_LETTER);
    start(true, true);
    assert_int_equal(feed("250 reset\r\n451 no\r\n"), SMTP_STEP_END);
    expect_end(SMTP_STAGE_MAIL, SMTP_ANSWER_LATER, true);
}

static void test_a_relay_that_leaves_ends_the_connection_at_every_stage(void **state)
{
    (void)state;
    start(false, false);
    assert_int_equal(feed("421 bye\r\n"), SMTP_STEP_END);
    expect_end(SMTP_STAGE_MAIL, SMTP_ANSWER_CLOSING, true);
    start(false, false);
    assert_int_equal(feed("250 ok\r\n"), SMTP_STEP_COMMAND);
    assert_int_equal(feed("421 bye\r\n"), SMTP_STEP_END);
    expect_end(SMTP_STAGE_RCPT, SMTP_ANSWER_CLOSING, true);
    start(true, false);
    assert_int_equal(feed("250 ok\r\n250 ok\r\n421 bye\r\n"), SMTP_STEP_END);
    expect_end(SMTP_STAGE_DATA, SMTP_ANSWER_CLOSING, true);
    start(true, false);
    assert_int_equal(feed("250 ok\r\n250 ok\r\n354 go\r\n"), SMTP_STEP_LETTER);
    smtp_dialogue_letter_sent(&dialogue);
    assert_int_equal(feed("421 bye\r\n"), SMTP_STEP_END);
    expect_end(SMTP_STAGE_DOT, SMTP_ANSWER_CLOSING, true);
}

static void test_nonsense_is_no_answer(void **state)
{
    static const char *const lines[] = {"\r\n",       "hello\r\n",   "25\r\n",      "2x0 ok\r\n",
                                        "100 go\r\n", "-250 ok\r\n", "999 what\r\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        start(false, false);
        assert_int_equal(feed(lines[i]), SMTP_STEP_END);
        expect_end(SMTP_STAGE_MAIL, SMTP_ANSWER_NONE, true);
    }
}

static void test_endless_and_unprintable_lines_are_cut_and_masked(void **state)
{
    char text[5000];
    (void)state;
    start(false, false);
    memset(text, 'x', sizeof(text));
    memcpy(text, "550 \x1b\x00\xff", 7);
    memcpy(text + sizeof(text) - 2, "\r\n", 2);
    struct slice bytes = slice_of(text, sizeof(text));
    assert_int_equal(smtp_dialogue_feed(&dialogue, &bytes), SMTP_STEP_END);
    expect_end(SMTP_STAGE_MAIL, SMTP_ANSWER_NO, false);
    assert_int_equal(dialogue.text_len, sizeof(dialogue.text));
    assert_memory_equal(dialogue.text, "550 ???xxx", 10);
}

static void session(const char *line)
{
    assert_true(smtp_dialogue_session_line(&dialogue, slice_of_text(line)));
}

static void test_what_is_offered_before_tls_does_not_count_after_it(void **state)
{
    (void)state;
    smtp_dialogue_connect(&dialogue);
    session("220 hello\r\n");
    session("250-relay\r\n");
    session("250-PipeLining\r\n");
    session("250-SIZE 1000\r\n");
    session("250-8BITMIME\r\n");
    session("250-SMTPUTF8\r\n");
    session("250 STARTTLS\r\n");
    assert_true(dialogue.offers.pipelining && dialogue.offers.size && dialogue.offers.utf8);
    session("220 go ahead\r\n");
    assert_false(dialogue.offers.pipelining || dialogue.offers.size || dialogue.offers.eightbit ||
                 dialogue.offers.utf8);
    assert_int_equal(dialogue.offers.size_max, 0);
    session("250-relay\r\n");
    session("250-AUTH PLAIN\r\n");
    assert_false(dialogue.offers.pipelining);
    session("250 PIPELINING");
    assert_true(dialogue.offers.pipelining);
}

static void test_only_whole_keywords_of_ehlo_are_offers(void **state)
{
    static const char *const lines[] = {"250-8BITMIME2\r\n", "250-XSIZE 5\r\n", "250-8BIT\r\n",
                                        "250-SMTPUTF\r\n",   "250-\r\n",        "250-SIZE=5\r\n"};
    (void)state;
    smtp_dialogue_connect(&dialogue);
    session("220-PIPELINING\r\n");
    session("220 hello\r\n");
    session("250-SMTPUTF8 is this relay's name\r\n");
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        session(lines[i]);
    session("250 ENHANCEDSTATUSCODES\r\n");
    session("235 SIZE 5\r\n");
    session("250 SIZE 5\r\n");
    assert_false(dialogue.offers.pipelining || dialogue.offers.size || dialogue.offers.eightbit ||
                 dialogue.offers.utf8);
    assert_true(dialogue.offers.enhanced_codes && dialogue.logged_in);
}

static void expect_size_max(const char *line, uint64_t size_max)
{
    smtp_dialogue_connect(&dialogue);
    session("250-relay\r\n");
    session(line);
    assert_true(dialogue.offers.size);
    assert_int_equal(dialogue.offers.size_max, size_max);
}

static void test_the_limit_of_size_is_told_or_none(void **state)
{
    (void)state;
    expect_size_max("250 SIZE 10240000\r\n", 10240000);
    expect_size_max("250-size 1\r\n", 1);
    expect_size_max("250 SIZE\r\n", 0);
    expect_size_max("250 SIZE \r\n", 0);
    expect_size_max("250 SIZE 0\r\n", 0);
    expect_size_max("250 SIZE much\r\n", 0);
    expect_size_max("250 SIZE 12x\r\n", 0);
    expect_size_max("250 SIZE 99999999999999999999999999\r\n", 0);
}

static void test_a_session_line_that_is_no_reply_is_told(void **state)
{
    static const char *const lines[] = {"\r\n",          "hello\r\n",     "22\r\n",
                                        "2200 what\r\n", "220x what\r\n", "120 soon\r\n",
                                        "600 more\r\n",  " 220 hello\r\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        smtp_dialogue_connect(&dialogue);
        assert_false(smtp_dialogue_session_line(&dialogue, slice_of_text(lines[i])));
    }
    session("334\r\n");
    session("334 VXNlcm5hbWU6\r\n");
    session("220\r\n");
}

static void test_the_relays_words_of_a_failed_session_are_kept(void **state)
{
    (void)state;
    smtp_dialogue_connect(&dialogue);
    session("220 hello\r\n");
    session("250 relay\r\n");
    session("535-5.7.8 bad\r\n");
    session("535 5.7.8 credentials\r\n");
    expect_text("535-5.7.8 bad 535 5.7.8 credentials");
    assert_int_equal(dialogue.stage, SMTP_STAGE_SESSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_letter_goes_through_step_by_step),
        cmocka_unit_test(test_pipelined_replies_are_taken_in_one_go),
        cmocka_unit_test(test_bytes_may_come_one_at_a_time),
        cmocka_unit_test(test_a_refused_recipient_keeps_a_pipelined_connection_in_step),
        cmocka_unit_test(test_a_data_accepted_without_recipients_ends_the_connection),
        cmocka_unit_test(test_the_reply_to_reset_is_not_taken_for_mails),
        cmocka_unit_test(test_a_relay_that_leaves_ends_the_connection_at_every_stage),
        cmocka_unit_test(test_nonsense_is_no_answer),
        cmocka_unit_test(test_endless_and_unprintable_lines_are_cut_and_masked),
        cmocka_unit_test(test_what_is_offered_before_tls_does_not_count_after_it),
        cmocka_unit_test(test_only_whole_keywords_of_ehlo_are_offers),
        cmocka_unit_test(test_the_limit_of_size_is_told_or_none),
        cmocka_unit_test(test_a_session_line_that_is_no_reply_is_told),
        cmocka_unit_test(test_the_relays_words_of_a_failed_session_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
