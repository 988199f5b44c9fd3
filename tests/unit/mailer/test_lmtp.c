/* The LMTP conversation, without a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailer/lmtp.h"

static struct lmtp lmtp;
static char replies[65536];
static char message[LMTP_MESSAGE_MAX_BYTES + 1];
static size_t message_len;
static enum lmtp_answer answer;

static void take_out(void)
{
    size_t len = strlen(replies);

    assert_true(len + lmtp.out_len < sizeof(replies));
    memcpy(replies + len, lmtp.out, lmtp.out_len);
    replies[len + lmtp.out_len] = '\0';
    lmtp_sent(&lmtp, lmtp.out_len);
}

/* As the server does it: addresses at ours.example are ours. */
static void feed(const char *bytes, size_t len)
{
    struct slice rest = slice_of(bytes, len);

    for (;;) {
        enum lmtp_step step = lmtp_feed(&lmtp, &rest);
        if (step == LMTP_STEP_RECIPIENT) {
            lmtp_recipient(&lmtp, strstr(lmtp.address, "@ours.example") != NULL);
        } else if (step == LMTP_STEP_MESSAGE) {
            if (lmtp.message_len > 0)
                memcpy(message, lmtp.message, lmtp.message_len);
            message_len = lmtp.message_len;
            message[message_len] = '\0';
            const size_t count = lmtp.recipient_count;
            for (size_t i = count; i-- > 0;) /* the store answers in any order */
                lmtp_answer(&lmtp, i, i == 0 ? answer : LMTP_ANSWER_IGNORED);
        } else {
            bool waits_for_room = lmtp.out_len > 0 && rest.len > 0 && step != LMTP_STEP_CLOSE;
            take_out();
            if (!waits_for_room)
                return;
        }
    }
}

static const char *say(const char *text)
{
    replies[0] = '\0';
    feed(text, strlen(text));
    return replies;
}

static int begin(void **state)
{
    (void)state;
    lmtp_init(&lmtp);
    replies[0] = '\0';
    answer = LMTP_ANSWER_NOTED;
    take_out();
    assert_string_equal(replies, "220 gatepost LMTP\r\n");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lmtp_fini(&lmtp);
    return 0;
}

static void test_a_report_is_taken(void **state)
{
    (void)state;
    assert_non_null(strstr(say("LHLO mx.example\r\n"), "250 SIZE 262144\r\n"));
    assert_string_equal(say("mail from:<> SIZE=100 BODY=8BITMIME SMTPUTF8\r\n"),
                        "250 2.1.0 OK\r\n");
    assert_string_equal(say("RCPT TO:<a@ours.example>\r\n"), "250 2.1.5 OK\r\n");
    assert_string_equal(say("DATA\r\n"), "354 end with CRLF.CRLF\r\n");
    assert_string_equal(say("a: b\r\n\r\n..dot\r\n.x\r\nlf\n.\nlf\r\n.\r\n"),
                        "250 2.0.0 noted\r\n");
    assert_string_equal(message, "a: b\r\n\r\n.dot\r\nx\r\nlf\n.\nlf\r\n");
    assert_string_equal(say("QUIT\r\n"), "221 2.0.0 bye\r\n");
    assert_int_equal(lmtp.state, LMTP_CLOSED);
}

static void test_each_recipient_has_a_reply_of_its_own_in_order(void **state)
{
    (void)state;
    answer = LMTP_ANSWER_TRY_AGAIN;
    assert_string_equal(
        say("LHLO x\r\nMAIL FROM:<m@x>\r\nRCPT TO:<a@ours.example>\r\nRCPT TO:<b@else>\r\n"
            "RCPT TO:<c@ours.example>\r\nDATA\r\n.\r\nNOOP\r\n") +
            98 + 2,
        "250 2.1.0 OK\r\n250 2.1.5 OK\r\n"
        "550 5.1.1 no address of this server's letters\r\n250 2.1.5 OK\r\n"
        "354 end with CRLF.CRLF\r\n451 4.3.0 try again later\r\n"
        "250 2.0.0 nothing to note\r\n250 2.0.0 OK\r\n");
    assert_int_equal(message_len, 0);
}

static void test_it_is_the_same_however_the_bytes_come(void **state)
{
    static const char all[] =
        "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.example>\r\nDATA\r\n"
        "a\r\n..\r\n.\r\r\n\r.\r\n\r\n.\r.\r\n.\r\nRSET\r\nVRFY x\r\nQUIT\r\n";
    char whole[4096], text[256];

    (void)state;
    snprintf(whole, sizeof(whole), "%s", say(all));
    snprintf(text, sizeof(text), "%.200s", message);
    assert_string_equal(text, "a\r\n.\r\n\r\r\n\r.\r\n\r\n\r.\r\n");
    lmtp_fini(&lmtp);
    begin(state);
    replies[0] = '\0';
    for (size_t i = 0; i < sizeof(all) - 1; i++)
        feed(&all[i], 1);
    assert_string_equal(replies, whole);
    assert_string_equal(message, text);
}

static void test_what_is_out_of_order_or_no_command_is_refused(void **state)
{
    (void)state;
    assert_string_equal(say("MAIL FROM:<>\r\n"), "503 5.5.1 bad sequence of commands\r\n");
    assert_string_equal(say("HELO x\r\n"), "500 5.5.1 no such command\r\n");
    assert_string_equal(say("EHLO x\r\n"), "500 5.5.1 no such command\r\n");
    say("LHLO x\r\n");
    assert_string_equal(say("RCPT TO:<a@ours.example>\r\n"),
                        "503 5.5.1 bad sequence of commands\r\n");
    say("MAIL FROM:<>\r\n");
    assert_string_equal(say("DATA\r\n"), "503 5.5.1 no valid recipients\r\n");
    assert_string_equal(say("MAIL FROM:<>\r\n"), "503 5.5.1 bad sequence of commands\r\n");
    assert_string_equal(say("RSET\r\n"), "250 2.0.0 OK\r\n");
    assert_string_equal(say("MAIL FROM:<> AUTH=<>\r\n"), "555 5.5.4 parameter not offered\r\n");
    assert_string_equal(say("MAIL FROM:<> SIZE=262145\r\n"), "552 5.3.4 message too big\r\n");
    assert_string_equal(say("MAIL FROM:x\r\n"), "501 5.1.7 no address\r\n");
}

static void test_a_peer_that_only_makes_mistakes_is_sent_away(void **state)
{
    (void)state;
    for (int i = 1; i < LMTP_ERRORS_MAX; i++)
        assert_string_equal(say("GET / HTTP/1.1\r\n"), "500 5.5.1 no such command\r\n");
    assert_string_equal(say("Host: x\r\nDATA\r\n"), "421 4.7.0 too many errors\r\n");
    assert_int_equal(lmtp.state, LMTP_CLOSED);
}

static void test_lines_are_bounded_and_end_with_crlf(void **state)
{
    char line[2 * LMTP_LINE_MAX_BYTES];

    (void)state;
    assert_string_equal(say("NOOP\n"), "500 5.5.2 a line ends with CRLF\r\n");
    memset(line, 'a', sizeof(line));
    memcpy(line, "NOOP ", 5);
    memcpy(line + sizeof(line) - 3, "\r\n", 3);
    assert_string_equal(say(line), "500 5.5.2 line too long\r\n");
    memcpy(line + LMTP_LINE_MAX_BYTES - 2, "\r\n", 3);
    assert_string_equal(say(line), "250 2.0.0 OK\r\n");
    replies[0] = '\0';
    feed("NO\0OP\r\n", 7);
    assert_string_equal(replies, "500 5.5.2 a line ends with CRLF\r\n");
}

static void test_recipients_are_bounded(void **state)
{
    (void)state;
    say("LHLO x\r\nMAIL FROM:<>\r\n");
    for (int i = 0; i < LMTP_RECIPIENTS_MAX; i++)
        assert_string_equal(say("RCPT TO:<a@ours.example>\r\n"), "250 2.1.5 OK\r\n");
    assert_string_equal(say("RCPT TO:<a@ours.example>\r\n"), "452 4.5.3 too many recipients\r\n");
    say("DATA\r\n");
    say(".\r\n");
    assert_int_equal(lmtp.recipient_count, 0);
}

static void test_an_address_with_anything_odd_is_none(void **state)
{
    static const char *const odd[] = {"<>",
                                      "<a b@ours.example>",
                                      "a@ours.example",
                                      "<<a@ours.example>",
                                      "<a\x80@ours.example>",
                                      "<a@ours.example"};
    char line[128];

    (void)state;
    say("LHLO x\r\nMAIL FROM:<>\r\n");
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        snprintf(line, sizeof(line), "RCPT TO:%s\r\n", odd[i]);
        assert_string_equal(say(line), "501 5.1.3 no address\r\n");
    }
    assert_string_equal(say("RCPT TO:<a@ours.example> NOTIFY=NEVER\r\n"),
                        "555 5.5.4 parameter not offered\r\n");
}

static void test_a_message_of_the_greatest_size_is_taken_and_a_larger_one_is_not(void **state)
{
    static const char begin_it[] = "MAIL FROM:<>\r\nRCPT TO:<a@ours.example>\r\nDATA\r\n";
    char *text = xcalloc(1, LMTP_MESSAGE_MAX_BYTES + 8);

    (void)state;
    say("LHLO x\r\n");
    memset(text, 'a', LMTP_MESSAGE_MAX_BYTES - 2);
    memcpy(text + LMTP_MESSAGE_MAX_BYTES - 2, "\r\n.\r\n", 6);
    say(begin_it);
    assert_string_equal(say(text), "250 2.0.0 noted\r\n");
    assert_int_equal(message_len, LMTP_MESSAGE_MAX_BYTES);
    memset(text, 'a', LMTP_MESSAGE_MAX_BYTES - 1);
    memcpy(text + LMTP_MESSAGE_MAX_BYTES - 1, "\r\n.\r\n", 6);
    say(begin_it);
    assert_string_equal(say(text), "552 5.3.4 message too big\r\n");
    assert_null(lmtp.message);
    say(begin_it);
    assert_string_equal(say("x\r\n.\r\n"), "250 2.0.0 noted\r\n");
    free(text);
}

static void test_who_does_not_read_replies_is_not_read_from(void **state)
{
    char noops[60000];
    struct slice rest = slice_of(noops, sizeof(noops));

    (void)state;
    for (size_t i = 0; i < sizeof(noops); i += 6)
        memcpy(noops + i, "NOOP\r\n", 6);
    while (lmtp_feed(&lmtp, &rest) == LMTP_STEP_WAIT && rest.len > 0) {
        size_t before = rest.len;
        if (lmtp_feed(&lmtp, &rest) == LMTP_STEP_WAIT && rest.len == before)
            break;
    }
    assert_true(rest.len > 50000);
    assert_true(lmtp.out_len <= sizeof(lmtp.out));
    lmtp_dismiss(&lmtp, "timed out");
    assert_int_equal(lmtp.state, LMTP_CLOSED);
}

static void test_a_dismissed_peer_is_told(void **state)
{
    (void)state;
    say("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@ours.example>\r\nDATA\r\nhalf");
    lmtp_dismiss(&lmtp, "timed out");
    assert_string_equal(say("x"), "421 4.3.2 timed out\r\n");
    assert_null(lmtp.message);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_report_is_taken),
        TEST(test_each_recipient_has_a_reply_of_its_own_in_order),
        TEST(test_it_is_the_same_however_the_bytes_come),
        TEST(test_what_is_out_of_order_or_no_command_is_refused),
        TEST(test_a_peer_that_only_makes_mistakes_is_sent_away),
        TEST(test_lines_are_bounded_and_end_with_crlf),
        TEST(test_recipients_are_bounded),
        TEST(test_an_address_with_anything_odd_is_none),
        TEST(test_a_message_of_the_greatest_size_is_taken_and_a_larger_one_is_not),
        TEST(test_who_does_not_read_replies_is_not_read_from),
        TEST(test_a_dismissed_peer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
