/* One value: checked against its row, then stored.
 *
 * Every source ends here, so a value means the same wherever it was written, and what config_print
 * writes is what config_load reads. */
#include "reading.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

/* What a problem shows of a value. */
#define SHOWN_MAX_BYTES 80

static int shown_len(struct slice value)
{
    size_t len = value.len < SHOWN_MAX_BYTES ? value.len : SHOWN_MAX_BYTES;

    /* Not in the middle of a character. */
    while (len > 0 && len < value.len && ((unsigned char)value.at[len] & 0xc0) == 0x80)
        len--;
    return (int)len;
}

bool config_boolean(struct slice value, bool *flag_out)
{
    static const char *const words[2][6] = {
        {"no", "false", "off", "0", "n", "f"},
        {"yes", "true", "on", "1", "y", "t"},
    };

    for (size_t flag = 0; flag < 2; flag++) {
        for (size_t i = 0; i < ARRAY_LEN(words[flag]); i++) {
            const char *word = words[flag][i];
            if (value.len == strlen(word) && strncasecmp(value.at, word, value.len) == 0) {
                *flag_out = flag == 1;
                return true;
            }
        }
    }
    return false;
}

struct slice config_choice_word(enum config_key key, size_t index)
{
    const char *at = config_rows[key].unit;

    for (;;) {
        size_t len = strcspn(at, "|");
        if (index-- == 0)
            return slice_of(at, len);
        at += len;
        if (*at == '\0')
            return slice_of(at, 0);
        at++;
    }
}

static bool parse_number(struct slice value, const struct config_row *row, int64_t *number_out,
                         struct err *err)
{
    int64_t number = 0;
    bool overflow = false;

    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') {
            err_set(err, "\"%.*s\" is not a plain decimal number", shown_len(value), value.at);
            return false;
        }
        overflow = overflow || __builtin_mul_overflow(number, 10, &number) ||
                   __builtin_add_overflow(number, value.at[i] - '0', &number);
    }
    if (overflow || number < row->min || number > row->max) {
        err_set(err, "%.*s is outside %" PRId64 " to %" PRId64 " (%s)", shown_len(value), value.at,
                row->min, row->max, row->unit);
        return false;
    }
    *number_out = number;
    return true;
}

static bool parse_flag(struct slice value, enum config_dialect dialect, bool *flag_out,
                       struct err *err)
{
    if (dialect == CONFIG_DIALECT_ENVIRONMENT && config_boolean(value, flag_out))
        return true;
    if (slice_equal(value, SLICE_LITERAL("yes")) || slice_equal(value, SLICE_LITERAL("no"))) {
        *flag_out = value.len == 3;
        return true;
    }
    err_set(err, "\"%.*s\" is neither yes nor no", shown_len(value), value.at);
    return false;
}

static bool parse_choice(struct slice value, enum config_key key, int64_t *index_out,
                         struct err *err)
{
    for (size_t i = 0; config_choice_word(key, i).len > 0; i++) {
        if (slice_equal(value, config_choice_word(key, i))) {
            *index_out = (int64_t)i;
            return true;
        }
    }
    err_set(err, "\"%.*s\" is none of %s", shown_len(value), value.at, config_rows[key].unit);
    return false;
}

/* Comments stand on lines of their own and nothing is quoted: what would be read otherwise by
 * another INI reader, or by a hopeful person, is refused instead of becoming part of a file name.
 */
static bool text_fits(enum config_key key, struct slice value, struct err *err)
{
    for (size_t i = 0; i + 1 < value.len; i++) {
        bool blank = value.at[i] == ' ' || value.at[i] == '\t';
        if (blank && (value.at[i + 1] == '#' || value.at[i + 1] == ';')) {
            err_set(err, "a comment must stand on a line of its own, before the key");
            return false;
        }
    }
    if (value.len > 0 && (value.at[0] == '"' || value.at[0] == '\'')) {
        err_set(err, "values are written without quotes");
        return false;
    }
    return config_format_fits(key, value, err);
}

static bool parse_value(struct config *config, enum config_key key, struct slice value,
                        enum config_dialect dialect, struct err *err)
{
    const struct config_row *row = &config_rows[key];

    if (!config_clean(value)) {
        err_set(err, "holds control characters or is not UTF-8");
        return false;
    }
    if (value.len > CONFIG_VALUE_MAX) {
        err_set(err, "is longer than %d bytes", CONFIG_VALUE_MAX);
        return false;
    }
    if (value.len == 0 && row->fallback[0] != '\0') {
        err_set(err, "has no value (default: %s)", row->fallback);
        return false;
    }
    switch (row->kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_PATH:
    case CONFIG_KIND_LIST:
        return text_fits(key, value, err);
    case CONFIG_KIND_NUMBER:
        if (strcmp(row->fallback, "auto") == 0 && slice_equal(value, SLICE_LITERAL("auto")))
            return true; /* worked out when everything else is known */
        return parse_number(value, row, config_number_field(config, key), err);
    case CONFIG_KIND_FLAG:
        return parse_flag(value, dialect, config_flag_field(config, key), err);
    case CONFIG_KIND_CHOICE:
        return parse_choice(value, key, config_number_field(config, key), err);
    case CONFIG_KIND_RATE:
        return config_parse_rate(value, row, config_rate_field(config, key), err);
    }
    BUG_ON(true);
}

void config_set(struct reading *reading, enum config_key key, const char *where, struct slice value,
                enum config_dialect dialect)
{
    struct config *config = reading->config;
    struct config_text *text = &config->texts[key];
    struct err err = {""};

    value = slice_trimmed(value);
    text->broken = !parse_value(config, key, value, dialect, &err);
    if (text->broken) {
        config_complain(reading, where, "%s.%s: %s", config_rows[key].section,
                        config_rows[key].name, err.text);
        return;
    }
    free(text->text);
    free(text->where);
    text->text = xcalloc(value.len + 1, 1);
    if (value.len > 0)
        memcpy(text->text, value.at, value.len);
    text->where = xstrdup(where);
    if (config_rows[key].kind <= CONFIG_KIND_LIST)
        *config_text_field(config, key) = text->text;
}
