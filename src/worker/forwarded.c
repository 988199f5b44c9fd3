/* X-Forwarded-For, from right to left: each proxy adds the address that it was called from, so the
 * rightmost entry is the last proxy's own word, and what stands left of the first address that is
 * no proxy of ours is only somebody's claim. */
#include "forwarded.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "request.h"
#include "server.h"

#define ENTRIES_MAX 32 /* a chain of proxies; more is no chain */
#define LINES_MAX   16

/* Cuts the entry behind the last comma off. */
static struct slice last_entry(struct slice *line)
{
    const char *comma = line->len > 0 ? memrchr(line->at, ',', line->len) : NULL;
    struct slice entry = *line;

    if (comma == NULL) {
        *line = slice_of(NULL, 0);
        return slice_trimmed(entry);
    }
    entry = slice_of(comma + 1, line->len - (size_t)(comma + 1 - line->at));
    line->len = (size_t)(comma - line->at);
    return slice_trimmed(entry);
}

static bool is_port(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return text.len > 0 && text.len <= 5;
}

/* "[address]" and "[address]:port" of IPv6, "address:port" of IPv4: leaves the bare address. */
static bool strip_port(struct slice *entry)
{
    const char *colon = entry->len > 0 ? memchr(entry->at, ':', entry->len) : NULL;
    const char *bracket = entry->len > 0 ? memchr(entry->at, ']', entry->len) : NULL;
    struct slice rest;

    if (entry->len > 0 && entry->at[0] == '[') {
        if (bracket == NULL)
            return false;
        rest = slice_of(bracket + 1, entry->len - (size_t)(bracket + 1 - entry->at));
        *entry = slice_of(entry->at + 1, (size_t)(bracket - entry->at) - 1);
        return memchr(entry->at, ':', entry->len) != NULL &&
               (rest.len == 0 ||
                (rest.at[0] == ':' && is_port(slice_of(rest.at + 1, rest.len - 1))));
    }
    if (colon == NULL || colon != memrchr(entry->at, ':', entry->len))
        return true; /* IPv4 bare, or IPv6 bare */
    rest = slice_of(colon + 1, entry->len - (size_t)(colon + 1 - entry->at));
    entry->len = (size_t)(colon - entry->at);
    return is_port(rest);
}

static bool read_address(struct slice entry, char *text_out, size_t text_bytes)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (!strip_port(&entry) || !slice_to_text(entry, text, sizeof(text)))
        return false;
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        peer_text((const struct sockaddr *)&v4, sizeof(v4), text_out, text_bytes);
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        peer_text((const struct sockaddr *)&v6, sizeof(v6), text_out, text_bytes);
    else
        return false;
    return true;
}

bool forwarded_client(const struct peer_rules *proxies, const struct slice *lines, size_t count,
                      char *text_out, size_t text_bytes)
{
    char text[PEER_TEXT_BYTES];
    bool found = false;
    bool is_proxy = true;
    int entries = 0;

    for (size_t i = count; i-- > 0 && is_proxy;) {
        struct slice line = lines[i];
        do {
            if (++entries > ENTRIES_MAX || !read_address(last_entry(&line), text, sizeof(text)))
                return false;
            found = true;
            is_proxy = peer_rules_match(proxies, text);
        } while (is_proxy && line.at != NULL);
    }
    return found && slice_to_text(slice_of_text(text), text_out, text_bytes);
}

bool forwarded_is_by_proxy(const struct worker *worker, h2o_req_t *h2o)
{
    char peer[PEER_TEXT_BYTES];

    server_peer(h2o, peer, sizeof(peer));
    return peer_rules_match(worker->trusted_proxies, peer);
}

void forwarded_peer(const struct worker *worker, h2o_req_t *h2o, char *text_out, size_t text_bytes)
{
    struct slice lines[LINES_MAX];
    size_t count = 0;

    server_peer(h2o, text_out, text_bytes);
    if (!peer_rules_match(worker->trusted_proxies, text_out))
        return;
    for (size_t i = 0; i < h2o->headers.size; i++) {
        const h2o_header_t *header = &h2o->headers.entries[i];
        if (!h2o_memis(header->name->base, header->name->len, H2O_STRLIT("x-forwarded-for")))
            continue;
        if (count == LINES_MAX) /* the last ones count: the nearest proxy adds at the end */
            memmove(lines, lines + 1, --count * sizeof(lines[0]));
        lines[count++] = slice_of(header->value.base, header->value.len);
    }
    /* Without the header the proxy stands for itself (a check of its own, say). With nonsense in it
     * nobody is known, and nobody is to pass for the proxy. */
    if (count > 0 && !forwarded_client(worker->trusted_proxies, lines, count, text_out, text_bytes))
        snprintf(text_out, text_bytes, "unknown");
}
