/* From the configuration to handles that can only do what they should: this host, SMTP, TLS as
 * configured and verified, no proxy, no .netrc, no signals, bounded times (pitfalls of libcurl's
 * defaults: 300 s to connect, optional STARTTLS, any protocol). */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/secret.h"
#include "smtp.h"

/* A name that begins with "127." may be anybody's: digits and dots only. */
static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == '\0');
}

/* It becomes part of a URL: letters, digits, dots, hyphens, underscores, colons. */
static bool host_is_plain(const char *host)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
    return host[0] != '\0' && strspn(host, plain) == strlen(host);
}

static bool password_is_plain(const struct secret *password)
{
    for (size_t i = 0; i < password->len; i++) {
        if (password->bytes[i] < 0x20 || password->bytes[i] == 0x7f)
            return false;
    }
    return true;
}

static bool config_is_sound(const struct config *config, const struct secret *password,
                            struct err *err)
{
    if (!host_is_plain(config->smtp_host)) {
        err_set(err, "smtp.host: %s",
                config->smtp_host[0] == '\0' ? "it is not set" : "not a host");
        return false;
    }
    if (config->smtp_user[0] != '\0' && config->smtp_tls == CONFIG_TLS_NONE &&
        !is_loopback(config->smtp_host)) {
        err_set(err, "smtp.user: a password is not sent over an unencrypted connection; "
                     "set smtp.tls to starttls or tls");
        return false;
    }
    if (!password_is_plain(password)) {
        err_set(err, "the SMTP password holds control characters");
        return false;
    }
    if (strlen(config->mail_from) >= sizeof(((struct smtp_transport *)0)->from)) {
        err_set(err, "mail.from: too long");
        return false;
    }
    return true;
}

/* smtp://host:port/name: the path is the name for EHLO. */
static void write_url(const struct config *config, char *url_out, size_t url_bytes)
{
    const char *scheme = config->smtp_tls == CONFIG_TLS_TLS ? "smtps" : "smtp";
    const char *domain = strchr(config->mail_from, '@') + 1;
    bool is_v6 = strchr(config->smtp_host, ':') != NULL;
    int len = snprintf(url_out, url_bytes, "%s://%s%s%s:%lld/%s", scheme, is_v6 ? "[" : "",
                       config->smtp_host, is_v6 ? "]" : "", (long long)config->smtp_port, domain);
    BUG_ON(len < 0 || (size_t)len >= url_bytes);
}

static size_t on_session_line(char *bytes, size_t size, size_t count, void *context)
{
    struct smtp_connection *connection = context;
    FAULT_ON("m.session_line", slice_of(bytes, size * count));
    if (connection->state == CONNECTION_OPENING)
        smtp_dialogue_session_line(&connection->dialogue, slice_of(bytes, size * count));
    return size * count;
}

/* A black hole is given up after four SYNs, 15 s; the session's limit is for relays that are there.
 */
static int on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    const int retries = 3;
    (void)context;
    (void)purpose;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof(retries));
    return CURL_SOCKOPT_OK;
}

#define SET(option, value) BUG_ON(curl_easy_setopt(easy, (option), (value)) != CURLE_OK)

static void set_limits(CURL *easy)
{
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name server that does not answer */
    /* libcurl counts the greeting, TLS and AUTH as connecting. */
    SET(CURLOPT_CONNECTTIMEOUT, (long)SMTP_SESSION_S);
    SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(CURLOPT_FRESH_CONNECT, 1L);
}

/* Returns false when this libcurl, or the file, does not do what is asked. */
static bool set_tls(CURL *easy, const struct config *config, struct err *err)
{
    if (config->smtp_tls != CONFIG_TLS_NONE)
        SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (config->smtp_ca_file[0] == '\0')
        return true;
    FILE *file = fopen(config->smtp_ca_file, "re");
    if (file == NULL) {
        err_set(err, "smtp.ca_file: %s cannot be read", config->smtp_ca_file);
        return false;
    }
    fclose(file);
    SET(CURLOPT_CAINFO, config->smtp_ca_file);
    SET(CURLOPT_CAPATH, NULL); /* these authorities and no others */
    return true;
}

/* libcurl keeps its own copy of the password; ours is wiped. */
static void set_credentials(CURL *easy, const struct config *config, const struct secret *password)
{
    if (config->smtp_user[0] == '\0')
        return;
    char *text = xcalloc(password->len + 1, 1);
    if (password->len > 0)
        memcpy(text, password->bytes, password->len);
    SET(CURLOPT_USERNAME, config->smtp_user);
    SET(CURLOPT_PASSWORD, text);
    SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
    SET(CURLOPT_SASL_IR, 1L);
    secret_wipe(text, password->len);
    free(text);
}

static bool connection_init(struct smtp_connection *connection, struct smtp_transport *smtp,
                            const struct config *config, const struct secret *password,
                            struct err *err)
{
    char url[1024];
    CURL *easy = curl_easy_init();

    BUG_ON(easy == NULL);
    connection->smtp = smtp;
    connection->easy = easy;
    connection->fd = CURL_SOCKET_BAD;
    write_url(config, url, sizeof(url));
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PRIVATE, connection);
    SET(CURLOPT_ERRORBUFFER, connection->error);
    SET(CURLOPT_HEADERFUNCTION, on_session_line);
    SET(CURLOPT_HEADERDATA, connection);
    set_limits(easy);
    set_credentials(easy, config, password);
    return set_tls(easy, config, err);
}

struct transport *smtp_open(const struct config *config, const struct secret *password,
                            struct err *err)
{
    if (!config_is_sound(config, password, err))
        return NULL;
    size_t count = (size_t)config->smtp_connections;
    BUG_ON(count == 0 || count > SMTP_CONNECTIONS_MAX);
    struct smtp_transport *smtp =
        xcalloc(1, sizeof(*smtp) + count * sizeof(struct smtp_connection));

    BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK);
    smtp->multi = curl_multi_init();
    BUG_ON(smtp->multi == NULL);
    curl_multi_setopt(smtp->multi, CURLMOPT_MAXCONNECTS, (long)(2 * SMTP_CONNECTIONS_MAX));
    smtp->connection_count = count;
    smtp->transport = smtp_transport_calls;
    smtp->transport.lanes = (unsigned)count;
    memcpy(smtp->from, config->mail_from, strlen(config->mail_from) + 1);

    bool sound = true;
    for (size_t i = 0; i < count && sound; i++)
        sound = connection_init(&smtp->connections[i], smtp, config, password, err);
    struct transport *transport = &smtp->transport;
    if (!sound)
        transport->close(&transport);
    return transport;
}
