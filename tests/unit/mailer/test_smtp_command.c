/* The bytes of a transaction, and which letters a relay is spared. */
#include "mailer/smtp_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PLAIN_LETTER "Subject: hello\r\n\r\nplain\r\n"
#define BODY_LETTER  "Subject: hello\r\n\r\ngr\xc3\xbc\xc3\x9f\x65\r\n"
#define UTF8_LETTER  "Subject: gr\xc3\xbc\xc3\x9f\x65\r\n\r\nplain\r\n"

static const struct smtp_offers everything = {
    .pipelining = false, .eightbit = true, .utf8 = true, .size = true, .size_max = 1000};

static void expect_command(enum smtp_stage stage, const struct smtp_offers *offers, bool reset,
                           const char *to, const char *letter, const char *expected)
{
    struct smtp_dialogue dialogue = {.stage = stage, .offers = *offers, .awaits_reset = reset};
    struct smtp_envelope envelope = {"post@example.org", to,
                                     smtp_needs_of("post@example.org", to, slice_of_text(letter))};
    char commands[SMTP_COMMANDS_MAX_BYTES];

    size_t len = smtp_command_write(&dialogue, &envelope, commands);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(commands, expected, len);
}

static void test_a_relay_that_offers_nothing_gets_bare_commands(void **state)
{
    const struct smtp_offers nothing = {0};
    (void)state;
    expect_command(SMTP_STAGE_MAIL, &nothing, false, "a@b.example", PLAIN_LETTER,
                   "MAIL FROM:<post@example.org>\r\n");
    expect_command(SMTP_STAGE_RCPT, &nothing, false, "a@b.example", PLAIN_LETTER,
                   "RCPT TO:<a@b.example>\r\n");
    expect_command(SMTP_STAGE_DATA, &nothing, false, "a@b.example", PLAIN_LETTER, "DATA\r\n");
    expect_command(SMTP_STAGE_MAIL, &nothing, true, "a@b.example", PLAIN_LETTER,
                   "RSET\r\nMAIL FROM:<post@example.org>\r\n");
}

static void test_with_pipelining_all_goes_together(void **state)
{
    const struct smtp_offers offers = {.pipelining = true, .size = true};
    (void)state;
    expect_command(SMTP_STAGE_MAIL, &offers, true, "a@b.example", PLAIN_LETTER,
                   "RSET\r\nMAIL FROM:<post@example.org> SIZE=25\r\n"
                   "RCPT TO:<a@b.example>\r\nDATA\r\n");
}

static void test_what_the_letter_needs_is_declared_where_it_is_offered(void **state)
{
    (void)state;
    expect_command(SMTP_STAGE_MAIL, &everything, false, "a@b.example", PLAIN_LETTER,
                   "MAIL FROM:<post@example.org> SIZE=25\r\n");
    expect_command(SMTP_STAGE_MAIL, &everything, false, "a@b.example", BODY_LETTER,
                   "MAIL FROM:<post@example.org> SIZE=27 BODY=8BITMIME\r\n");
    expect_command(SMTP_STAGE_MAIL, &everything, false, "a@b.example", UTF8_LETTER,
                   "MAIL FROM:<post@example.org> SIZE=27 BODY=8BITMIME SMTPUTF8\r\n");
    expect_command(SMTP_STAGE_MAIL, &everything, false, "gr\xc3\xbcn@b.example", PLAIN_LETTER,
                   "MAIL FROM:<post@example.org> SIZE=25 SMTPUTF8\r\n");
}

static void expect_suffices(struct smtp_offers offers, const char *from, const char *to,
                            const char *letter, const char *why)
{
    const struct smtp_needs needs = smtp_needs_of(from, to, slice_of_text(letter));
    struct err err = {""};

    assert_int_equal(smtp_offers_suffice(&offers, &needs, &err), why == NULL);
    if (why != NULL)
        assert_non_null(strstr(err.text, why));
}

static void test_a_letter_that_the_relay_would_have_to_change_is_not_sent(void **state)
{
    struct smtp_offers offers = everything;
    (void)state;
    expect_suffices(offers, "a@b", "c@d", UTF8_LETTER, NULL);
    offers.utf8 = false;
    expect_suffices(offers, "a@b", "c@d", BODY_LETTER, NULL);
    expect_suffices(offers, "a@b", "c@d", UTF8_LETTER, "SMTPUTF8");
    expect_suffices(offers, "a\xc3\xa4@b", "c@d", PLAIN_LETTER, "SMTPUTF8");
    expect_suffices(offers, "a@b", "c@\xc3\xa4", PLAIN_LETTER, "SMTPUTF8");
    offers.eightbit = false;
    expect_suffices(offers, "a@b", "c@d", BODY_LETTER, "8BITMIME");
    expect_suffices(offers, "a@b", "c@d", PLAIN_LETTER, NULL);
}

static void test_a_letter_larger_than_the_relays_limit_is_not_sent(void **state)
{
    struct smtp_offers offers = everything;
    (void)state;
    offers.size_max = 25;
    expect_suffices(offers, "a@b", "c@d", PLAIN_LETTER, NULL);
    offers.size_max = 24;
    expect_suffices(offers, "a@b", "c@d", PLAIN_LETTER, "takes at most 24 (SIZE)");
    offers.size_max = 0;
    expect_suffices(offers, "a@b", "c@d", PLAIN_LETTER, NULL);
}

static void expect_wire(const char *letter, const char *wire)
{
    char out[256];
    size_t len = smtp_letter_stuff(slice_of_text(letter), out);
    assert_int_equal(len, strlen(wire));
    assert_memory_equal(out, wire, len);
}

static void test_dots_at_the_beginning_of_lines_are_doubled(void **state)
{
    (void)state;
    expect_wire("a\r\n", "a\r\n.\r\n");
    expect_wire("\r\n", "\r\n.\r\n");
    expect_wire(".\r\n", "..\r\n.\r\n");
    expect_wire("..\r\n.a.\r\nb.\r\n\r\n.\r\n", "...\r\n..a.\r\nb.\r\n\r\n..\r\n.\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_relay_that_offers_nothing_gets_bare_commands),
        cmocka_unit_test(test_with_pipelining_all_goes_together),
        cmocka_unit_test(test_what_the_letter_needs_is_declared_where_it_is_offered),
        cmocka_unit_test(test_a_letter_that_the_relay_would_have_to_change_is_not_sent),
        cmocka_unit_test(test_a_letter_larger_than_the_relays_limit_is_not_sent),
        cmocka_unit_test(test_dots_at_the_beginning_of_lines_are_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
