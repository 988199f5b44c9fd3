/* A file of JSON objects: wherever it is cut, the same objects come out of it at the same lines,
 * and the same complaint. */
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/json.h"

#define OBJECT_MAX_BYTES 256

/* All that came out, one after the other. */
struct heard {
    char *text;
    size_t len;
};

static bool on_object(void *context, struct slice object, uint64_t line)
{
    struct heard *heard = context;
    char prefix[32];
    int prefix_len = snprintf(prefix, sizeof(prefix), "%llu:", (unsigned long long)line);

    /* Brackets that do not match are json_read's to find. */
    BUG_ON(object.len < 2 || object.len > OBJECT_MAX_BYTES || object.at[0] != '{' ||
           strchr("}]", object.at[object.len - 1]) == NULL);
    heard->text = xrealloc(heard->text, heard->len + (size_t)prefix_len + object.len);
    memcpy(heard->text + heard->len, prefix, (size_t)prefix_len);
    memcpy(heard->text + heard->len + prefix_len, object.at, object.len);
    heard->len += (size_t)prefix_len + object.len;
    return true;
}

static bool read_in_pieces(const uint8_t *data, size_t len, size_t piece, struct heard *heard)
{
    struct json_stream *stream = json_stream_new(OBJECT_MAX_BYTES, on_object, heard);
    struct err err = {{0}};
    bool good = true;

    for (size_t at = 0; good && at < len; at += piece) {
        size_t now = len - at < piece ? len - at : piece;
        good = json_stream_feed(stream, slice_of(data + at, now), &err);
    }
    good = good && json_stream_end(stream, &err);
    BUG_ON(!good && err.text[0] == '\0');
    json_stream_free(&stream);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct heard whole = {0};
    struct heard cut = {0};

    if (len == 0)
        return 0;
    size_t piece = (size_t)data[0] % 7 + 1;
    bool good = read_in_pieces(data + 1, len - 1, len, &whole);
    BUG_ON(read_in_pieces(data + 1, len - 1, piece, &cut) != good);
    BUG_ON(whole.len != cut.len || (whole.len > 0 && memcmp(whole.text, cut.text, cut.len) != 0));
    free(whole.text);
    free(cut.text);
    return 0;
}
