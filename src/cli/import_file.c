/* See import_file.h: a dump of Django's dumpdata (one array), objects a line, or a table.
 *
 * A record that makes no sense by itself is told and skipped; the file goes on. */
#include "import_file.h"

#include <stdlib.h>
#include <strings.h>

#include "gatepost/encoding.h"

#include "csv.h"

#define RECORD_MAX_BYTES 65536 /* json_read takes no more */
#define HEADER_MAX_BYTES 4096  /* each record is sent with its names */

enum format { FORMAT_DJANGO, FORMAT_CSV, FORMAT_JSONL };

struct line {
    char *bytes; /* RECORD_MAX_BYTES */
    size_t len;
    bool too_long;
    uint64_t number; /* of the one that ended last */
};

struct import_file {
    enum format format;
    struct import_sink *sink;
    struct json_stream *stream;
    struct csv *csv;
    size_t columns; /* of the header line; 0: not yet seen */
    char *names[CSV_FIELDS_MAX];
    struct line line;       /* of JSON a line */
    const char *unreadable; /* why the rest of the file is of no use, or NULL */
};

/* ---- JSON ---------------------------------------------------------------------------------------
 */

static bool take_members(const struct import_file *file, struct moved_user *user,
                         const struct json_object *object, uint64_t line)
{
    for (size_t i = 0; i < object->count; i++) {
        if (object->members[i].has_surrogate)
            return file->sink->on_refused(file->sink->context, line,
                                          "half of a surrogate pair: this is not Unicode");
        const char *wrong = moved_user_take(user, &object->members[i]);
        if (wrong != NULL)
            return file->sink->on_refused(file->sink->context, line, wrong);
    }
    return file->sink->on_user(file->sink->context, user, line);
}

/* {"model": "auth.user", "pk": 17, "fields": {...}} */
static bool take_django(const struct import_file *file, const struct json_object *object,
                        uint64_t line)
{
    const struct json_member *model = json_find(object, "model");
    const struct json_member *pk = json_find(object, "pk");
    const struct json_member *fields = json_find(object, "fields");
    struct moved_user user = {.is_djangos = true};
    struct json_object inner;
    struct err err = {0};

    if (model == NULL || model->type != JSON_STRING || fields == NULL ||
        fields->type != JSON_OBJECT)
        return file->sink->on_refused(file->sink->context, line,
                                      "this has no model and fields: is it a dump of dumpdata?");
    if (!slice_equal(model->text, slice_of_text(file->sink->model))) {
        file->sink->skipped++;
        return true;
    }
    if (json_read(fields->text, &inner, &err) != JSON_OK)
        return file->sink->on_refused(file->sink->context, line,
                                      "its fields are not valid JSON, or too many");
    if (pk != NULL) {
        user.id = *pk;
        user.id.name = SLICE_LITERAL("id");
    }
    bool goes_on = take_members(file, &user, &inner, line);
    json_object_fini(&inner);
    return goes_on;
}

static bool on_object(void *context, struct slice text, uint64_t line)
{
    const struct import_file *file = context;
    struct moved_user user = {.extra_count = 0};
    struct json_object object;
    struct err err = {0};

    if (json_read(text, &object, &err) != JSON_OK) {
        json_object_fini(&object); /* it may be fine JSON that is no object */
        return file->sink->on_refused(file->sink->context, line,
                                      "this is no valid JSON object, or a name stands twice");
    }
    bool goes_on = file->format == FORMAT_DJANGO ? take_django(file, &object, line)
                                                 : take_members(file, &user, &object, line);
    json_object_fini(&object);
    return goes_on;
}

/* An object a line: cut at line feeds, so that a line that is none costs no other. */
static bool end_line(struct import_file *file)
{
    struct line *line = &file->line;
    const uint64_t number = ++line->number;
    struct slice text = slice_of(line->bytes, line->len);
    const bool too_long = line->too_long;

    line->len = 0;
    line->too_long = false;
    if (too_long)
        return file->sink->on_refused(file->sink->context, number, "the line is too long");
    if (utf8_valid(text) && text_trimmed(text).len == 0)
        return true;
    return on_object(file, text, number);
}

static bool feed_lines(struct import_file *file, struct slice bytes)
{
    struct line *line = &file->line;

    while (bytes.len > 0) {
        const char *end = memchr(bytes.at, '\n', bytes.len);
        size_t len = end != NULL ? (size_t)(end - bytes.at) : bytes.len;
        size_t step = end != NULL ? len + 1 : len;

        if (line->too_long || len > RECORD_MAX_BYTES - line->len) {
            line->too_long = true;
        } else {
            memcpy(line->bytes + line->len, bytes.at, len);
            line->len += len;
        }
        if (end != NULL && !end_line(file))
            return false;
        bytes = slice_of(bytes.at + step, bytes.len - step);
    }
    return true;
}

/* ---- CSV ----------------------------------------------------------------------------------------
 */

static bool take_header(struct import_file *file, const struct slice *fields, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += fields[i].len;
        if (!utf8_valid(fields[i]))
            file->unreadable = "line 1: the names of the columns are not UTF-8";
        else if (bytes > HEADER_MAX_BYTES)
            file->unreadable = "line 1: the names of the columns are too long";
        if (file->unreadable != NULL)
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        file->names[i] = xcalloc(1, fields[i].len + 1);
        if (fields[i].len > 0)
            memcpy(file->names[i], fields[i].at, fields[i].len);
    }
    file->columns = count;
    return true;
}

static bool is_word(struct slice text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strlen(*words) == text.len && strncasecmp(*words, text.at, text.len) == 0)
            return true;
    }
    return false;
}

/* "true" and "1" are flags where a flag belongs; anything else there the server refuses. */
static void type_field(struct json_member *member)
{
    static const char *const flags[] = {"active", "is_active", "email_verified"};
    static const char *const yes[] = {"1", "t", "true", "y", "yes", NULL};
    static const char *const no[] = {"0", "f", "false", "n", "no", NULL};

    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (!slice_equal(member->name, slice_of_text(flags[i])))
            continue;
        if (is_word(member->text, yes))
            member->type = JSON_TRUE;
        else if (is_word(member->text, no))
            member->type = JSON_FALSE;
    }
}

static bool is_active(struct slice name)
{
    return slice_equal(name, SLICE_LITERAL("active")) ||
           slice_equal(name, SLICE_LITERAL("is_active"));
}

static bool on_record(void *context, const struct slice *fields, size_t count, uint64_t line)
{
    struct import_file *file = context;
    struct moved_user user = {.extra_count = 0};

    if (file->columns == 0)
        return take_header(file, fields, count);
    if (count != file->columns)
        return file->sink->on_refused(file->sink->context, line,
                                      "this has not as many fields as the header line");
    for (size_t i = 0; i < count; i++) {
        struct json_member member = {
            .name = slice_of_text(file->names[i]), .type = JSON_STRING, .text = fields[i]};

        if (fields[i].len == 0 &&
            is_active(member.name)) /* no safe guess: nobody is let in by it */
            return file->sink->on_refused(file->sink->context, line, "active: is empty");
        if (fields[i].len == 0)
            continue; /* not given */
        if (!utf8_valid(fields[i]))
            return file->sink->on_refused(file->sink->context, line, "this is not UTF-8");
        type_field(&member);
        const char *wrong = moved_user_take(&user, &member);
        if (wrong != NULL)
            return file->sink->on_refused(file->sink->context, line, wrong);
    }
    return file->sink->on_user(file->sink->context, &user, line);
}

/* ---- any of them --------------------------------------------------------------------------------
 */

struct import_file *import_file_new(const char *format, struct import_sink *sink)
{
    static const char *const words[] = {
        [FORMAT_DJANGO] = "django", [FORMAT_CSV] = "csv", [FORMAT_JSONL] = "jsonl"};
    struct import_file *file;
    size_t which = 0;

    while (which < ARRAY_LEN(words) && strcmp(format, words[which]) != 0)
        which++;
    if (which == ARRAY_LEN(words))
        return NULL;
    file = xcalloc(1, sizeof(*file));
    file->format = (enum format)which;
    file->sink = sink;
    if (file->format == FORMAT_CSV)
        file->csv = csv_new(RECORD_MAX_BYTES, on_record, file);
    else if (file->format == FORMAT_JSONL)
        file->line.bytes = xcalloc(1, RECORD_MAX_BYTES);
    else
        file->stream = json_stream_new(RECORD_MAX_BYTES, on_object, file);
    return file;
}

void import_file_free(struct import_file **file)
{
    if (*file == NULL)
        return;
    json_stream_free(&(*file)->stream);
    csv_free(&(*file)->csv);
    free((*file)->line.bytes);
    for (size_t i = 0; i < (*file)->columns; i++)
        free((*file)->names[i]);
    free(*file);
    *file = NULL;
}

bool import_file_feed(struct import_file *file, struct slice bytes, struct err *err)
{
    bool goes_on = false;

    switch (file->format) {
    case FORMAT_CSV:
        goes_on = csv_feed(file->csv, bytes, err);
        break;
    case FORMAT_JSONL:
        goes_on = feed_lines(file, bytes);
        break;
    case FORMAT_DJANGO:
        goes_on = json_stream_feed(file->stream, bytes, err);
        break;
    }
    if (file->unreadable != NULL)
        err_set(err, "%s", file->unreadable);
    return goes_on;
}

bool import_file_end(struct import_file *file, struct err *err)
{
    bool fine = false;

    switch (file->format) {
    case FORMAT_CSV:
        fine = csv_end(file->csv, err);
        break;
    case FORMAT_JSONL:
        fine = (file->line.len == 0 && !file->line.too_long) || end_line(file);
        break;
    case FORMAT_DJANGO:
        fine = json_stream_end(file->stream, err);
        break;
    }
    if (file->unreadable != NULL)
        err_set(err, "%s", file->unreadable);
    return fine;
}
