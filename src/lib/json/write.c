/* Writes JSON: compact, with the escapes that must be and no others.
 *
 * By hand and not by yajl_gen, which called a function of the caller's for each piece and had most
 * of the time that an answer took. Like there, whatever would be no JSON (a value where a name
 * belongs, an end without a begin) is a bug of the caller, so it ends the process. */
#include "gatepost/json.h"

#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX   32
#define FIRST_BYTES 512

/* What may come next. */
enum expected {
    FIRST_NAME,  /* of an object, or its end */
    NEXT_NAME,   /* behind a comma, or its end */
    NAMED_VALUE, /* of the name that was just written */
    FIRST_VALUE, /* of an array, or its end */
    NEXT_VALUE,
    ONE_VALUE, /* outside of everything */
    NOTHING,
};

struct json_writer {
    char *text;
    size_t len;
    size_t room;
    size_t depth;
    uint8_t expected[DEPTH_MAX + 1]; /* enum expected, by depth */
};

struct json_writer *json_writer_new(void)
{
    struct json_writer *writer = xcalloc(1, sizeof(*writer));

    writer->text = xrealloc(NULL, FIRST_BYTES);
    writer->room = FIRST_BYTES;
    writer->expected[0] = ONE_VALUE;
    return writer;
}

void json_writer_free(struct json_writer **writer)
{
    if (*writer == NULL)
        return;
    free((*writer)->text);
    free(*writer);
    *writer = NULL;
}

/* Room for so many bytes more; the caller counts those that it writes. */
static char *more(struct json_writer *writer, size_t bytes)
{
    if (bytes > writer->room - writer->len) {
        while (bytes > writer->room - writer->len)
            writer->room *= 2;
        writer->text = xrealloc(writer->text, writer->room);
    }
    return writer->text + writer->len;
}

static void put(struct json_writer *writer, const char *text, size_t len)
{
    memcpy(more(writer, len), text, len);
    writer->len += len;
}

/* The comma or colon before what comes now, which is a name where is_string and one is expected. */
static void begin_item(struct json_writer *writer, bool is_string)
{
    uint8_t *expected = &writer->expected[writer->depth];

    switch ((enum expected) * expected) {
    case NEXT_NAME:
        put(writer, ",", 1);
        /* fallthrough */
    case FIRST_NAME:
        BUG_ON(!is_string);
        *expected = NAMED_VALUE;
        return;
    case NAMED_VALUE:
        put(writer, ":", 1);
        *expected = NEXT_NAME;
        return;
    case NEXT_VALUE:
        put(writer, ",", 1);
        /* fallthrough */
    case FIRST_VALUE:
        *expected = NEXT_VALUE;
        return;
    case ONE_VALUE:
        *expected = NOTHING;
        return;
    case NOTHING:
        break;
    }
    BUG_ON("a second value");
}

static void begin_inner(struct json_writer *writer, const char *bracket, enum expected expected)
{
    begin_item(writer, false);
    put(writer, bracket, 1);
    BUG_ON(writer->depth == DEPTH_MAX);
    writer->expected[++writer->depth] = (uint8_t)expected;
}

static void end_inner(struct json_writer *writer, const char *bracket, enum expected first,
                      enum expected next)
{
    const enum expected expected = (enum expected)writer->expected[writer->depth];

    BUG_ON(writer->depth == 0 || (expected != first && expected != next));
    writer->depth--;
    put(writer, bracket, 1);
}

void json_object_begin(struct json_writer *writer)
{
    begin_inner(writer, "{", FIRST_NAME);
}

void json_object_end(struct json_writer *writer)
{
    end_inner(writer, "}", FIRST_NAME, NEXT_NAME);
}

void json_array_begin(struct json_writer *writer)
{
    begin_inner(writer, "[", FIRST_VALUE);
}

void json_array_end(struct json_writer *writer)
{
    end_inner(writer, "]", FIRST_VALUE, NEXT_VALUE);
}

typedef uint8_t chunk_bytes __attribute__((vector_size(16)));
typedef uint64_t chunk_words __attribute__((vector_size(16)));

/* RFC 8259, section 7. */
static bool goes_as_it_is(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static bool chunk_goes_as_it_is(const char *at)
{
    chunk_bytes bytes;

    memcpy(&bytes, at, sizeof(bytes));
    const chunk_words odd =
        (chunk_words)((bytes < 0x20) | (bytes == (uint8_t)'"') | (bytes == (uint8_t)'\\'));
    return (odd[0] | odd[1]) == 0;
}

static void put_escape(struct json_writer *writer, char c)
{
    static const char shorts[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = c != '\0' ? strchr(shorts, c) : NULL;
    char escape[8];

    if (found != NULL)
        snprintf(escape, sizeof(escape), "\\%c", letters[found - shorts]);
    else
        snprintf(escape, sizeof(escape), "\\u%04X", (unsigned)(unsigned char)c);
    put(writer, escape, strlen(escape));
}

void json_string(struct json_writer *writer, struct slice value)
{
    begin_item(writer, true);
    put(writer, "\"", 1);
    while (value.len > 0) {
        size_t run = 0;
        while (value.len - run >= sizeof(chunk_bytes) && chunk_goes_as_it_is(value.at + run))
            run += sizeof(chunk_bytes);
        while (run < value.len && goes_as_it_is(value.at[run]))
            run++;
        put(writer, value.at, run);
        if (run < value.len)
            put_escape(writer, value.at[run++]);
        value = slice_of(value.at + run, value.len - run);
    }
    put(writer, "\"", 1);
}

void json_integer(struct json_writer *writer, int64_t value)
{
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do
        *--at = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0)
        *--at = '-';
    begin_item(writer, false);
    put(writer, at, (size_t)(digits + sizeof(digits) - at));
}

static void put_word(struct json_writer *writer, struct slice word)
{
    begin_item(writer, false);
    put(writer, word.at, word.len);
}

void json_flag(struct json_writer *writer, bool value)
{
    put_word(writer, value ? SLICE_LITERAL("true") : SLICE_LITERAL("false"));
}

void json_null(struct json_writer *writer)
{
    put_word(writer, SLICE_LITERAL("null"));
}

void json_raw(struct json_writer *writer, struct slice json)
{
    bool in_string = false;

    begin_item(writer, false);
    char *compact = more(writer, json.len);
    size_t len = 0;

    for (size_t i = 0; i < json.len; i++) {
        char c = json.at[i];

        if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
            continue;
        compact[len++] = c;
        if (c == '"')
            in_string = !in_string;
        else if (in_string && c == '\\' && i + 1 < json.len)
            compact[len++] = json.at[++i];
    }
    BUG_ON(len == 0);
    writer->len += len;
}

struct slice json_writer_text(const struct json_writer *writer)
{
    return slice_of(writer->text, writer->len);
}
