/* Reports as the programs of this world write them (reports/), and messages that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailer/report.h"

#define FOLDER "tests/unit/mailer/reports/"
#define DOMAIN "accounts.example"
#define JOB    "01a220c3-a1b4-7818-8c99-5f9bb890a91f"

static struct report report;

static const char *const kinds[] = {
    [REPORT_NONE] = "none", [REPORT_HARMLESS] = "harmless",   [REPORT_SOFT] = "soft",
    [REPORT_HARD] = "hard", [REPORT_COMPLAINT] = "complaint",
};

static void read_text(const char *text)
{
    report_read(slice_of_text(text), DOMAIN, &report);
}

static char *load(const char *name, size_t *len_out)
{
    char path[128];
    snprintf(path, sizeof(path), FOLDER "%s", name);
    FILE *file = fopen(path, "r");
    char *bytes = xcalloc(1, 65536);

    if (file == NULL)
        fail_msg("%s cannot be read", path);
    *len_out = fread(bytes, 1, 65535, file);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

static bool is_job(void)
{
    char id[UUID_TEXT_BYTES];

    uuid_format(&report.job_id, id);
    return report.has_job && strcmp(id, JOB) == 0;
}

/* The same with the line ends of a pipe (LF) and of LMTP (CRLF). */
static char *with_crlf(const char *text, size_t len, size_t *len_out)
{
    char *bytes = xcalloc(2, len + 1), *out = bytes;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            *out++ = '\r';
        *out++ = text[i];
    }
    *len_out = (size_t)(out - bytes);
    return bytes;
}

static void check(const char *name, const char *kind, const char *status, const char *recipient,
                  const char *where)
{
    if (strcmp(kinds[report.kind], kind) != 0)
        fail_msg("%s: %s instead of %s", name, kinds[report.kind], kind);
    if (status[0] != '-' && strcmp(report.status, status) != 0)
        fail_msg("%s: status %s instead of %s", name, report.status, status);
    if (strcmp(report.recipient, recipient[0] == '-' ? "" : recipient) != 0)
        fail_msg("%s: recipient %s instead of %s", name, report.recipient, recipient);
    if (is_job() != (strcmp(where, "none") != 0))
        fail_msg("%s: Message-ID %s", name, where);
}

static void test_every_report_of_the_collection_says_what_it_says(void **state)
{
    char line[256];
    size_t count = 0, len, crlf_len;
    FILE *file = fopen(FOLDER "expected.txt", "r");

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        char name[64], kind[16], status[16], recipient[64], where[16];
        if (line[0] == '#')
            continue;
        assert_int_equal(
            sscanf(line, "%63s %15s %15s %63s %15s", name, kind, status, recipient, where), 5);
        char *bytes = load(name, &len);
        report_read(slice_of(bytes, len), DOMAIN, &report);
        check(name, kind, status, recipient, where);
        char *crlf = with_crlf(bytes, len, &crlf_len);
        report_read(slice_of(crlf, crlf_len), DOMAIN, &report);
        check(name, kind, status, recipient, where);
        free(crlf);
        free(bytes);
        count++;
    }
    assert_int_equal(fclose(file), 0);
    assert_true(count >= 25);
}

static void test_a_report_that_is_cut_anywhere_is_read_and_never_says_more(void **state)
{
    size_t len;
    char *bytes = load("postfix-delayed.eml", &len);

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        char *piece = xcalloc(1, cut + 1); /* its own allocation: sanitizers see its end */
        memcpy(piece, bytes, cut);
        report_read(slice_of(piece, cut), DOMAIN, &report);
        assert_true(report.kind == REPORT_NONE || report.kind == REPORT_SOFT ||
                    report.kind == REPORT_HARMLESS);
        free(piece);
    }
    free(bytes);
}

static void test_the_detail_is_printable_and_names_the_status_first(void **state)
{
    (void)state;
    read_text("Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822;a@b.example\n"
              "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 \x01 \xff\xfe\tno\n"
              "    one\n");
    assert_string_equal(report.detail, "5.1.1 550 ?? no one");
}

static void test_a_link_that_the_other_side_quotes_is_not_told_on(void **state)
{
    (void)state;
    read_text("Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822;a@b.example\n"
              "Action: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 554 spam: reset?token="
              "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEfGhIjKlMnOp\n");
    assert_string_equal(report.detail, "5.7.1 554 spam: reset?token="
                                       "******************************************************");
}

static void test_a_message_id_of_another_domain_or_form_is_not_ours(void **state)
{
    static const char *const ids[] = {"<" JOB "@other.example>",
                                      "<" JOB "x@" DOMAIN ">",
                                      "<" JOB "@" DOMAIN ".example>",
                                      "<" JOB "@" DOMAIN,
                                      JOB "@" DOMAIN,
                                      "<x>",
                                      "<"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        snprintf(text, sizeof(text), "References: %s\n\n", ids[i]);
        read_text(text);
        assert_false(report.has_job);
    }
    read_text("References: <x> <" JOB "@ACCOUNTS.example>\n\n");
    assert_true(is_job());
}

static void test_the_returned_letters_id_counts_more_than_a_quoted_one(void **state)
{
    (void)state;
    read_text("In-Reply-To: <00000000-0000-7000-8000-000000000000@" DOMAIN ">\n"
              "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
              "Message-ID: <" JOB "@" DOMAIN ">\n\n--b--\n");
    assert_true(is_job());
}

static void test_a_report_inside_of_a_returned_letter_is_not_read(void **state)
{
    (void)state;
    read_text("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
              "Content-Type: multipart/report; boundary=c\n\n--c\n"
              "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822;a@b.example\n"
              "Action: failed\nStatus: 5.1.1\n\n--c--\n--b--\n");
    assert_int_equal(report.kind, REPORT_NONE);
}

static void test_addresses_of_headers_are_found_and_bounded(void **state)
{
    char text[4096] = "To: \"Name\" <first@x.example>, second@x.example\n"
                      "Delivered-To: third@x.example\n";

    (void)state;
    for (int i = 0; i < 20; i++)
        strncat(text, "X-Original-To: more@x.example\n", sizeof(text) - strlen(text) - 1);
    read_text(text);
    assert_int_equal(report.address_count, REPORT_ADDRESSES_MAX);
    assert_string_equal(report.addresses[0], "first@x.example");
    assert_string_equal(report.addresses[1], "second@x.example");
    assert_string_equal(report.addresses[2], "third@x.example");
}

static void test_a_recipient_that_is_no_address_is_nobody(void **state)
{
    static const char *const values[] = {"rfc822; root",           "x-unix; a@b.example", "rfc822;",
                                         "rfc822; a@b.example (c", "dns; a@b.example",    ""};
    char address[EMAIL_MAX_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        report_take_address(values[i], address);
        assert_string_equal(address, "");
    }
    report_take_address("RFC822 ; <A@B.example>", address);
    assert_string_equal(address, "");
    report_take_address("RFC822; <A@B.example>", address);
    assert_string_equal(address, "A@b.example");
}

/* 256 KiB of what costs most: every line a boundary that is none, of four levels. */
static void test_the_worst_message_is_read_in_its_time(void **state)
{
    const size_t max = 262144;
    char *bytes = xcalloc(1, max);
    size_t len = 0;
    const mono_ns began = clock_mono_ns();

    (void)state;
    len += (size_t)snprintf(bytes, max, "Content-Type: multipart/mixed; boundary=%070d\n\n", 1);
    for (int i = 2; i < 5; i++)
        len += (size_t)snprintf(bytes + len, max - len,
                                "--%070d\nContent-Type: multipart/mixed; boundary=%070d\n\n", i - 1,
                                i);
    while (len + 80 < max)
        len += (size_t)snprintf(bytes + len, max - len, "--%069dx\n", 0);
    report_read(slice_of(bytes, len), DOMAIN, &report);
    assert_int_equal(report.kind, REPORT_NONE);
    assert_true(clock_mono_ns() - began < NS_PER_S);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_report_of_the_collection_says_what_it_says),
        cmocka_unit_test(test_a_report_that_is_cut_anywhere_is_read_and_never_says_more),
        cmocka_unit_test(test_the_detail_is_printable_and_names_the_status_first),
        cmocka_unit_test(test_a_link_that_the_other_side_quotes_is_not_told_on),
        cmocka_unit_test(test_a_message_id_of_another_domain_or_form_is_not_ours),
        cmocka_unit_test(test_the_returned_letters_id_counts_more_than_a_quoted_one),
        cmocka_unit_test(test_a_report_inside_of_a_returned_letter_is_not_read),
        cmocka_unit_test(test_addresses_of_headers_are_found_and_bounded),
        cmocka_unit_test(test_a_recipient_that_is_no_address_is_nobody),
        cmocka_unit_test(test_the_worst_message_is_read_in_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
