/* Reads the head line by line, once, and counts what may stand there at most once. */
#include "head.h"

#include <strings.h>

#define METHOD_MAX_BYTES 32

struct head_seen {
    bool http_1_0;
    bool bad;
    bool too_large;
    bool expectation;
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    unsigned authorizations;
    unsigned content_types;
    unsigned origins;
    unsigned fetch_sites;
    bool connection;
};

static bool is_token_char(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool name_is(struct slice name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp(name.at, wanted, name.len) == 0;
}

static struct slice without_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return slice_of(at, (size_t)(end - at));
}

bool head_is_host(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        switch (value.at[i]) {
        case ',':
        case '/':
        case '@':
        case '?':
        case '#':
        case '\\':
        case '"':
        case '<':
        case '>':
            return false;
        default:
            if (value.at[i] <= ' ' || value.at[i] >= 0x7f)
                return false;
        }
    }
    return true;
}

bool head_is_method(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_char(text.at[i]))
            return false;
    }
    return text.len > 0 && text.len <= METHOD_MAX_BYTES;
}

static void read_request_line(struct slice line, struct head_seen *seen)
{
    const char *blank = memchr(line.at, ' ', line.len);

    if (blank == NULL || !head_is_method(slice_of(line.at, (size_t)(blank - line.at))))
        seen->bad = true;
    seen->http_1_0 = line.len >= 8 && memcmp(line.at + line.len - 8, "HTTP/1.0", 8) == 0;
}

static void read_field(struct slice line, struct head_seen *seen)
{
    const char *colon = memchr(line.at, ':', line.len);

    if (line.at[0] == ' ' || line.at[0] == '\t' || colon == NULL || colon == line.at) {
        seen->bad = true;
        return;
    }
    struct slice name = slice_of(line.at, (size_t)(colon - line.at));
    struct slice value = without_blanks(colon + 1, line.at + line.len);
    switch (name.at[0] | 0x20) {
    case 'h':
        if (name_is(name, "host")) {
            seen->hosts++;
            seen->bad |= !head_is_host(value);
        }
        break;
    case 'c':
        seen->lengths += name_is(name, "content-length");
        seen->content_types += name_is(name, "content-type");
        seen->connection |= name_is(name, "connection");
        break;
    case 't':
        seen->codings += name_is(name, "transfer-encoding");
        break;
    case 'a':
        if (name_is(name, "authorization")) {
            seen->authorizations++;
            seen->too_large |= value.len > HEAD_AUTHORIZATION_MAX;
        }
        break;
    case 'o':
        seen->origins += name_is(name, "origin");
        break;
    case 's':
        seen->fetch_sites += name_is(name, "sec-fetch-site");
        break;
    case 'e':
        if (name_is(name, "expect"))
            seen->expectation |= !name_is(value, "100-continue");
        break;
    }
}

static enum head_verdict judge(const struct head_seen *seen)
{
    if (seen->bad || seen->lengths > 1 || seen->codings > 1 || seen->hosts > 1 ||
        seen->authorizations > 1 || seen->content_types > 1 || seen->origins > 1 ||
        seen->fetch_sites > 1)
        return HEAD_BAD;
    if (seen->lengths + seen->codings > 1 || (seen->http_1_0 && seen->codings > 0))
        return HEAD_BAD;
    if (!seen->http_1_0 && seen->hosts == 0)
        return HEAD_BAD;
    if (seen->too_large)
        return HEAD_TOO_LARGE;
    if (seen->expectation)
        return HEAD_EXPECTATION;
    return seen->codings > 0 ? HEAD_FINE_BUT_LAST : HEAD_FINE;
}

enum head_verdict head_check(struct slice input, struct head_extent *extent_out)
{
    struct head_seen seen = {0};
    const char *end = input.at + input.len;
    const char *at = input.at;
    bool first = true;

    *extent_out = (struct head_extent){0};
    /* RFC 9112 section 2.2: one empty line before the request is forgiven. */
    if (input.len >= 2 && memcmp(at, "\r\n", 2) == 0)
        at += 2;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL || newline == at || newline[-1] != '\r')
            return HEAD_BAD;
        struct slice line = slice_of(at, (size_t)(newline - 1 - at));
        at = newline + 1;
        if (at - input.at > HEAD_MAX_BYTES)
            return HEAD_TOO_LARGE;
        if (line.len == 0 && !first)
            *extent_out = (struct head_extent){(size_t)(at - input.at), seen.connection};
        if (line.len == 0)
            return first ? HEAD_BAD : judge(&seen);
        if (first)
            read_request_line(line, &seen);
        else
            read_field(line, &seen);
        first = false;
    }
    return HEAD_BAD;
}
