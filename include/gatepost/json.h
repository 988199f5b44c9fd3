/* JSON in: one flat object from outside, checked strictly. JSON out: a writer.
 *
 * The reader goes by yajl's callbacks with lengths and refuses what yajl lets pass: duplicate keys,
 * invalid UTF-8, lone surrogates, depth, trailing garbage (pitfalls: A.2 of the library notes). */
#ifndef GATEPOST_JSON_H
#define GATEPOST_JSON_H

#include "gatepost/base.h"
#include "gatepost/err.h"

enum json_type {
    JSON_STRING,
    JSON_INTEGER, /* text holds the number as it was written */
    JSON_FLOAT,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
    JSON_ARRAY,  /* well-formed; text is what was written, not decoded */
    JSON_OBJECT, /* the same; json_read reads it again, one deeper */
};

struct json_member {
    struct slice name; /* decoded UTF-8, may hold NUL */
    enum json_type type;
    struct slice text;  /* of JSON_STRING decoded (may hold NUL), of all else as written */
    bool has_surrogate; /* a lone \uD800..\uDFFF stood in it; text has U+FFFD there */
    uint16_t surrogate; /* the first one */
};

#define JSON_MEMBERS_MAX 32
#define JSON_DEPTH_MAX   4

/* A parsed body. Owner: the caller; json_object_fini wipes the copied text, which may hold a
 * password. Empty bodies are not JSON: the caller decides what they mean. */
struct json_object {
    struct json_member members[JSON_MEMBERS_MAX];
    size_t count;
    enum json_type top; /* of the whole document, when it is not an object */
    char *text;         /* what the slices point into */
    size_t text_bytes;
};

enum json_status {
    JSON_OK,
    JSON_SYNTAX,     /* not JSON, not UTF-8, too deep, too many members: err has a sentence */
    JSON_DUPLICATE,  /* a name stands twice */
    JSON_NOT_OBJECT, /* fine JSON of another type: object_out->top; call fini all the same */
};

#define JSON_BODY_MAX_BYTES 65536

/* body: at most JSON_BODY_MAX_BYTES, borrowed. err never quotes the input.
 * A lone surrogate in a member's value is told by has_surrogate and is no syntax error; one in a
 * name, or inside of an array or object that is a member's value, is. Names inside of those are
 * not compared: their content is dropped.
 * Errors: after JSON_SYNTAX and JSON_DUPLICATE object_out is empty and owns nothing. */
MUST_USE enum json_status json_read(struct slice body, struct json_object *object_out,
                                    struct err *err);
void json_object_fini(struct json_object *object);

/* The member of that name, or NULL. */
const struct json_member *json_find(const struct json_object *object, const char *name);

/* Objects out of a file of any size: one array of them, or one after the other (a line each, say).
 * Looks for where each begins and ends and no further: whoever gets one reads it with json_read. */
struct json_stream;

/* object: as it was written, borrowed for the call. line: where it begins, from 1. Returns false to
 * end the stream there. */
typedef bool (*json_stream_fn)(void *context, struct slice object, uint64_t line);

struct json_stream *json_stream_new(size_t object_max_bytes, json_stream_fn on_object,
                                    void *context);
void json_stream_free(struct json_stream **stream);

/* The next bytes of the file, cut anywhere. Returns false when what comes is no stream of objects,
 * or one is longer than may be (err: a sentence with the line), or on_object ended it (err is as it
 * was). */
MUST_USE bool json_stream_feed(struct json_stream *stream, struct slice bytes, struct err *err);

/* The file has ended. Returns false when it was cut off. */
MUST_USE bool json_stream_end(const struct json_stream *stream, struct err *err);

/* The writer: builds compact JSON in a growing buffer. Depth is kept by the caller: names and
 * values alternate inside objects. Strings are valid UTF-8. */
struct json_writer;
struct json_writer *json_writer_new(void);
void json_writer_free(struct json_writer **writer);
void json_object_begin(struct json_writer *writer);
void json_object_end(struct json_writer *writer);
void json_array_begin(struct json_writer *writer);
void json_array_end(struct json_writer *writer);
void json_string(struct json_writer *writer, struct slice value);
void json_integer(struct json_writer *writer, int64_t value);
void json_flag(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
void json_raw(struct json_writer *writer, struct slice json); /* well-formed; without its blanks */

/* The text so far; valid until the next call. */
struct slice json_writer_text(const struct json_writer *writer);

#endif
