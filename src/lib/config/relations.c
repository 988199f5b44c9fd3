/* What must hold between values. A relation is looked at only when every value in it was read
 * without a problem, so that one slip is told once. */
#include "reading.h"

#include <arpa/inet.h>
#include <inttypes.h>

static const char *place(const struct reading *reading, enum config_key key)
{
    return reading->config->texts[key].where;
}

static bool sound(const struct reading *reading, enum config_key a, enum config_key b)
{
    return !reading->config->texts[a].broken && !reading->config->texts[b].broken;
}

static bool is_set(const char *text)
{
    return text[0] != '\0';
}

static void check_tls(struct reading *reading)
{
    const struct config *config = reading->config;

    if (!sound(reading, CONFIG_KEY_http_tls_cert, CONFIG_KEY_http_tls_key))
        return;
    if (is_set(config->http_tls_cert) && !is_set(config->http_tls_key))
        config_complain(reading, place(reading, CONFIG_KEY_http_tls_cert),
                        "http.tls_cert needs http.tls_key");
    if (is_set(config->http_tls_key) && !is_set(config->http_tls_cert))
        config_complain(reading, place(reading, CONFIG_KEY_http_tls_key),
                        "http.tls_key needs http.tls_cert");
}

#define STRONG_ITERATIONS 1000

static void check_password(struct reading *reading)
{
    const struct config *config = reading->config;

    if (sound(reading, CONFIG_KEY_password_iterations, CONFIG_KEY_password_allow_weak) &&
        config->password_iterations < STRONG_ITERATIONS && !config->password_allow_weak)
        config_complain(reading, place(reading, CONFIG_KEY_password_iterations),
                        "password.iterations under %d needs password.allow_weak = yes",
                        STRONG_ITERATIONS);
}

static void check_smtp(struct reading *reading)
{
    const struct config *config = reading->config;

    if (reading->config->texts[CONFIG_KEY_smtp_host].broken || is_set(config->smtp_host))
        return;
    if (is_set(config->smtp_user))
        config_complain(reading, place(reading, CONFIG_KEY_smtp_user),
                        "smtp.user is of no use without smtp.host");
    if (config->mail_transport == CONFIG_TRANSPORT_SMTP)
        config_complain(reading, place(reading, CONFIG_KEY_mail_transport),
                        "mail.transport = smtp needs smtp.host");
}

/* A name such as 127.example.com may lead anywhere. */
static bool is_loopback(const char *host)
{
    struct in_addr address;

    if (inet_pton(AF_INET, host, &address) == 1)
        return strncmp(host, "127.", 4) == 0;
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

/* The mailer refuses it too; but then a reload would have replaced a mailer that worked. */
static void check_smtp_secrecy(struct reading *reading)
{
    const struct config *config = reading->config;

    if (sound(reading, CONFIG_KEY_smtp_tls, CONFIG_KEY_smtp_host) && is_set(config->smtp_user) &&
        is_set(config->smtp_host) && config->smtp_tls == CONFIG_TLS_NONE &&
        !is_loopback(config->smtp_host))
        config_complain(
            reading, place(reading, CONFIG_KEY_smtp_tls),
            "smtp.tls = none would send the password of smtp.user in the clear to %.60s",
            config->smtp_host);
}

static void check_order(struct reading *reading, enum config_key smaller, enum config_key larger,
                        const char *why)
{
    const struct config_row *low = &config_rows[smaller];
    const struct config_row *high = &config_rows[larger];
    int64_t low_value = *config_number_field(reading->config, smaller);
    int64_t high_value = *config_number_field(reading->config, larger);
    /* The value that somebody wrote is the one to point at. */
    bool low_is_default = strcmp(place(reading, smaller), "default") == 0;

    if (sound(reading, smaller, larger) && low_value > high_value)
        config_complain(reading, place(reading, low_is_default ? larger : smaller),
                        "%s.%s (%" PRId64 ") must not be above %s.%s (%" PRId64 "): %s",
                        low->section, low->name, low_value, high->section, high->name, high_value,
                        why);
}

void config_check_relations(struct reading *reading)
{
    check_tls(reading);
    check_password(reading);
    check_smtp(reading);
    check_smtp_secrecy(reading);
    check_order(reading, CONFIG_KEY_store_write_free_mib, CONFIG_KEY_store_signup_free_mib,
                "sign-ups stop first");
    check_order(reading, CONFIG_KEY_mail_retry_s, CONFIG_KEY_mail_retry_max_s,
                "waits grow from the one to the other");
    check_order(reading, CONFIG_KEY_mail_retry_s, CONFIG_KEY_mail_lifetime_s,
                "a letter would be dead before its second try");
    check_order(reading, CONFIG_KEY_mail_sweep_s, CONFIG_KEY_mail_lifetime_s,
                "a letter that no lane announced would be dead before it is found");
}
