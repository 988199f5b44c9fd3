/* A log line as JSON. The fields come as the text that log_event printed; what they are is known
 * from its format: `job=%s tries=%u because="%s"` names three fields, of which the second is a
 * number. So no caller has to know of two forms.
 *
 * A value goes on to the next field's name: unquoted ones may hold blanks (strerror's). In a quoted
 * one the search begins behind its closing quote, so what was quoted cannot forge a field. Format
 * behind the last field is a sentence: "message". Every line is a whole object: what does not fit
 * is left out, and "cut" says so. */
#include <stdio.h>
#include <string.h>

#include "gatepost/encoding.h"
#include "line.h"

#define KEY_MAX_BYTES    32
#define NUMBER_MAX_CHARS 15 /* what a double holds exactly; longer ones are strings */
#define TAIL             ",\"cut\":true}\n"

/* What the object has already. */
static const char *const TAKEN[] = {"time", "level", "process", "pid", "event", "message", "cut"};

struct out {
    char *at;
    size_t len;
    bool is_cut;
};

/* All or nothing, and room for the tail stays. */
static bool put(struct out *out, const char *text, size_t len)
{
    if (out->len + len > LOG_JSON_MAX_BYTES - sizeof(TAIL)) {
        out->is_cut = true;
        return false;
    }
    memcpy(out->at + out->len, text, len);
    out->len += len;
    return true;
}

static size_t escape_one(struct slice text, char escaped_out[8])
{
    const uint8_t byte = (uint8_t)text.at[0];

    if (byte == '"' || byte == '\\') {
        escaped_out[0] = '\\';
        escaped_out[1] = (char)byte;
        escaped_out[2] = '\0';
        return 1;
    }
    for (size_t len = 2; byte >= 0x80 && len <= 4 && len <= text.len; len++) {
        struct slice character = slice_of(text.at, len);
        if (!utf8_valid(character))
            continue;
        const uint32_t point = utf8_next(&character); /* a harmful one: all below U+10000 */
        snprintf(escaped_out, 8, "\\u%04x", (unsigned)(point & 0xffff));
        return len;
    }
    snprintf(escaped_out, 8, "\\u%04x", byte < 0x80 ? byte : 0xfffdU);
    return 1;
}

/* quoted: a backslash in the text stands before what it protects (log_quoted). */
static void put_string(struct out *out, struct slice text, bool quoted)
{
    (void)put(out, "\"", 1);
    while (text.len > 0) {
        char escaped[8];
        if (quoted && text.at[0] == '\\' && text.len > 1)
            text = slice_of(text.at + 1, text.len - 1);
        size_t len = text.at[0] == '"' || text.at[0] == '\\' ? 0 : log_plain_len(text);
        if (len > 0) {
            if (!put(out, text.at, len))
                break;
        } else {
            len = escape_one(text, escaped);
            if (!put(out, escaped, strlen(escaped)))
                break;
        }
        text = slice_of(text.at + len, text.len - len);
    }
    out->at[out->len++] = '"'; /* the tail's room has one for it */
}

static bool is_number(struct slice text)
{
    size_t at = text.len > 0 && text.at[0] == '-';
    size_t digits = 0;

    if (text.len > NUMBER_MAX_CHARS ||
        (text.len > at + 1 && text.at[at] == '0' && text.at[at + 1] != '.'))
        return false;
    for (; at < text.len && text.at[at] >= '0' && text.at[at] <= '9'; at++)
        digits++;
    if (digits == 0 || at == text.len)
        return digits > 0;
    if (text.at[at] != '.' || at + 1 == text.len)
        return false;
    for (at++; at < text.len && text.at[at] >= '0' && text.at[at] <= '9'; at++)
        continue;
    return at == text.len;
}

/* ---- the format ---------------------------------------------------------------------------------
 */

struct field {
    char key[KEY_MAX_BYTES]; /* "": a sentence */
    bool is_number;
};

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool converts_to_number(const char *conversion)
{
    if (*conversion++ != '%')
        return false;
    conversion += strspn(conversion, "0123456789.-+ #*hlzjt");
    return *conversion != '\0' && strchr("diuf", *conversion) != NULL;
}

/* The next field of a format, and what follows it. Returns false at the end. */
static bool next_field(const char **format, struct field *field_out)
{
    const char *at = *format + strspn(*format, " ");
    size_t len = 0;
    bool quoted = false;

    *field_out = (struct field){0};
    if (*at == '\0')
        return false;
    while (is_key_char(at[len]))
        len++;
    if (at[len] != '=' || len == 0 || len >= KEY_MAX_BYTES) {
        *format = at + strlen(at);
        return true;
    }
    memcpy(field_out->key, at, len);
    at += len + 1;
    field_out->is_number = converts_to_number(at);
    for (; *at != '\0' && (quoted || *at != ' '); at++)
        quoted ^= *at == '"';
    *format = at;
    return true;
}

/* ---- the fields ---------------------------------------------------------------------------------
 */

/* Where in text " key=" begins; text.len: nowhere. */
static size_t find_key(struct slice text, const char *key)
{
    const size_t len = strlen(key);

    for (size_t i = 0; i + len + 2 <= text.len; i++) {
        if (text.at[i] == ' ' && memcmp(text.at + i + 1, key, len) == 0 &&
            text.at[i + 1 + len] == '=')
            return i;
    }
    return text.len;
}

/* Behind the quote that closes the one at the begin; text.len: there is none. */
static size_t end_of_quoted(struct slice text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] == '\\')
            i++;
        else if (text.at[i] == '"' && (i + 1 == text.len || text.at[i + 1] == ' '))
            return i + 1;
    }
    return text.len;
}

/* Cuts a value off the front of rest. next: the field after it, or NULL. */
static struct slice take_value(struct slice *rest, const struct field *next)
{
    const bool quoted = rest->len > 0 && rest->at[0] == '"';
    size_t len = quoted ? end_of_quoted(*rest) : 0;

    if (next == NULL) {
        len = rest->len;
    } else if (next->key[0] != '\0') {
        len += find_key(slice_of(rest->at + len, rest->len - len), next->key);
    } else {
        while (len < rest->len && rest->at[len] != ' ')
            len++;
    }
    struct slice value = slice_of(rest->at, len);
    *rest = slice_of(rest->at + len, rest->len - len);
    return value;
}

static void put_value(struct out *out, const struct field *field, struct slice value)
{
    if (field->is_number && is_number(value))
        (void)put(out, value.at, value.len);
    else if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
        put_string(out, slice_of(value.at + 1, value.len - 2), true);
    else if (value.len >= 1 && value.at[0] == '"') /* its end was cut off */
        put_string(out, slice_of(value.at + 1, value.len - 1), true);
    else
        put_string(out, value, false);
}

static bool put_key(struct out *out, const char *key)
{
    char text[KEY_MAX_BYTES + 16];
    const char *prefix = "";

    for (size_t i = 0; i < ARRAY_LEN(TAKEN); i++) {
        if (strcmp(TAKEN[i], key) == 0)
            prefix = "field_";
    }
    if (key[0] == '\0')
        key = "message";
    const int len = snprintf(text, sizeof(text), ",\"%s%s\":", prefix, key);
    /* With room for a number, or for an empty string: a key is never left without its value. */
    if (out->len + (size_t)len + NUMBER_MAX_CHARS > LOG_JSON_MAX_BYTES - sizeof(TAIL)) {
        out->is_cut = true;
        return false;
    }
    return put(out, text, (size_t)len);
}

static void put_fields(struct out *out, const struct log_parts *parts)
{
    const char *format = parts->format;
    struct slice rest = parts->fields;
    struct field field, next;
    bool more = next_field(&format, &field);

    while (more && rest.len > 0) {
        const size_t key_len = strlen(field.key);
        const bool has_next = next_field(&format, &next);
        if (rest.at[0] == ' ')
            rest = slice_of(rest.at + 1, rest.len - 1);
        if (key_len > 0) {
            if (rest.len <= key_len || memcmp(rest.at, field.key, key_len) != 0)
                break;
            rest = slice_of(rest.at + key_len + 1, rest.len - key_len - 1);
        } else if (rest.len == 0) {
            break;
        }
        const struct slice value = take_value(&rest, has_next ? &next : NULL);
        if (!put_key(out, field.key))
            break;
        put_value(out, &field, value);
        field = next;
        more = has_next;
    }
}

size_t log_json_line(const struct log_parts *parts, char line_out[LOG_JSON_MAX_BYTES])
{
    struct out out = {.at = line_out, .is_cut = parts->is_cut};
    const int head = snprintf(
        line_out, LOG_JSON_MAX_BYTES / 2,
        "{\"time\":\"%s\",\"level\":\"%s\",\"process\":\"%s\",\"pid\":%ld,\"event\":\"%s\"",
        parts->when, parts->level, parts->process, parts->pid, parts->event);

    out.len = head > 0 ? (size_t)head : 0;
    if (parts->about[0] != '\0') { /* a safe one: nothing to escape */
        (void)put(&out, ",\"request\":\"", 12);
        (void)put(&out, parts->about, strlen(parts->about));
        (void)put(&out, "\"", 1);
    }
    put_fields(&out, parts);
    const char *tail = out.is_cut ? TAIL : "}\n";
    memcpy(line_out + out.len, tail, strlen(tail));
    return out.len + strlen(tail);
}
