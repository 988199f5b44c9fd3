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

/* As mail.bounce_socket has it; but these two cannot be switched off, and without them a server
 * neither gets ready nor can be upgraded. */
static void check_sockets(struct reading *reading)
{
    const struct config *config = reading->config;

    if (strcmp(config->admin_socket, "no") == 0)
        config_complain(reading, place(reading, CONFIG_KEY_admin_socket),
                        "admin.socket must be a path: there is no server without it");
    if (strcmp(config->master_admin_socket, "no") == 0)
        config_complain(reading, place(reading, CONFIG_KEY_master_admin_socket),
                        "master.admin_socket must be a path: there is no server without it");
}

/* Without TLS there is nobody to agree on a protocol with. */
static void check_http2(struct reading *reading)
{
    const struct config *config = reading->config;

    if (sound(reading, CONFIG_KEY_http_http2, CONFIG_KEY_http_tls_cert) && config->http_http2 &&
        !is_set(config->http_tls_cert))
        config_complain(reading, place(reading, CONFIG_KEY_http_http2),
                        "http.http2 needs http.tls_cert: HTTP/2 is spoken over TLS alone");
}

/* Browsers drop a cookie whose name begins with __Host- unless it came over HTTPS. Where a proxy
 * speaks it, the public URL is what says so. */
static void check_cookies(struct reading *reading)
{
    const struct config *config = reading->config;

    if (sound(reading, CONFIG_KEY_http_cookies, CONFIG_KEY_http_public_url) &&
        config->http_cookies && strncmp(config->http_public_url, "https://", 8) != 0)
        config_complain(reading, place(reading, CONFIG_KEY_http_cookies),
                        "http.cookies needs an http.public_url of https://");
}

/* What a worker refuses to make is what nobody could log in with: src/lib/password/bounds.c. */
#define ARGON2_WORK_MAX_KIB   (1024 * 1024)
#define SCRYPT_MEMORY_MAX_KIB (256 * 1024)
#define SCRYPT_WORK_MAX_KIB   (512 * 1024)

/* The least of OWASP's equivalents (Password Storage Cheat Sheet): Argon2id with 7 MiB and 5
 * passes; scrypt with N = 2^13, r = 8, p = 10, in KiB. */
#define STRONG_ITERATIONS        1000
#define STRONG_ARGON2_MEMORY_KIB 7168
#define STRONG_ARGON2_WORK_KIB   35840
#define STRONG_SCRYPT_MEMORY_KIB 8192
#define STRONG_SCRYPT_WORK_KIB   81920

static void check_iterations(struct reading *reading)
{
    const struct config *config = reading->config;

    if (sound(reading, CONFIG_KEY_password_iterations, CONFIG_KEY_password_allow_weak) &&
        config->password_iterations < STRONG_ITERATIONS && !config->password_allow_weak)
        config_complain(reading, place(reading, CONFIG_KEY_password_iterations),
                        "password.iterations under %d needs password.allow_weak = yes",
                        STRONG_ITERATIONS);
}

/* An algorithm that is not chosen may have any cost. */
static bool is_chosen(const struct reading *reading, enum config_password_algorithm algorithm)
{
    return sound(reading, CONFIG_KEY_password_algorithm, CONFIG_KEY_password_allow_weak) &&
           reading->config->password_algorithm == (int64_t)algorithm;
}

static void check_argon2(struct reading *reading)
{
    const struct config *config = reading->config;
    const char *where = place(reading, CONFIG_KEY_password_argon2_memory_kib);
    int64_t memory = config->password_argon2_memory_kib;
    int64_t work = memory * config->password_argon2_passes;

    if (!is_chosen(reading, CONFIG_PASSWORD_ARGON2ID) ||
        !sound(reading, CONFIG_KEY_password_argon2_memory_kib, CONFIG_KEY_password_argon2_passes) ||
        reading->config->texts[CONFIG_KEY_password_argon2_lanes].broken)
        return;
    if (memory < 8 * config->password_argon2_lanes)
        config_complain(reading, where, "password.argon2_memory_kib must be at least 8 a lane");
    if (work > ARGON2_WORK_MAX_KIB)
        config_complain(reading, where,
                        "password.argon2_memory_kib times argon2_passes is over %d: a hash would "
                        "take seconds",
                        ARGON2_WORK_MAX_KIB);
    if (!config->password_allow_weak &&
        (memory < STRONG_ARGON2_MEMORY_KIB || work < STRONG_ARGON2_WORK_KIB))
        config_complain(reading, where,
                        "password.argon2_memory_kib under %d, or under %d times argon2_passes, "
                        "needs password.allow_weak = yes",
                        STRONG_ARGON2_MEMORY_KIB, STRONG_ARGON2_WORK_KIB);
}

static void check_scrypt(struct reading *reading)
{
    const struct config *config = reading->config;
    const char *where = place(reading, CONFIG_KEY_password_scrypt_log2_n);
    int64_t log2_n = config->password_scrypt_log2_n;
    int64_t memory_kib = (config->password_scrypt_r << log2_n) / 8; /* 128 * r * N bytes */
    int64_t work_kib = memory_kib * config->password_scrypt_p;

    if (!is_chosen(reading, CONFIG_PASSWORD_SCRYPT) ||
        !sound(reading, CONFIG_KEY_password_scrypt_log2_n, CONFIG_KEY_password_scrypt_r) ||
        reading->config->texts[CONFIG_KEY_password_scrypt_p].broken)
        return;
    if (log2_n >= 16 * config->password_scrypt_r)
        config_complain(reading, where, "password.scrypt_log2_n must be under 16 times scrypt_r");
    if (memory_kib > SCRYPT_MEMORY_MAX_KIB || work_kib > SCRYPT_WORK_MAX_KIB)
        config_complain(reading, where,
                        "password.scrypt_log2_n and scrypt_r come to more than 256 MiB, or with "
                        "scrypt_p to more than 512 MiB: a hash would take seconds");
    if (!config->password_allow_weak &&
        (memory_kib < STRONG_SCRYPT_MEMORY_KIB || work_kib < STRONG_SCRYPT_WORK_KIB))
        config_complain(reading, where,
                        "password.scrypt_log2_n under 13 with r = 8, or less work than N = 2^13, "
                        "r = 8, p = 10, needs password.allow_weak = yes");
}

static void check_smtp(struct reading *reading)
{
    const struct config *config = reading->config;
    bool is_sound = true;

    for (unsigned i = 0; i < RELAYS_MAX; i++) {
        const struct relay_config relay = config_relay(config, i);
        if (config->texts[relay_keys[i].host].broken)
            is_sound = false;
        else if (!is_set(relay.host) && is_set(relay.user))
            config_complain(reading, place(reading, relay_keys[i].user),
                            "%s.user is of no use without %s.host", relay.section, relay.section);
    }
    if (is_sound && config->mail_transport == CONFIG_TRANSPORT_SMTP && !config_has_relay(config))
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
    for (unsigned i = 0; i < RELAYS_MAX; i++) {
        const struct relay_config relay = config_relay(reading->config, i);
        const struct relay_keys *keys = &relay_keys[i];
        if (sound(reading, keys->tls, keys->host) && is_set(relay.user) && is_set(relay.host) &&
            relay.tls == CONFIG_TLS_NONE && !is_loopback(relay.host))
            config_complain(
                reading, place(reading, keys->tls),
                "%s.tls = none would send the password of %s.user in the clear to %.60s",
                relay.section, relay.section, relay.host);
    }
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
    check_http2(reading);
    check_sockets(reading);
    check_cookies(reading);
    check_iterations(reading);
    check_argon2(reading);
    check_scrypt(reading);
    check_smtp(reading);
    check_smtp_secrecy(reading);
    config_check_relays(reading);
    check_order(reading, CONFIG_KEY_store_write_free_mib, CONFIG_KEY_store_signup_free_mib,
                "sign-ups stop first");
    check_order(reading, CONFIG_KEY_limits_account_delay_s, CONFIG_KEY_limits_account_delay_max_s,
                "delays grow from the one to the other");
    check_order(reading, CONFIG_KEY_mail_retry_s, CONFIG_KEY_mail_retry_max_s,
                "waits grow from the one to the other");
    check_order(reading, CONFIG_KEY_mail_retry_s, CONFIG_KEY_mail_lifetime_s,
                "a letter would be dead before its second try");
    check_order(reading, CONFIG_KEY_mail_sweep_s, CONFIG_KEY_mail_lifetime_s,
                "a letter that no lane announced would be dead before it is found");
}
