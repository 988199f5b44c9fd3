/* Reads the status line and three header fields; all else is passed over. */
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

/* The lines behind the status line. length: SIZE_MAX stays where there is no Content-Length. */
static bool read_fields(struct slice head, struct answer *answer, size_t *length)
{
    while (head.len > 0) {
        const char *end = memchr(head.at, '\n', head.len);
        size_t len = end != NULL ? (size_t)(end - head.at) : head.len;
        struct slice line = slice_of(head.at, len > 0 && head.at[len - 1] == '\r' ? len - 1 : len);
        struct slice value;
        if (is_field(line, "Content-Length", &value)) {
            if (!read_length(value, length))
                return false;
        } else if (is_field(line, "Connection", &value)) {
            answer->closes =
                is_word(value, "close") || (answer->closes && !is_word(value, "keep-alive"));
        } else if (is_field(line, "Transfer-Encoding", &value)) {
            return false;
        }
        head = end != NULL ? slice_of(end + 1, head.len - len - 1) : slice_of(head.at, 0);
    }
    return true;
}

enum answer_state answer_read(struct slice bytes, bool has_ended, struct answer *answer_out)
{
    static const char blank[] = "\r\n\r\n";
    const char *end = memmem(bytes.at, bytes.len, blank, sizeof(blank) - 1);
    size_t length = SIZE_MAX;
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
    struct slice fields = line_end == NULL
                              ? slice_of(head.at, 0)
                              : slice_of(line_end + 1, head.len - (size_t)(line_end + 1 - head.at));
    if (answer.status < 100 || answer.status > 599 || !read_fields(fields, &answer, &length))
        return ANSWER_MALFORMED;
    if (answer.status == 204 || answer.status == 304)
        length = 0;
    answer.body = slice_of(end + 4, bytes.len - head.len - 4);
    if (length == SIZE_MAX && !has_ended)
        return ANSWER_UNFINISHED;
    if (length == SIZE_MAX)
        answer.closes = true;
    else if (answer.body.len != length)
        return has_ended || answer.body.len > length ? ANSWER_MALFORMED : ANSWER_UNFINISHED;
    *answer_out = answer;
    return ANSWER_WHOLE;
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
