/* Goes over the fields once, as head.c does over the lines. */
#include "http2_head.h"

#include <h2o/http2.h>
#include <h2o/http2_internal.h>

#define LINE_EXTRA 4 /* what a field takes more as a line: ": " and CRLF */

struct fields_seen {
    bool bad;
    bool too_large;
    bool expectation;
    size_t bytes;
    unsigned authorizations;
    unsigned content_types;
    unsigned origins;
    unsigned fetch_sites;
};

static bool is(h2o_iovec_t name, const char *wanted)
{
    return h2o_memis(name.base, name.len, wanted, strlen(wanted));
}

static bool ends_a_line(h2o_iovec_t value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.base[i] == '\r' || value.base[i] == '\n' || value.base[i] == '\0')
            return true;
    }
    return false;
}

static void read_field(h2o_iovec_t name, h2o_iovec_t value, struct fields_seen *seen)
{
    seen->bytes += name.len + value.len + LINE_EXTRA;
    seen->bad |= name.len == 0 || ends_a_line(value) || is(name, "keep-alive") ||
                 is(name, "proxy-connection");
    seen->content_types += is(name, "content-type");
    seen->origins += is(name, "origin");
    seen->fetch_sites += is(name, "sec-fetch-site");
    if (is(name, "authorization")) {
        seen->authorizations++;
        seen->too_large |= value.len > HEAD_AUTHORIZATION_MAX;
    }
    if (is(name, "expect"))
        seen->expectation |= !h2o_lcstris(value.base, value.len, H2O_STRLIT("100-continue"));
}

/* What the request line and Host are to HTTP/1. */
static bool has_good_target(const h2o_req_t *h2o)
{
    const h2o_iovec_t path = h2o->input.path;
    const h2o_iovec_t authority = h2o->input.authority;
    const bool is_star = is(path, "*") && is(h2o->input.method, "OPTIONS");

    if ((path.len == 0 || path.base[0] != '/') && !is_star)
        return false;
    for (size_t i = 0; i < path.len; i++) {
        if ((unsigned char)path.base[i] <= ' ' || path.base[i] == 0x7f)
            return false;
    }
    return head_is_method(slice_of(h2o->input.method.base, h2o->input.method.len)) &&
           head_is_host(slice_of(authority.base, authority.len));
}

/* With a body libh2o has compared the two; of a body that was cut off at our limit it knows no
 * length any more. */
static bool has_stated_length(h2o_req_t *h2o)
{
    const h2o_http2_stream_t *stream = H2O_STRUCT_FROM_MEMBER(h2o_http2_stream_t, req, h2o);

    return stream->_expected_content_length == SIZE_MAX ||
           stream->_expected_content_length == h2o->entity.len;
}

enum head_verdict http2_head_check(h2o_req_t *h2o)
{
    struct fields_seen seen = {0};

    for (size_t i = 0; i < h2o->headers.size; i++)
        read_field(*h2o->headers.entries[i].name, h2o->headers.entries[i].value, &seen);
    seen.bytes += h2o->input.path.len;
    if (seen.bad || seen.authorizations > 1 || seen.content_types > 1 || seen.origins > 1 ||
        seen.fetch_sites > 1 || !has_good_target(h2o) || !has_stated_length(h2o))
        return HEAD_BAD;
    if (seen.too_large || seen.bytes > HEAD_MAX_BYTES)
        return HEAD_TOO_LARGE;
    return seen.expectation ? HEAD_EXPECTATION : HEAD_FINE;
}
