/* Writes JSON by yajl_gen. Every refusal of yajl_gen is a bug of the caller (a value where a name
 * belongs, an end without a begin), so it ends the process and is no error to handle. */
#include "gatepost/json.h"

#include <stdlib.h>
#include <yajl/yajl_gen.h>

struct json_writer {
    yajl_gen gen;
};

/* yajl does not look for NULL after its allocations: these never give it. */
static void *writer_alloc(void *context, size_t bytes)
{
    (void)context;
    return xrealloc(NULL, bytes);
}

static void *writer_realloc(void *context, void *old, size_t bytes)
{
    (void)context;
    return xrealloc(old, bytes);
}

static void writer_release(void *context, void *block)
{
    (void)context;
    free(block);
}

static const yajl_alloc_funcs writer_memory = {
    .malloc = writer_alloc, .realloc = writer_realloc, .free = writer_release};

struct json_writer *json_writer_new(void)
{
    struct json_writer *writer = xcalloc(1, sizeof(*writer));

    writer->gen = yajl_gen_alloc(&writer_memory);
    BUG_ON(writer->gen == NULL);
    return writer;
}

void json_writer_free(struct json_writer **writer)
{
    if (*writer == NULL)
        return;
    yajl_gen_free((*writer)->gen);
    free(*writer);
    *writer = NULL;
}

void json_object_begin(struct json_writer *writer)
{
    BUG_ON(yajl_gen_map_open(writer->gen) != yajl_gen_status_ok);
}

void json_object_end(struct json_writer *writer)
{
    BUG_ON(yajl_gen_map_close(writer->gen) != yajl_gen_status_ok);
}

void json_array_begin(struct json_writer *writer)
{
    BUG_ON(yajl_gen_array_open(writer->gen) != yajl_gen_status_ok);
}

void json_array_end(struct json_writer *writer)
{
    BUG_ON(yajl_gen_array_close(writer->gen) != yajl_gen_status_ok);
}

void json_string(struct json_writer *writer, struct slice value)
{
    const unsigned char *text = (const unsigned char *)(value.len > 0 ? value.at : "");

    BUG_ON(yajl_gen_string(writer->gen, text, value.len) != yajl_gen_status_ok);
}

void json_integer(struct json_writer *writer, int64_t value)
{
    BUG_ON(yajl_gen_integer(writer->gen, value) != yajl_gen_status_ok);
}

void json_flag(struct json_writer *writer, bool value)
{
    BUG_ON(yajl_gen_bool(writer->gen, value) != yajl_gen_status_ok);
}

void json_null(struct json_writer *writer)
{
    BUG_ON(yajl_gen_null(writer->gen) != yajl_gen_status_ok);
}

/* yajl_gen writes a number as it is given. */
void json_raw(struct json_writer *writer, struct slice json)
{
    char *compact = xrealloc(NULL, json.len + 1);
    bool in_string = false;
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
    BUG_ON(len == 0 || yajl_gen_number(writer->gen, compact, len) != yajl_gen_status_ok);
    free(compact);
}

struct slice json_writer_text(const struct json_writer *writer)
{
    const unsigned char *text = NULL;
    size_t len = 0;

    BUG_ON(yajl_gen_get_buf(writer->gen, &text, &len) != yajl_gen_status_ok);
    return slice_of(text, len);
}
