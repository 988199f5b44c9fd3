/* See member.h. */
#include "member.h"

#include "gatepost/encoding.h"

void member_text(struct json_writer *writer, const char *name, struct slice text)
{
    json_string(writer, slice_of_text(name));
    json_string(writer, text);
}

void member_flag(struct json_writer *writer, const char *name, bool value)
{
    json_string(writer, slice_of_text(name));
    json_flag(writer, value);
}

void member_number(struct json_writer *writer, const char *name, int64_t value)
{
    json_string(writer, slice_of_text(name));
    json_integer(writer, value);
}

void member_bytes(struct json_writer *writer, const char *name, struct slice bytes)
{
    char text[UTF8_REPAIRED_BYTES(MEMBER_BYTES_MAX)];

    BUG_ON(bytes.len > MEMBER_BYTES_MAX);
    member_text(writer, name, slice_of(text, utf8_repair(bytes, text)));
}

void member_time(struct json_writer *writer, const char *name, wall_ms when)
{
    char text[CLOCK_ISO_BYTES];

    json_string(writer, slice_of_text(name));
    if (when == 0) {
        json_null(writer);
        return;
    }
    clock_iso(when, text);
    json_string(writer, slice_of_text(text));
}
