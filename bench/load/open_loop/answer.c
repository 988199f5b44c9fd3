/* Reads the status line, three header fields and the sizes of chunks; all else is passed over. */
#include "answer.h"

#include <stdlib.h>
#include <strings.h>

static bool is_field(struct slice line, const char *name, struct slice *value_out)
{
    size_t len = strlen(name);

    if (line.len <= len || strncasecmp(line.at, name, len) != 0 || line.at[len] != ':')
        return false;
    *value_out = slice_trimmed(slice_of(line.at + len + 1, line.len - len - 1));
    return true;
}

static bool is_word(struct slice value, const char *word)
{
    return value.len == strlen(word) && strncasecmp(value.at, word, value.len) == 0;
}

static bool read_length(struct slice digits, size_t *length_out)
{
    char text[16];
    char *end;

    if (digits.len == 0 || !slice_to_text(digits, text, sizeof(text)))
        return false;
    *length_out = strtoul(text, &end, 10);
    return *end == '\0';
}

/* How the body's end is told. */
struct framing {
    bool has_length, is_chunked;
    size_t length;
};

/* The lines behind the status line. */
static bool read_fields(struct slice head, struct answer *answer, struct framing *framing)
{
    while (head.len > 0) {
        const char *end = memchr(head.at, '\n', head.len);
        size_t len = end != NULL ? (size_t)(end - head.at) : head.len;
        struct slice line = slice_of(head.at, len > 0 && head.at[len - 1] == '\r' ? len - 1 : len);
        struct slice value;
        if (is_field(line, "Content-Length", &value)) {
            framing->has_length = read_length(value, &framing->length);
            if (!framing->has_length)
                return false;
        } else if (is_field(line, "Transfer-Encoding", &value)) {
            framing->is_chunked = is_word(value, "chunked");
            if (!framing->is_chunked)
                return false;
        } else if (is_field(line, "Connection", &value)) {
            answer->closes =
                is_word(value, "close") || (answer->closes && !is_word(value, "keep-alive"));
        }
        head = end != NULL ? slice_of(end + 1, head.len - len - 1) : slice_of(head.at, 0);
    }
    return true;
}

/* Are these chunks, the last one among them? Trailer fields are not read. */
static enum answer_state read_chunks(struct slice body)
{
    while (body.len > 0) {
        const char *line_end = memchr(body.at, '\n', body.len);
        char *end;
        if (line_end == NULL)
            return ANSWER_UNFINISHED;
        size_t size = strtoul(body.at, &end, 16); /* ends at the line's end at the latest */
        size_t whole = (size_t)(line_end + 1 - body.at) + size + 2;
        if (end == body.at || size > 1 << 20)
            return ANSWER_MALFORMED;
        if (body.len < whole)
            return ANSWER_UNFINISHED;
        if (size == 0)
            return body.len == whole ? ANSWER_WHOLE : ANSWER_MALFORMED;
        body = slice_of(body.at + whole, body.len - whole);
    }
    return ANSWER_UNFINISHED;
}

static enum answer_state read_body(struct slice body, const struct framing *framing, bool has_ended)
{
    enum answer_state state = ANSWER_UNFINISHED;

    if (framing->is_chunked)
        state = read_chunks(body);
    else if (!framing->has_length)
        return has_ended ? ANSWER_WHOLE : ANSWER_UNFINISHED;
    else if (body.len >= framing->length)
        state = body.len == framing->length ? ANSWER_WHOLE : ANSWER_MALFORMED;
    return state == ANSWER_UNFINISHED && has_ended ? ANSWER_MALFORMED : state;
}

enum answer_state answer_read(struct slice bytes, bool has_ended, struct answer *answer_out)
{
    static const char blank[] = "\r\n\r\n";
    const char *end = memmem(bytes.at, bytes.len, blank, sizeof(blank) - 1);
    struct framing framing = {0};
    struct answer answer = {0};

    if (end == NULL)
        return has_ended ? ANSWER_MALFORMED : ANSWER_UNFINISHED;
    struct slice head = slice_of(bytes.at, (size_t)(end - bytes.at));
    if (head.len < 12 || memcmp(head.at, "HTTP/1.", 7) != 0)
        return ANSWER_MALFORMED;
    for (const char *at = head.at + 9; at < head.at + 12; at++)
        answer.status = answer.status * 10 + (unsigned)(*at - '0') % 10;
    answer.closes = head.at[7] == '0';
    const char *line_end = memchr(head.at, '\n', head.len);
    struct slice fields = slice_of(head.at, 0);
    if (line_end != NULL)
        fields = slice_of(line_end + 1, head.len - (size_t)(line_end + 1 - head.at));
    if (answer.status < 100 || answer.status > 599 || !read_fields(fields, &answer, &framing))
        return ANSWER_MALFORMED;
    if (answer.status == 204 || answer.status == 304)
        framing = (struct framing){.has_length = true};
    answer.body = slice_of(end + 4, bytes.len - head.len - 4);
    answer.closes |= !framing.has_length && !framing.is_chunked;
    *answer_out = answer;
    return read_body(answer.body, &framing, has_ended);
}

struct slice answer_member(struct slice body, struct slice quoted_name)
{
    const char *at = memmem(body.at, body.len, quoted_name.at, quoted_name.len);
    const char *end = body.at + body.len;

    if (at == NULL)
        return slice_of(body.at, 0);
    at += quoted_name.len;
    while (at < end && *at == ' ')
        at++;
    if (at == end || *at != '"')
        return slice_of(body.at, 0);
    const char *close = memchr(at + 1, '"', (size_t)(end - at - 1));
    return close == NULL ? slice_of(body.at, 0) : slice_of(at + 1, (size_t)(close - at - 1));
}
