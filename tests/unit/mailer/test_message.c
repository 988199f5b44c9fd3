/* The letter: its form, byte by byte where it matters, and what cannot be smuggled into it. */
#include "mailer/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gatepost/encoding.h"
#include "gatepost/proof_token.h"
#include "lib/letter/mime.h"
#include "mailer/hand.h"
#include "mailer/transport.h"

#define CREATED 1795445507000LL /* Mon, 23 Nov 2026 14:51:47 UTC */

static struct secret mail_key;
static struct letter_set *letters;
static struct hand *hand;
static char letter[LETTER_MAX_BYTES + 1];
static size_t letter_len;
static uint8_t purpose = MAIL_VERIFY;
static struct slice language;
static struct letter_head head;

static enum compose_result compose_from(struct slice username, const char *public_url, wall_ms now)
{
    struct mail_job job = {
        .purpose = purpose,
        .to = SLICE_LITERAL("anna@example.com"),
        .username = username,
        .language = language,
        .created = CREATED,
        .expires = CREATED + 86400000,
    };
    memset(job.job_id.bytes, 0xab, UUID_BYTES);
    memset(job.proof_id.bytes, 0xcd, UUID_BYTES);
    hand_free(&hand);
    hand = hand_new(4, 4);
    assert_int_equal(hand_take(hand, &job, HAND_SEEN_IN_LANE, 0, 0), HAND_TAKEN);
    head.from = "post@id.example.org";
    head.public_url = public_url;
    head.mail_key = &mail_key;
    head.letters = letters;
    enum compose_result result = message_compose(&head, hand_first(hand, DELIVERY_WAITING), now,
                                                 letter, LETTER_MAX_BYTES, &letter_len);
    if (result == COMPOSED)
        letter[letter_len] = '\0';
    return result;
}

static void compose(const char *username)
{
    assert_int_equal(compose_from(slice_of_text(username), "https://id.example.org:8443", CREATED),
                     COMPOSED);
}

static void expect_has(const char *text)
{
    if (strstr(letter, text) == NULL)
        fail_msg("not in the letter: %s\n%s", text, letter);
}

/* Only CRLF, no NUL, ASCII, no line over 998: what every letter must be. */
static void expect_wire_form(void)
{
    size_t line_len = 0;
    assert_int_equal(strlen(letter), letter_len);
    for (size_t i = 0; i < letter_len; i++) {
        unsigned char byte = (unsigned char)letter[i];
        assert_true(byte == '\r' || byte == '\n' || (byte >= 0x20 && byte < 0x7f));
        assert_int_equal(byte == '\r', i + 1 < letter_len && letter[i + 1] == '\n');
        if (byte == '\n') {
            assert_true(i > 0 && letter[i - 1] == '\r');
            line_len = 0;
        } else if (byte != '\r') {
            assert_true(++line_len <= MIME_LINE_MAX_BYTES);
        }
    }
    assert_memory_equal(letter + letter_len - 2, "\r\n", 2);
}

static void test_the_header_is_exactly_this(void **state)
{
    static const char header[] =
        "From: post@id.example.org\r\n"
        "To: anna@example.com\r\n"
        "Subject: Confirm your e-mail address for id.example.org\r\n"
        "Date: Mon, 23 Nov 2026 14:51:47 +0000\r\n"
        "Message-ID: <abababab-abab-abab-abab-abababababab@id.example.org>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "X-Auto-Response-Suppress: OOF, AutoReply\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative;\r\n"
        " boundary=\"=_abababab-abab-abab-abab-abababababab\"\r\n"
        "\r\n";
    (void)state;
    compose("anna");
    assert_memory_equal(letter, header, sizeof(header) - 1);
    expect_wire_form();
}

static void test_what_the_operator_configures_stands_in_the_header(void **state)
{
    (void)state;
    head = (struct letter_head){
        .from_name = "Accounts, \"all\" of them",
        .reply_to = "help@example.org",
        .feedback_id = "eu:gatepost",
        .list_unsubscribe = "mailto:stop@example.org",
    };
    compose("anna");
    assert_memory_equal(letter,
                        "From: \"Accounts, \\\"all\\\" of them\" <post@id.example.org>\r\n"
                        "Reply-To: help@example.org\r\nTo: anna@example.com\r\n",
                        104);
    expect_has("\r\nFeedback-ID: verify:eu:gatepost\r\n");
    assert_null(strstr(letter, "List-Unsubscribe"));
    head.from_name = "Gate Post-1";
    purpose = MAIL_TOKEN_REUSED;
    compose("anna");
    expect_has("From: Gate Post-1 <post@id.example.org>\r\n");
    expect_has("\r\nFeedback-ID: token_reused:eu:gatepost\r\n");
    expect_has("\r\nList-Unsubscribe: <mailto:stop@example.org>\r\n");
    head.from_name = "K\xc3\xbc"
                     "che";
    compose("anna");
    expect_has("From: =?UTF-8?B?S8O8Y2hl?=\r\n <post@id.example.org>\r\n");
    expect_wire_form();
    purpose = MAIL_VERIFY;
    head = (struct letter_head){0};
}

/* Whoever wrote the configuration: no line of their own comes of it. */
static void test_a_line_end_in_what_is_configured_makes_no_letter(void **state)
{
    static const struct letter_head heads[] = {
        {.from_name = "a\r\nBcc: x@y.z"},
        {.from_name = "\xc3\xa4\nBcc: x@y.z"},
        {.reply_to = "a@b.c\r\nBcc: x@y.z"},
        {.feedback_id = "a\nBcc: x@y.z"},
        {.list_unsubscribe = "mailto:a\rBcc: x@y.z"},
    };
    (void)state;
    purpose = MAIL_EMAIL_CHANGED;
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        head = heads[i];
        assert_int_equal(compose_from(SLICE_LITERAL("anna"), "https://id.example.org", CREATED),
                         COMPOSE_IMPOSSIBLE);
    }
    purpose = MAIL_VERIFY;
    head = (struct letter_head){0};
}

static void test_the_link_stands_alone_on_its_line_and_its_token_is_good(void **state)
{
    static const char before[] = "\r\n\r\nhttps://id.example.org:8443/verify-email?token=";
    struct uuid proof_id;
    (void)state;
    compose("anna");
    const char *token = strstr(letter, before);
    assert_non_null(token);
    token += sizeof(before) - 1;
    size_t len = strcspn(token, "\r");
    assert_memory_equal(token + len, "\r\n\r\n", 4);
    assert_true(proof_token_check(&mail_key, MAIL_VERIFY, slice_of(token, len), &proof_id));
    for (size_t i = 0; i < UUID_BYTES; i++)
        assert_int_equal(proof_id.bytes[i], 0xcd);
}

static void test_a_letter_has_a_text_and_an_html_part_and_ends(void **state)
{
    (void)state;
    compose("anna");
    expect_has("\r\n\r\n--=_abababab-abab-abab-abab-abababababab\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: 7bit\r\n\r\nHello anna,\r\n");
    expect_has("\r\n--=_abababab-abab-abab-abab-abababababab\r\n"
               "Content-Type: text/html; charset=utf-8\r\n"
               "Content-Transfer-Encoding: 7bit\r\n\r\n<!DOCTYPE html>\r\n");
    expect_has("</html>\r\n\r\n--=_abababab-abab-abab-abab-abababababab--\r\n");
    expect_has("until 24 November 2026 at 14:51 UTC.");
    assert_null(strstr(letter, "{name}"));
}

static void test_every_purpose_has_words_and_a_link_only_where_there_is_a_proof(void **state)
{
    (void)state;
    for (purpose = MAIL_VERIFY; mail_purpose_name(purpose) != NULL; purpose++) {
        bool linked = purpose <= MAIL_CHANGE_EMAIL;
        compose("anna");
        expect_wire_form();
        assert_int_equal(strstr(letter, "?token=") != NULL, linked);
        assert_int_equal(strstr(letter, "https://") != NULL, linked);
        assert_int_equal(strstr(letter, "until 24 November 2026") != NULL, linked);
        expect_has("Hello anna,\r\n\r\n");
    }
    assert_int_equal(purpose, MAIL_ACCOUNT_DELETED + 1);
    purpose = MAIL_VERIFY;
}

static void test_the_same_job_makes_the_same_letter(void **state)
{
    char first[LETTER_MAX_BYTES + 1];
    (void)state;
    compose("anna");
    memcpy(first, letter, letter_len + 1);
    assert_int_equal(
        compose_from(SLICE_LITERAL("anna"), "https://id.example.org:8443", CREATED + 5000000),
        COMPOSED);
    assert_string_equal(first, letter);
}

static void test_a_name_cannot_be_markup(void **state)
{
    (void)state;
    compose("<script>alert('\"&')</script>");
    expect_has("<p>Hello &lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;,</p>");
    expect_wire_form();
}

static void test_a_name_cannot_be_a_boundary_or_a_placeholder(void **state)
{
    (void)state;
    compose("{link}--=_abababab-abab-abab-abab-abababababab--");
    expect_has("Hello {link}--=_abab");
    size_t boundaries = 0;
    for (const char *at = letter; (at = strstr(at, "\r\n--=_")) != NULL; at++)
        boundaries++;
    assert_int_equal(boundaries, 3);
}

static void test_a_name_beyond_ascii_is_quoted_printable_in_short_lines(void **state)
{
    char name[700] = "";
    (void)state;
    for (size_t i = 0; i < 150; i++)
        memcpy(name + 4 * i, "\xf0\x9f\x98\x80", 4);
    compose(name);
    expect_wire_form();
    expect_has("Content-Transfer-Encoding: quoted-printable\r\n\r\nHello =F0=9F=98=80");
    const char *line = strstr(letter, "\r\n\r\nHello");
    const char *end = strstr(letter, "--=_abababab-abab-abab-abab-abababababab--");
    for (line += 2; line < end; line += 2) {
        size_t len = strcspn(line, "\r");
        assert_true(len <= 76);
        line += len;
    }
}

static void test_the_longest_and_worst_name_still_makes_a_letter(void **state)
{
    char name[1024];
    (void)state;
    memset(name, '"', sizeof(name));
    assert_int_equal(compose_from(slice_of(name, sizeof(name)), "https://id.example.org", CREATED),
                     COMPOSED);
    expect_wire_form();
    memset(name, '.', sizeof(name));
    assert_int_equal(compose_from(slice_of(name, sizeof(name)), "https://id.example.org", CREATED),
                     COMPOSED);
    expect_wire_form();
}

static void test_an_expired_link_makes_no_letter(void **state)
{
    (void)state;
    assert_int_equal(
        compose_from(SLICE_LITERAL("anna"), "https://id.example.org", CREATED + 86399999),
        COMPOSED);
    assert_int_equal(
        compose_from(SLICE_LITERAL("anna"), "https://id.example.org", CREATED + 86400000),
        COMPOSE_EXPIRED);
}

static void test_an_origin_with_line_ends_makes_no_letter(void **state)
{
    (void)state;
    assert_int_equal(compose_from(SLICE_LITERAL("anna"), "https://id\r\nBcc: x@y.z", CREATED),
                     COMPOSE_IMPOSSIBLE);
}

static void test_an_origin_beyond_ascii_is_encoded_in_the_subject(void **state)
{
    (void)state;
    assert_int_equal(compose_from(SLICE_LITERAL("anna"),
                                  "https://b\xc3\xbc"
                                  "cher.example",
                                  CREATED),
                     COMPOSED);
    expect_has("\r\nSubject: =?UTF-8?B?Q29uZmlybSB5b3VyIGUtbWFpbCBhZGRyZXNzIGZvciBiw7xjaGVy?=\r\n");
    expect_wire_form();
}

static void on_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    print_error("%s: %s\n", where, sentence);
}

static int set_up(void **state)
{
    static const char key[] = "0123456789abcdef0123456789abcdef";
    (void)state;
    secret_from_bytes(key, sizeof(key) - 1, &mail_key);
    letters = letter_set_load("", "en", on_problem, NULL);
    return letters != NULL ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    hand_free(&hand);
    letter_set_free(&letters);
    secret_fini(&mail_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_header_is_exactly_this),
        cmocka_unit_test(test_what_the_operator_configures_stands_in_the_header),
        cmocka_unit_test(test_a_line_end_in_what_is_configured_makes_no_letter),
        cmocka_unit_test(test_the_link_stands_alone_on_its_line_and_its_token_is_good),
        cmocka_unit_test(test_a_letter_has_a_text_and_an_html_part_and_ends),
        cmocka_unit_test(test_every_purpose_has_words_and_a_link_only_where_there_is_a_proof),
        cmocka_unit_test(test_the_same_job_makes_the_same_letter),
        cmocka_unit_test(test_a_name_cannot_be_markup),
        cmocka_unit_test(test_a_name_cannot_be_a_boundary_or_a_placeholder),
        cmocka_unit_test(test_a_name_beyond_ascii_is_quoted_printable_in_short_lines),
        cmocka_unit_test(test_the_longest_and_worst_name_still_makes_a_letter),
        cmocka_unit_test(test_an_expired_link_makes_no_letter),
        cmocka_unit_test(test_an_origin_with_line_ends_makes_no_letter),
        cmocka_unit_test(test_an_origin_beyond_ascii_is_encoded_in_the_subject),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
