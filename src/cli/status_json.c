/* From lines to an object. A value is what its line looks like: words with name=value behind them
 * are an object, digits alone a number, anything else a string; so the page may grow without this
 * file. */
#include <stdlib.h>

#include "gatepost/encoding.h"
#include "status.h"

#define NUMBER_MAX_CHARS 15

/* Can stand there several times: arrays, also with one member, or none. */
static const char *const MANY[] = {"listener", "process", "latency_60s",   "memory",
                                   "restarts", "last",    "reload_change", "reload_did"};
/* Sentences and texts of others, which are not to be taken apart. */
static const char *const WHOLE[] = {"listener",      "reload",    "version",      "last",
                                    "disk",          "state",     "config_since", "upgrade",
                                    "reload_change", "reload_did"};

struct line {
    struct slice key;
    struct slice value;
};

static bool is_one_of(struct slice key, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(key, slice_of_text(list[i])))
            return true;
    }
    return false;
}

/* Cuts the next line off. Lines without ": " are looked past. Returns false at the end. */
static bool next_line(const char **page, struct line *line_out)
{
    while (**page != '\0') {
        const size_t len = strcspn(*page, "\n");
        const char *colon = memmem(*page, len, ": ", 2);
        const char *at = *page;
        *page += len + ((*page)[len] == '\n');
        if (colon == NULL)
            continue;
        line_out->key = slice_of(at, (size_t)(colon - at));
        line_out->value = slice_of(colon + 2, len - line_out->key.len - 2);
        return true;
    }
    return false;
}

static bool is_number(struct slice text)
{
    size_t digits = 0;
    bool point = false;

    if (text.len > 0 && text.at[0] == '-')
        text = slice_of(text.at + 1, text.len - 1);
    if (text.len == 0 || text.len > NUMBER_MAX_CHARS ||
        (text.len > 1 && text.at[0] == '0' && text.at[1] != '.'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '.' && !point && digits > 0 && i + 1 < text.len)
            point = true;
        else if (text.at[i] >= '0' && text.at[i] <= '9')
            digits++;
        else
            return false;
    }
    return true;
}

static void write_scalar(struct json_writer *writer, struct slice value)
{
    if (is_number(value))
        json_raw(writer, value);
    else
        json_string(writer, utf8_valid(value) ? value : SLICE_LITERAL("?"));
}

/* The next word, and what is behind its blank. */
static struct slice next_word(struct slice *rest)
{
    size_t len = 0;

    while (len < rest->len && rest->at[len] != ' ')
        len++;
    const struct slice word = slice_of(rest->at, len);
    *rest = slice_of(rest->at + len, rest->len - len);
    if (rest->len > 0)
        *rest = slice_of(rest->at + 1, rest->len - 1);
    return word;
}

static bool has_members(struct slice value)
{
    return value.len > 0 && memchr(value.at, '=', value.len) != NULL;
}

/* "worker.0 pid=1 age_s=2": {"name":"worker.0","pid":1,"age_s":2}; words between are left out. */
static void write_members(struct json_writer *writer, struct slice value)
{
    bool named = false;

    json_object_begin(writer);
    while (value.len > 0) {
        const struct slice word = next_word(&value);
        const char *equals = word.len > 0 ? memchr(word.at, '=', word.len) : NULL;
        if (equals != NULL) {
            const size_t len = (size_t)(equals - word.at);
            json_string(writer, slice_of(word.at, len));
            write_scalar(writer, slice_of(equals + 1, word.len - len - 1));
        } else if (!named && word.len > 0) {
            named = true;
            json_string(writer, SLICE_LITERAL("name"));
            json_string(writer, word);
        }
    }
    json_object_end(writer);
}

static void write_value(struct json_writer *writer, const struct line *line)
{
    if (is_one_of(line->key, WHOLE, ARRAY_LEN(WHOLE)))
        json_string(writer, utf8_valid(line->value) ? line->value : SLICE_LITERAL("?"));
    else if (has_members(line->value))
        write_members(writer, line->value);
    else
        write_scalar(writer, line->value);
}

static void write_all_of(struct json_writer *writer, const char *page, const char *key)
{
    struct line line;

    json_string(writer, slice_of_text(key));
    json_array_begin(writer);
    while (next_line(&page, &line)) {
        if (slice_equal(line.key, slice_of_text(key)))
            write_value(writer, &line);
    }
    json_array_end(writer);
}

void status_write_json(const char *page, struct json_writer *writer)
{
    const char *at = page;
    struct line line;

    json_object_begin(writer);
    while (next_line(&at, &line)) {
        if (is_one_of(line.key, MANY, ARRAY_LEN(MANY)))
            continue;
        json_string(writer, line.key);
        write_value(writer, &line);
    }
    for (size_t i = 0; i < ARRAY_LEN(MANY); i++)
        write_all_of(writer, page, MANY[i]);
    json_object_end(writer);
}
