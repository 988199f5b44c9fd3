/* What the SMTP transport refuses to be set up with, whoever checked the configuration before. */
#include "mailer/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct config good_config(void)
{
    return (struct config){
        .smtp_host = "relay.example.com",
        .smtp_port = 587,
        .smtp_tls = CONFIG_TLS_STARTTLS,
        .smtp_ca_file = "",
        .smtp_user = "",
        .smtp_connections = 4,
        .mail_from = "post@example.org",
    };
}

static void expect_refused(const struct config *config, const char *password, const char *sentence)
{
    struct secret secret = {0};
    struct err err = {""};
    if (password != NULL)
        secret_from_bytes(password, strlen(password), &secret);
    assert_null(smtp_open(config, &secret, &err));
    assert_non_null(strstr(err.text, sentence));
    secret_fini(&secret);
}

static void expect_opened(const struct config *config)
{
    struct secret secret = {0};
    struct err err = {""};
    secret_from_bytes("secret", 6, &secret);
    struct transport *transport = smtp_open(config, &secret, &err);
    if (transport == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(transport->lanes, 4);
    transport->close(&transport);
    assert_null(transport);
    secret_fini(&secret);
}

static void test_an_ordinary_relay_is_taken(void **state)
{
    (void)state;
    struct config config = good_config();
    expect_opened(&config);
    config.smtp_user = "anna";
    expect_opened(&config);
    config.smtp_tls = CONFIG_TLS_TLS;
    config.smtp_host = "2001:db8::1";
    expect_opened(&config);
}

static void test_a_host_that_would_change_the_url_is_refused(void **state)
{
    static const char *const hosts[] = {"",    "a/b",   "user@host", "a?b",  "a#b",
                                        "a b", "a%2fb", "a\r\nb",    "[::1]"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct config config = good_config();
        config.smtp_host = hosts[i];
        expect_refused(&config, NULL, "smtp.host: ");
    }
}

static void test_a_password_goes_unencrypted_to_this_machine_only(void **state)
{
    (void)state;
    struct config config = good_config();
    config.smtp_tls = CONFIG_TLS_NONE;
    config.smtp_user = "anna";
    expect_refused(&config, "secret", "smtp.user: ");
    config.smtp_host = "127.evil.example";
    expect_refused(&config, "secret", "smtp.user: ");
    config.smtp_host = "localhost";
    expect_opened(&config);
    config.smtp_host = "127.0.0.1";
    expect_opened(&config);
    config.smtp_host = "::1";
    expect_opened(&config);
}

static void test_a_password_with_a_line_end_is_refused(void **state)
{
    (void)state;
    struct config config = good_config();
    config.smtp_user = "anna";
    expect_refused(&config, "secret\r\nMAIL", "password");
}

static void test_a_missing_file_of_authorities_is_refused(void **state)
{
    (void)state;
    struct config config = good_config();
    config.smtp_ca_file = "/proc/no/such.pem";
    expect_refused(&config, NULL, "smtp.ca_file: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_ordinary_relay_is_taken),
        cmocka_unit_test(test_a_host_that_would_change_the_url_is_refused),
        cmocka_unit_test(test_a_password_goes_unencrypted_to_this_machine_only),
        cmocka_unit_test(test_a_password_with_a_line_end_is_refused),
        cmocka_unit_test(test_a_missing_file_of_authorities_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
