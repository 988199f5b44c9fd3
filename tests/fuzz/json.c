/* The JSON reader over any bytes: what it takes is UTF-8, has no name twice, and means the same
 * after the writer wrote it. */
#include "gatepost/json.h"
#include "gatepost/encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void write_member(struct json_writer *writer, const struct json_member *member)
{
    json_string(writer, member->name);
    switch (member->type) {
    case JSON_STRING:
    case JSON_INTEGER:
    case JSON_FLOAT:
        json_string(writer, member->text);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        json_flag(writer, member->type == JSON_TRUE);
        break;
    case JSON_NULL:
        json_null(writer);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_raw(writer, member->text);
        break;
    }
}

static void check_object(const struct json_object *object)
{
    struct json_writer *writer = json_writer_new();
    struct json_object again;

    json_object_begin(writer);
    for (size_t i = 0; i < object->count; i++) {
        BUG_ON(!utf8_valid(object->members[i].name) || !utf8_valid(object->members[i].text));
        for (size_t j = 0; j < i; j++)
            BUG_ON(slice_equal(object->members[i].name, object->members[j].name));
        write_member(writer, &object->members[i]);
    }
    json_object_end(writer);
    if (json_writer_text(writer).len <= JSON_BODY_MAX_BYTES) {
        BUG_ON(json_read(json_writer_text(writer), &again, NULL) != JSON_OK);
        BUG_ON(again.count != object->count);
        for (size_t i = 0; i < object->count; i++) {
            BUG_ON(!slice_equal(again.members[i].name, object->members[i].name));
            /* What is nested comes back without its blanks. */
            if (object->members[i].type != JSON_ARRAY && object->members[i].type != JSON_OBJECT)
                BUG_ON(!slice_equal(again.members[i].text, object->members[i].text));
        }
        json_object_fini(&again);
    }
    json_writer_free(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct json_object object;
    struct err err = {{0}};
    enum json_status status = json_read(slice_of(data, len), &object, &err);

    if (status == JSON_OK)
        check_object(&object);
    BUG_ON((status == JSON_SYNTAX || status == JSON_DUPLICATE) && err.text[0] == '\0');
    json_object_fini(&object);
    return 0;
}
