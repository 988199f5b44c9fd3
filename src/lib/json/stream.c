/* Cuts a file into its objects.
 *
 * Invariant: between objects only blanks, and in an array its brackets and commas, stand. Inside of
 * an object brackets are counted outside of strings; whether they match is json_read's to say. What
 * is kept is one object at most. */
#include "gatepost/json.h"

#include <stdlib.h>

enum place {
    AT_BEGINNING,    /* of the file: an array, or objects one after the other */
    BETWEEN_OBJECTS, /* not in an array */
    IN_ARRAY_FIRST,  /* an object or the end may come */
    IN_ARRAY_VALUE,  /* behind a comma: an object must come */
    IN_ARRAY_COMMA,  /* behind an object: a comma or the end must come */
    IN_OBJECT,
    AT_END, /* behind the array */
};

struct json_stream {
    json_stream_fn on_object;
    void *context;
    enum place place;
    bool in_array;
    bool in_string;
    bool escaped;
    size_t depth;
    size_t bom; /* bytes of a byte order mark that were skipped */
    uint64_t line;
    uint64_t object_line;
    size_t max;
    size_t len;
    char *object;
};

struct json_stream *json_stream_new(size_t object_max_bytes, json_stream_fn on_object,
                                    void *context)
{
    struct json_stream *stream = xcalloc(1, sizeof(*stream));

    stream->on_object = on_object;
    stream->context = context;
    stream->line = 1;
    stream->max = object_max_bytes;
    stream->object = xrealloc(NULL, object_max_bytes);
    return stream;
}

void json_stream_free(struct json_stream **stream)
{
    if (*stream == NULL)
        return;
    free((*stream)->object);
    free(*stream);
    *stream = NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool refuse(const struct json_stream *stream, const char *sentence, struct err *err)
{
    err_set(err, "line %llu: %s", (unsigned long long)stream->line, sentence);
    return false;
}

static void begin_object(struct json_stream *stream)
{
    stream->place = IN_OBJECT;
    stream->object_line = stream->line;
    stream->depth = 0;
    stream->len = 0;
    stream->in_string = false;
    stream->escaped = false;
}

/* Editors of one platform put it in front of everything. */
static bool is_byte_order_mark(struct json_stream *stream, char c)
{
    static const char mark[] = "\xEF\xBB\xBF";

    if (stream->place != AT_BEGINNING || stream->bom >= sizeof(mark) - 1 || c != mark[stream->bom])
        return false;
    stream->bom++;
    return true;
}

/* What stands between objects. Returns false when it must not. */
static bool step_between(struct json_stream *stream, char c, struct err *err)
{
    if (is_blank(c) || is_byte_order_mark(stream, c))
        return true;
    switch (stream->place) {
    case AT_BEGINNING:
        if (c == '[') {
            stream->in_array = true;
            stream->place = IN_ARRAY_FIRST;
            return true;
        }
        break;
    case IN_ARRAY_FIRST:
    case IN_ARRAY_COMMA:
        if (c == ']') {
            stream->place = AT_END;
            return true;
        }
        if (stream->place == IN_ARRAY_COMMA) {
            if (c != ',')
                return refuse(stream, "a comma is missing between two objects", err);
            stream->place = IN_ARRAY_VALUE;
            return true;
        }
        break;
    case AT_END:
        return refuse(stream, "something stands behind the array", err);
    case BETWEEN_OBJECTS:
    case IN_ARRAY_VALUE:
    case IN_OBJECT:
        break;
    }
    if (c != '{')
        return refuse(stream, "an object is expected here", err);
    begin_object(stream);
    return true;
}

/* Returns true when the object ends with this byte. */
static bool step_inside(struct json_stream *stream, char c)
{
    if (stream->escaped) {
        stream->escaped = false;
    } else if (stream->in_string) {
        stream->escaped = c == '\\';
        stream->in_string = c != '"';
    } else if (c == '"') {
        stream->in_string = true;
    } else if (c == '{' || c == '[') {
        stream->depth++;
    } else if (c == '}' || c == ']') {
        return --stream->depth == 0;
    }
    return false;
}

bool json_stream_feed(struct json_stream *stream, struct slice bytes, struct err *err)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.at[i];

        if (stream->place != IN_OBJECT && !step_between(stream, c, err))
            return false;
        if (stream->place == IN_OBJECT) {
            if (stream->len == stream->max)
                return refuse(stream, "an object is too long", err);
            stream->object[stream->len++] = c;
            if (step_inside(stream, c)) {
                stream->place = stream->in_array ? IN_ARRAY_COMMA : BETWEEN_OBJECTS;
                if (!stream->on_object(stream->context, slice_of(stream->object, stream->len),
                                       stream->object_line))
                    return false;
            }
        }
        stream->line += c == '\n' ? 1U : 0U;
    }
    return true;
}

bool json_stream_end(const struct json_stream *stream, struct err *err)
{
    switch (stream->place) {
    case AT_BEGINNING:
    case BETWEEN_OBJECTS:
    case AT_END:
        return true;
    case IN_ARRAY_FIRST:
    case IN_ARRAY_VALUE:
    case IN_ARRAY_COMMA:
    case IN_OBJECT:
        break;
    }
    return refuse(stream, "the file ends in the middle", err);
}
