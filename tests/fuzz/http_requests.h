/* How many answers a client's bytes may get: the requests that a strict reader of RFC 9112 finds in
 * them. It stops where no two readers need agree on what follows, and what it stops at may get one
 * answer more. A server that answers more has taken somebody's body, or a chunk, for a request:
 * that is how requests are smuggled past a proxy. */
#ifndef TESTS_FUZZ_HTTP_REQUESTS_H
#define TESTS_FUZZ_HTTP_REQUESTS_H

#include <ctype.h>
#include <strings.h>

#include "gatepost/base.h"

struct request_seen {
    bool stops; /* nothing after it is to be answered */
    bool http_1_0;
    size_t lengths;
    size_t length; /* of its body */
    bool has_connection;
    bool keeps_alive;
};

static inline bool requests_holds(struct slice value, const char *word)
{
    const size_t len = strlen(word);

    for (size_t i = 0; i + len <= value.len; i++) {
        if (strncasecmp(value.at + i, word, len) == 0)
            return true;
    }
    return false;
}

/* A decimal number and nothing else; SIZE_MAX is none, and longer than anything. */
static inline size_t requests_number(struct slice value)
{
    size_t number = 0;

    while (value.len > 0 && (value.at[0] == ' ' || value.at[0] == '\t'))
        value = slice_of(value.at + 1, value.len - 1);
    while (value.len > 0 && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
        value.len--;
    if (value.len == 0 || value.len > 9)
        return SIZE_MAX;
    for (size_t i = 0; i < value.len; i++) {
        if (!isdigit((unsigned char)value.at[i]))
            return SIZE_MAX;
        number = number * 10 + (size_t)(value.at[i] - '0');
    }
    return number;
}

static inline void requests_read_field(struct slice line, struct request_seen *seen)
{
    const char *colon = memchr(line.at, ':', line.len);

    seen->stops |= colon == NULL || colon == line.at;
    if (seen->stops)
        return;
    struct slice name = slice_of(line.at, (size_t)(colon - line.at));
    struct slice value = slice_of(colon + 1, line.len - name.len - 1);
    for (size_t i = 0; i < name.len; i++)
        seen->stops |= name.at[i] <= ' ' || name.at[i] == 0x7f;
    if (name.len == 14 && strncasecmp(name.at, "content-length", 14) == 0) {
        seen->lengths++;
        seen->length = requests_number(value);
    } else if (name.len == 17 && strncasecmp(name.at, "transfer-encoding", 17) == 0) {
        seen->stops = true;
    } else if (name.len == 10 && strncasecmp(name.at, "connection", 10) == 0) {
        seen->has_connection = true;
        seen->keeps_alive |= requests_holds(value, "keep-alive");
    }
}

/* head: from the request line to the end of the last field's line. */
static inline struct request_seen requests_read_head(struct slice head)
{
    struct request_seen seen = {.stops = false};
    const char *end = head.at + head.len;

    for (const char *at = head.at; at < end;) {
        const char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
        struct slice line = slice_of(at, (size_t)(line_end - at));
        seen.stops |= line.len == 0 || memchr(line.at, '\n', line.len) != NULL ||
                      memchr(line.at, '\r', line.len) != NULL;
        if (seen.stops)
            return seen;
        if (at == head.at)
            seen.http_1_0 = line.len >= 8 && memcmp(line_end - 8, "HTTP/1.0", 8) == 0;
        else
            requests_read_field(line, &seen);
        at = line_end + 2;
    }
    seen.stops |= seen.lengths > 1;
    seen.stops |= !seen.keeps_alive && (seen.has_connection || seen.http_1_0);
    return seen;
}

static inline size_t requests_at_most(struct slice sent)
{
    size_t count = 0;

    while (sent.len > 0) {
        /* One empty line is skipped; another one is taken for a request that cannot be read. */
        if (sent.len >= 2 && memcmp(sent.at, "\r\n", 2) == 0)
            sent = slice_of(sent.at + 2, sent.len - 2);
        const char *end = memmem(sent.at, sent.len, "\r\n\r\n", 4);
        count += sent.len > 0;
        if (end == NULL)
            return count;
        const size_t head_len = (size_t)(end - sent.at);
        struct request_seen seen = requests_read_head(slice_of(sent.at, head_len + 2));
        if (seen.stops || seen.length > sent.len - head_len - 4)
            return count;
        sent = slice_of(end + 4 + seen.length, sent.len - head_len - 4 - seen.length);
    }
    return count;
}

#endif
