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
        .smtp_token_file = "",
        .smtp_token_command = "",
        .smtp_connections = 4,
        .smtp2_host = "",
        .smtp3_host = "",
        .smtp4_host = "",
        .mail_from = "post@example.org",
    };
}

static void expect_refused(const struct config *config, const char *password, const char *sentence)
{
    struct relay_secrets secrets[RELAYS_MAX] = {0};
    struct secret *secret = &secrets[0].password;
    struct err err = {""};
    if (password != NULL)
        secret_from_bytes(password, strlen(password), secret);
    assert_null(smtp_open(config, secrets, &err));
    assert_non_null(strstr(err.text, sentence));
    secret_fini(secret);
}

static void expect_opened(const struct config *config)
{
    struct relay_secrets secrets[RELAYS_MAX] = {0};
    struct secret *secret = &secrets[0].password;
    struct err err = {""};
    secret_from_bytes("secret", 6, secret);
    struct transport *transport = smtp_open(config, secrets, &err);
    if (transport == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(transport->relay_count, 1);
    assert_int_equal(transport->relays[0].lanes, 4);
    transport->close(&transport);
    assert_null(transport);
    secret_fini(secret);
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

static void test_every_section_with_a_host_is_a_relay(void **state)
{
    const struct relay_secrets secrets[RELAYS_MAX] = {0};
    struct err err = {""};
    struct config config = good_config();
    (void)state;
    config.smtp3_host = "192.0.2.3";
    config.smtp3_port = 25;
    config.smtp3_user = config.smtp3_ca_file = "";
    config.smtp3_connections = 2;
    struct transport *transport = smtp_open(&config, secrets, &err);
    assert_non_null(transport);
    assert_int_equal(transport->relay_count, 2);
    assert_string_equal(transport->relays[0].name, "smtp");
    assert_string_equal(transport->relays[1].name, "smtp3");
    assert_int_equal(transport->relays[1].number, 2);
    assert_int_equal(transport->relays[1].lanes, 2);
    transport->close(&transport);
    config.smtp3_host = "a b";
    assert_null(smtp_open(&config, secrets, &err));
    assert_string_equal(err.text, "smtp3.host: not a host");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_ordinary_relay_is_taken),
        cmocka_unit_test(test_every_section_with_a_host_is_a_relay),
        cmocka_unit_test(test_a_host_that_would_change_the_url_is_refused),
        cmocka_unit_test(test_a_password_goes_unencrypted_to_this_machine_only),
        cmocka_unit_test(test_a_password_with_a_line_end_is_refused),
        cmocka_unit_test(test_a_missing_file_of_authorities_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
