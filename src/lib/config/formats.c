/* What the texts of a few keys must look like: listeners, the public origin, who may read metrics,
 * the relay; letters' are in mail_formats.c. Those who use a value may then split it without
 * thinking of nonsense. */
#include "reading.h"

#include <arpa/inet.h>
#include <sys/un.h>

#define LISTENERS_MAX 16 /* as in proc.h, which is above this layer's reach */

struct slice config_cut_front(struct slice text, size_t len)
{
    return slice_of(text.at + len, text.len - len);
}

static bool starts_with(struct slice text, const char *start)
{
    return text.len >= strlen(start) && memcmp(text.at, start, strlen(start)) == 0;
}

bool config_next_entry(struct slice *list, struct slice *entry_out)
{
    const char *comma;
    size_t len;

    if (list->at == NULL)
        return false;
    comma = memchr(list->at, ',', list->len);
    len = comma == NULL ? list->len : (size_t)(comma - list->at);
    *entry_out = slice_trimmed(slice_of(list->at, len));
    *list = comma == NULL ? (struct slice){NULL, 0} : config_cut_front(*list, len + 1);
    return true;
}

static bool is_digits(struct slice text, size_t max_len)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return text.len > 0 && text.len <= max_len;
}

static bool read_below(struct slice text, unsigned limit, unsigned *number_out)
{
    unsigned number = 0;

    if (!is_digits(text, 5))
        return false;
    for (size_t i = 0; i < text.len; i++)
        number = number * 10 + (unsigned)(text.at[i] - '0');
    if (number > limit)
        return false;
    *number_out = number;
    return true;
}

static bool is_address(struct slice text, int family)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[16];

    return slice_to_text(text, address, sizeof(address)) && inet_pton(family, address, bytes) == 1;
}

/* ---- http.listen ---- */

static bool listener_fits(struct slice entry, struct err *err)
{
    const char *colon = memrchr(entry.at, ':', entry.len);
    struct slice host;
    struct slice port;
    unsigned number;
    int shown = entry.len > 120 ? 120 : (int)entry.len;

    if (starts_with(entry, "unix:")) {
        struct slice path = config_cut_front(entry, strlen("unix:"));
        if (path.len == 0 || path.at[0] != '/' ||
            path.len >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
            err_set(err, "\"%.*s\": a unix socket needs an absolute path under %zu bytes", shown,
                    entry.at, sizeof(((struct sockaddr_un *)0)->sun_path));
            return false;
        }
        return true;
    }
    host = slice_of(entry.at, colon == NULL ? entry.len : (size_t)(colon - entry.at));
    port = colon == NULL ? slice_of("", 0) : config_cut_front(entry, host.len + 1);
    if (!read_below(port, 65535, &number)) {
        err_set(err, "\"%.*s\": no port from 0 to 65535 at its end", shown, entry.at);
        return false;
    }
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']' &&
        is_address(slice_of(host.at + 1, host.len - 2), AF_INET6))
        return true;
    if (is_address(host, AF_INET))
        return true;
    err_set(err,
            "\"%.*s\" is no addr:port, [v6]:port or unix:/path (every address is 0.0.0.0 or [::])",
            shown, entry.at);
    return false;
}

static bool listen_fits(struct slice value, struct err *err)
{
    struct slice entries[LISTENERS_MAX];
    struct slice entry;
    size_t count = 0;

    while (config_next_entry(&value, &entry)) {
        if (entry.len == 0) {
            err_set(err, "there is an empty entry between commas");
            return false;
        }
        if (count == LISTENERS_MAX) {
            err_set(err, "more than %d listeners", LISTENERS_MAX);
            return false;
        }
        if (!listener_fits(entry, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            if (slice_equal(entries[i], entry)) {
                err_set(err, "\"%.*s\" is listed twice", (int)entry.len, entry.at);
                return false;
            }
        }
        entries[count++] = entry;
    }
    return true;
}

/* ---- http.metrics_allow, http.trusted_proxies ---- */

static bool peer_fits(struct slice entry)
{
    const char *slash = memchr(entry.at, '/', entry.len);
    struct slice address = entry;
    unsigned bits = 0;

    if (slice_equal(entry, SLICE_LITERAL("unix")))
        return true;
    if (slash != NULL) {
        address.len = (size_t)(slash - entry.at);
        if (!read_below(config_cut_front(entry, address.len + 1), 128, &bits))
            return false;
    }
    return is_address(address, AF_INET6) || (bits <= 32 && is_address(address, AF_INET));
}

static bool peers_fit(struct slice value, struct err *err)
{
    struct slice entry;

    if (value.len == 0) /* where the default is none */
        return true;
    while (config_next_entry(&value, &entry)) {
        if (entry.len == 0 || !peer_fits(entry)) {
            err_set(err, "\"%.*s\" is no address, address/bits or the word unix",
                    entry.len > 120 ? 120 : (int)entry.len, entry.at);
            return false;
        }
    }
    return true;
}

/* ---- names of hosts ---- */

/* Letters, digits, hyphens, dots: a name in the DNS or an IPv4 address. */
bool config_is_host_name(struct slice text)
{
    bool label_open = false;

    if (text.len == 0 || text.len > 253)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (c == '.' || c == '-') {
            if (!label_open)
                return false;
        } else if (!letter && c != '_') {
            return false;
        }
        label_open = c != '.';
    }
    return true;
}

static bool is_host(struct slice text)
{
    if (text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']')
        return is_address(slice_of(text.at + 1, text.len - 2), AF_INET6);
    return config_is_host_name(text);
}

static bool smtp_host_fits(struct slice value, struct err *err)
{
    if (value.len == 0 || config_is_host_name(value) || is_address(value, AF_INET6))
        return true;
    err_set(err, "must be a host name or an address, without a port (see smtp.port)");
    return false;
}

static bool public_url_fits(struct slice value, struct err *err)
{
    struct slice rest = value;
    const char *bracket;
    const char *colon;
    unsigned port = 0;

    if (starts_with(rest, "http://"))
        rest = config_cut_front(rest, strlen("http://"));
    else if (starts_with(rest, "https://"))
        rest = config_cut_front(rest, strlen("https://"));
    else
        rest.len = 0;
    if (rest.len > 0 && memchr(rest.at, '/', rest.len) != NULL) {
        err_set(err, "is an origin only: no path and no slash after the host");
        return false;
    }
    bracket = rest.len > 0 ? memchr(rest.at, ']', rest.len) : NULL;
    colon = rest.len > 0 ? memrchr(rest.at, ':', rest.len) : NULL;
    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        struct slice digits = config_cut_front(rest, (size_t)(colon - rest.at) + 1);
        if (!read_below(digits, 65535, &port) || port == 0)
            rest.len = 0;
        else
            rest.len = (size_t)(colon - rest.at);
    }
    if (rest.len > 0 && is_host(rest))
        return true;
    err_set(err, "must look like https://accounts.example.com or http://127.0.0.1:8000");
    return false;
}

/* ---- http.cors_origins ---- */

/* A host in the one spelling that browsers send: lower case, addresses in their shortest form. */
static bool is_origin_host(struct slice host)
{
    bool in_brackets = host.len > 2 && host.at[0] == '[';
    struct slice name = in_brackets ? slice_of(host.at + 1, host.len - 2) : host;
    int family = in_brackets ? AF_INET6 : AF_INET;
    char text[INET6_ADDRSTRLEN];
    char shortest[INET6_ADDRSTRLEN];
    unsigned char bytes[16];

    if (!is_host(host) || host.at[host.len - 1] == '.')
        return false;
    for (size_t i = 0; i < host.len; i++) {
        if (host.at[i] >= 'A' && host.at[i] <= 'Z')
            return false;
    }
    /* Browsers take a name for an address when its last label is a number (WHATWG URL). */
    const char *dot = memrchr(host.at, '.', host.len);
    struct slice label = dot == NULL ? host : config_cut_front(host, (size_t)(dot - host.at) + 1);
    if (!in_brackets && !is_digits(label, label.len) && !starts_with(label, "0x"))
        return true;
    return slice_to_text(name, text, sizeof(text)) && inet_pton(family, text, bytes) == 1 &&
           inet_ntop(family, bytes, shortest, sizeof(shortest)) != NULL &&
           strcmp(text, shortest) == 0;
}

static bool origin_fits(struct slice origin)
{
    bool is_https = starts_with(origin, "https://");
    struct slice rest;
    unsigned port;

    if (!is_https && !starts_with(origin, "http://"))
        return false;
    rest = config_cut_front(origin, strlen(is_https ? "https://" : "http://"));
    const char *bracket = rest.len > 0 ? memrchr(rest.at, ']', rest.len) : NULL;
    const char *colon = rest.len > 0 ? memrchr(rest.at, ':', rest.len) : NULL;
    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        struct slice digits = config_cut_front(rest, (size_t)(colon - rest.at) + 1);
        if (!read_below(digits, 65535, &port) || digits.at[0] == '0' ||
            port == (is_https ? 443U : 80U))
            return false;
        rest.len = (size_t)(colon - rest.at);
    }
    return rest.len > 0 && is_origin_host(rest);
}

static bool cors_origins_fit(struct slice value, struct err *err)
{
    struct slice entry;

    if (value.len == 0)
        return true;
    while (config_next_entry(&value, &entry)) {
        if (!origin_fits(entry)) {
            err_set(err,
                    "\"%.*s\" is no origin as browsers write it: https://app.example.com, lower "
                    "case, without a path, a slash at the end or the scheme's own port",
                    entry.len > 80 ? 80 : (int)entry.len, entry.at);
            return false;
        }
    }
    return true;
}

/* ---- which key has which format ---- */

bool config_format_fits(enum config_key key, struct slice value, struct err *err)
{
    static const struct {
        enum config_key key;
        bool (*fits)(struct slice value, struct err *err);
    } formats[] = {
        {CONFIG_KEY_http_listen, listen_fits},
        {CONFIG_KEY_http_metrics_allow, peers_fit},
        {CONFIG_KEY_http_trusted_proxies, peers_fit},
        {CONFIG_KEY_http_cors_origins, cors_origins_fit},
        {CONFIG_KEY_http_public_url, public_url_fits},
        {CONFIG_KEY_mail_from, config_from_fits},
        {CONFIG_KEY_mail_from_name, config_from_name_fits},
        {CONFIG_KEY_mail_reply_to, config_reply_to_fits},
        {CONFIG_KEY_mail_return_path, config_return_path_fits},
        {CONFIG_KEY_mail_dkim_keys, config_dkim_keys_fit},
        {CONFIG_KEY_mail_dkim_domain, config_dkim_domain_fits},
        {CONFIG_KEY_mail_feedback_id, config_feedback_id_fits},
        {CONFIG_KEY_mail_list_unsubscribe, config_list_unsubscribe_fits},
        {CONFIG_KEY_mail_greylist_retry_s, config_waits_fit},
        {CONFIG_KEY_smtp_host, smtp_host_fits},
        {CONFIG_KEY_smtp2_host, smtp_host_fits},
        {CONFIG_KEY_smtp3_host, smtp_host_fits},
        {CONFIG_KEY_smtp4_host, smtp_host_fits},
    };

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (formats[i].key == key)
            return formats[i].fits(value, err);
    }
    return true;
}
