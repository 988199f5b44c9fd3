/* From the configuration to handles that can only do what they should: this host, SMTP, TLS as
 * configured and verified, no proxy, no .netrc, no signals, bounded times (pitfalls of libcurl's
 * defaults: 300 s to connect, optional STARTTLS, any protocol). */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/secret.h"
#include "smtp.h"

#define CA_FILE_MAX_BYTES (4 << 20)

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

static bool relay_is_sound(const struct relay_config *relay, const struct secret *password,
                           struct err *err)
{
    if (!host_is_plain(relay->host)) {
        err_set(err, "%s.host: not a host", relay->section);
        return false;
    }
    if (relay->user[0] != '\0' && relay->tls == CONFIG_TLS_NONE && !is_loopback(relay->host)) {
        err_set(err,
                "%s.user: a password is not sent over an unencrypted connection; "
                "set %s.tls to starttls or tls",
                relay->section, relay->section);
        return false;
    }
    if (!password_is_plain(password)) {
        err_set(err, "%s: the password holds control characters", relay->section);
        return false;
    }
    return true;
}

/* smtp://host:port/name: the path is the name for EHLO. */
static void write_url(const struct relay_config *relay, const char *domain, char *url_out,
                      size_t url_bytes)
{
    const char *scheme = relay->tls == CONFIG_TLS_TLS ? "smtps" : "smtp";
    bool is_v6 = strchr(relay->host, ':') != NULL;
    int len = snprintf(url_out, url_bytes, "%s://%s%s%s:%lld/%s", scheme, is_v6 ? "[" : "",
                       relay->host, is_v6 ? "]" : "", (long long)relay->port, domain);
    BUG_ON(len < 0 || (size_t)len >= url_bytes);
}

/* libcurl would read on and on until something looks like a reply. Taking nothing ends it. */
static size_t on_session_line(char *bytes, size_t size, size_t count, void *context)
{
    struct smtp_connection *connection = context;
    FAULT_ON("m.session_line", slice_of(bytes, size * count));
    if (connection->state == CONNECTION_OPENING &&
        !smtp_dialogue_session_line(&connection->dialogue, slice_of(bytes, size * count))) {
        connection->spoke_nonsense = true;
        return 0;
    }
    return size * count;
}

/* A black hole is given up after four SYNs, 15 s; the session's limit is for relays that are there.
 * A token's command gets no connection along. */
static int on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    const int retries = 3;
    (void)context;
    (void)purpose;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof(retries));
    return CURL_SOCKOPT_OK;
}

#define SET(option, value) BUG_ON(curl_easy_setopt(easy, (option), (value)) != CURLE_OK)

static void set_limits(CURL *easy, const struct relay_config *relay)
{
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name server that does not answer */
    /* libcurl counts the greeting, TLS and AUTH as connecting. */
    SET(CURLOPT_CONNECTTIMEOUT, (long)relay->timeout_s);
    SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(CURLOPT_FRESH_CONNECT, 1L);
}

/* The authorities of relay.ca_file, and no others. Read once: the sandbox has no such path, and a
 * changed file is taken with a reload, as all that the configuration names. */
static bool set_authorities(CURL *easy, const struct relay_config *relay, struct err *err)
{
    struct curl_blob blob = {.flags = CURL_BLOB_COPY};
    FILE *file = fopen(relay->ca_file, "re");
    bool is_read = false;

    if (file != NULL) {
        blob.data = xcalloc(1, CA_FILE_MAX_BYTES);
        blob.len = fread(blob.data, 1, CA_FILE_MAX_BYTES, file);
        is_read = !ferror(file) && feof(file) && blob.len > 0;
        fclose(file);
    }
    if (is_read) {
        SET(CURLOPT_CAINFO_BLOB, &blob);
        SET(CURLOPT_CAINFO, NULL);
        SET(CURLOPT_CAPATH, NULL);
    } else {
        err_set(err, "%s.ca_file: %s cannot be read", relay->section, relay->ca_file);
    }
    free(blob.data);
    return is_read;
}

/* Returns false when this libcurl, or the file, does not do what is asked. */
static bool set_tls(CURL *easy, const struct relay_config *relay, struct err *err)
{
    if (relay->tls != CONFIG_TLS_NONE)
        SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    return relay->ca_file[0] == '\0' || set_authorities(easy, relay, err);
}

static bool uses_token(const struct relay_config *relay)
{
    return relay->user[0] != '\0' &&
           (relay->token_file[0] != '\0' || relay->token_command[0] != '\0');
}

static const char *mechanisms_of(const struct relay_config *relay)
{
    switch ((enum config_smtp_auth)relay->auth) {
    case CONFIG_AUTH_PLAIN:
        return "AUTH=PLAIN";
    case CONFIG_AUTH_LOGIN:
        return "AUTH=LOGIN";
    case CONFIG_AUTH_XOAUTH2:
        break;
    case CONFIG_AUTH_AUTO:
        if (!uses_token(relay))
            return "AUTH=PLAIN;AUTH=LOGIN";
        break;
    }
    return "AUTH=XOAUTH2;AUTH=OAUTHBEARER";
}

/* Shown in the handshake to a relay that asks for it. libcurl reads it where it lies. */
static void set_identity(CURL *easy, const struct identity *identity)
{
    struct curl_blob chain = {identity->chain.bytes, identity->chain.len, CURL_BLOB_NOCOPY};
    struct curl_blob key = {identity->key.bytes, identity->key.len, CURL_BLOB_NOCOPY};

    if (identity->chain.len == 0)
        return;
    SET(CURLOPT_SSLCERT_BLOB, &chain);
    SET(CURLOPT_SSLCERTTYPE, "PEM");
    SET(CURLOPT_SSLKEY_BLOB, &key);
    SET(CURLOPT_SSLKEYTYPE, "PEM");
}

/* libcurl keeps its own copy of the password; ours is wiped. */
static void set_credentials(CURL *easy, const struct relay_config *relay,
                            const struct secret *password)
{
    if (relay->user[0] == '\0')
        return;
    char *text = xcalloc(password->len + 1, 1);
    if (password->len > 0)
        memcpy(text, password->bytes, password->len);
    SET(CURLOPT_USERNAME, relay->user);
    SET(CURLOPT_LOGIN_OPTIONS, mechanisms_of(relay));
    SET(CURLOPT_SASL_IR, 1L);
    if (!uses_token(relay))
        SET(CURLOPT_PASSWORD, text);
    secret_wipe(text, password->len);
    free(text);
}

/* domain: for EHLO. */
static bool connection_init(struct smtp_connection *connection, const struct relay_config *relay,
                            const char *domain, const struct relay_secrets *secrets,
                            struct err *err)
{
    char url[1024];
    CURL *easy = curl_easy_init();

    BUG_ON(easy == NULL);
    connection->easy = easy;
    connection->fd = CURL_SOCKET_BAD;
    write_url(relay, domain, url, sizeof(url));
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PRIVATE, connection);
    SET(CURLOPT_ERRORBUFFER, connection->error);
    SET(CURLOPT_HEADERFUNCTION, on_session_line);
    SET(CURLOPT_HEADERDATA, connection);
    set_limits(easy, relay);
    set_credentials(easy, relay, &secrets->password);
    set_identity(easy, &secrets->identity);
    return set_tls(easy, relay, err);
}

static void relay_fill(struct smtp_relay *relay, const struct relay_config *config)
{
    *relay = (struct smtp_relay){
        .letters_max = (unsigned)config->letters_per_connection,
        .logs_in = config->user[0] != '\0',
        .starts_tls = config->tls == CONFIG_TLS_STARTTLS,
        .idle_ns = (mono_ns)config->idle_s * NS_PER_S,
        .transaction_ns = 2 * (mono_ns)config->timeout_s * NS_PER_S,
    };
    if (uses_token(config))
        relay->token = smtp_token_new(config->token_file, config->token_command, config->token_s);
}

static bool relay_add(struct smtp_transport *smtp, const struct config *config, unsigned number,
                      const struct relay_secrets *secrets, struct err *err)
{
    const struct relay_config relay = config_relay(config, number);
    const char *name = strchr(config->mail_from, '@') + 1; /* for EHLO */
    struct transport *transport = &smtp->transport;
    const unsigned index = transport->relay_count;

    if (!relay_is_sound(&relay, &secrets->password, err))
        return false;
    transport->relays[index] = (struct transport_relay){
        .name = relay.section, .number = number, .lanes = (unsigned)relay.connections};
    transport->relay_count++;
    relay_fill(&smtp->relays[index], &relay);
    smtp->relays[index].connections = &smtp->connections[smtp->connection_count];
    smtp->relays[index].connection_count = (size_t)relay.connections;
    for (int64_t i = 0; i < relay.connections; i++) {
        struct smtp_connection *connection = &smtp->connections[smtp->connection_count++];
        connection->smtp = smtp;
        connection->relay = index;
        if (!connection_init(connection, &relay, name, secrets, err))
            return false;
    }
    return true;
}

struct transport *smtp_open(const struct config *config,
                            const struct relay_secrets secrets[RELAYS_MAX], struct err *err)
{
    size_t count = 0;

    for (unsigned i = 0; i < RELAYS_MAX; i++) {
        const struct relay_config relay = config_relay(config, i);
        if (relay.host[0] != '\0')
            count += (size_t)relay.connections;
    }
    if (count == 0) {
        err_set(err, "smtp.host: it is not set");
        return NULL;
    }
    BUG_ON(count > SMTP_CONNECTIONS_MAX);
    struct smtp_transport *smtp =
        xcalloc(1, sizeof(*smtp) + count * sizeof(struct smtp_connection));

    BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK);
    smtp->multi = curl_multi_init();
    BUG_ON(smtp->multi == NULL);
    curl_multi_setopt(smtp->multi, CURLMOPT_MAXCONNECTS, (long)(2 * SMTP_CONNECTIONS_MAX));
    smtp->transport = smtp_transport_calls;

    bool sound = true;
    for (unsigned i = 0; i < RELAYS_MAX && sound; i++) {
        if (config_relay(config, i).host[0] != '\0')
            sound = relay_add(smtp, config, i, &secrets[i], err);
    }
    struct transport *transport = &smtp->transport;
    if (!sound)
        transport->close(&transport);
    return transport;
}
