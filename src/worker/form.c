/* Decodes into one buffer as large as the input: decoding never makes text longer. */
#include "form.h"

#include "gatepost/encoding.h"

/* Decodes to *to and moves it past what was written. */
static struct slice decode(struct slice from, char **to)
{
    char *start = *to;
    char *out = start;

    for (size_t i = 0; i < from.len; i++) {
        char c = from.at[i];
        if (c == '%' && i + 2 < from.len && hex_digit(from.at[i + 1]) >= 0 &&
            hex_digit(from.at[i + 2]) >= 0) {
            *out++ = (char)(hex_digit(from.at[i + 1]) * 16 + hex_digit(from.at[i + 2]));
            i += 2;
        } else {
            *out++ = c == '+' ? ' ' : c;
        }
    }
    *to = out;
    return slice_of(start, (size_t)(out - start));
}

static bool keep(struct json_object *object, struct slice name, struct slice value)
{
    size_t i = 0;

    if (!utf8_valid(name) || !utf8_valid(value))
        return false;
    while (i < object->count && !slice_equal(object->members[i].name, name))
        i++;
    if (i == JSON_MEMBERS_MAX)
        return false;
    if (i == object->count)
        object->count++;
    object->members[i] = (struct json_member){.name = name, .type = JSON_STRING, .text = value};
    return true;
}

bool form_read(struct slice text, struct json_object *object_out)
{
    *object_out = (struct json_object){.top = JSON_OBJECT};
    object_out->text = xcalloc(1, text.len + 1);
    object_out->text_bytes = text.len + 1;

    char *to = object_out->text;
    const char *at = text.at;
    size_t left = text.len;
    while (left > 0) {
        const char *and = memchr(at, '&', left);
        size_t len = and != NULL ? (size_t)(and-at) : left;
        if (len > 0) {
            const char *equals = memchr(at, '=', len);
            size_t name_len = equals != NULL ? (size_t)(equals - at) : len;
            size_t skip = equals != NULL ? name_len + 1 : len;
            struct slice name = decode(slice_of(at, name_len), &to);
            struct slice value = decode(slice_of(at + skip, len - skip), &to);
            if (!keep(object_out, name, value))
                return false;
        }
        size_t step = and != NULL ? len + 1 : len;
        at += step;
        left -= step;
    }
    return true;
}
