/* config_print: the table, and what is in effect, as a file.
 *
 * A value that was left to be worked out is printed as "auto", so that the file means the same on
 * another machine. Secrets are never printed: no key holds one. */
#include "reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAPER_COLUMNS 100

/* Prints as comment lines, broken at spaces. */
static void print_comment(FILE *paper, const char *text)
{
    const size_t room = PAPER_COLUMNS - strlen("# ");

    while (*text != '\0') {
        size_t len = strlen(text);
        if (len > room) {
            len = room;
            while (len > 0 && text[len] != ' ')
                len--;
            if (len == 0)
                len = room;
        }
        (void)fprintf(paper, "# %.*s\n", (int)len, text);
        text += len;
        while (*text == ' ')
            text++;
    }
}

static void print_range(FILE *paper, enum config_key key)
{
    const struct config_row *row = &config_rows[key];
    const char *fallback = row->fallback[0] == '\0' ? "none" : row->fallback;
    char line[512];
    int len = 0;

    switch (row->kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_PATH:
        len = snprintf(line, sizeof(line), "Default: %s (%s)", fallback, row->unit);
        break;
    case CONFIG_KIND_LIST:
        len =
            snprintf(line, sizeof(line), "Default: %s (comma separated: %s)", fallback, row->unit);
        break;
    case CONFIG_KIND_NUMBER:
        len = snprintf(line, sizeof(line), "Default: %s (%s, %" PRId64 " to %" PRId64 ")", fallback,
                       row->unit, row->min, row->max);
        break;
    case CONFIG_KIND_FLAG:
        len = snprintf(line, sizeof(line), "Default: %s (yes or no)", fallback);
        break;
    case CONFIG_KIND_CHOICE:
        len = snprintf(line, sizeof(line), "Default: %s (%s)", fallback, row->unit);
        break;
    case CONFIG_KIND_RATE:
        len = snprintf(line, sizeof(line), "Default: %s (%s in so many seconds, or no)", fallback,
                       row->unit);
        break;
    }
    BUG_ON(len < 0 || (size_t)len >= sizeof(line));
    print_comment(paper, line);
}

void config_value_text(const struct config *config, enum config_key key,
                       char text_out[CONFIG_VALUE_BYTES])
{
    /* The field functions give places to write to; nothing is written here. */
    struct config *fields = (struct config *)(uintptr_t)config;
    const struct config_rate *rate;
    struct slice word;
    int len = 0;

    switch (config_rows[key].kind) {
    case CONFIG_KIND_TEXT:
    case CONFIG_KIND_PATH:
    case CONFIG_KIND_LIST:
        len = snprintf(text_out, CONFIG_VALUE_BYTES, "%s", *config_text_field(fields, key));
        break;
    case CONFIG_KIND_NUMBER:
        len = snprintf(text_out, CONFIG_VALUE_BYTES, "%" PRId64, *config_number_field(fields, key));
        break;
    case CONFIG_KIND_FLAG:
        len = snprintf(text_out, CONFIG_VALUE_BYTES, "%s",
                       *config_flag_field(fields, key) ? "yes" : "no");
        break;
    case CONFIG_KIND_CHOICE:
        word = config_choice_word(key, (size_t)*config_number_field(fields, key));
        len = snprintf(text_out, CONFIG_VALUE_BYTES, "%.*s", (int)word.len, word.at);
        break;
    case CONFIG_KIND_RATE:
        rate = config_rate_field(fields, key);
        if (rate->count == 0)
            len = snprintf(text_out, CONFIG_VALUE_BYTES, "no");
        else
            len = snprintf(text_out, CONFIG_VALUE_BYTES, "%" PRIu32 "/%" PRIu32, rate->count,
                           rate->period_s);
        break;
    }
    BUG_ON(len < 0 || len >= CONFIG_VALUE_BYTES);
}

/* The relays' sections have the same keys: the first one tells what they are. Returns the key that
 * has told, or the key itself. */
static enum config_key told_by(enum config_key key)
{
    for (enum config_key earlier = 0; earlier < key; earlier++) {
        if (strcmp(config_rows[earlier].name, config_rows[key].name) == 0 &&
            strcmp(config_rows[earlier].text, config_rows[key].text) == 0)
            return earlier;
    }
    return key;
}

static void print_key(FILE *paper, const struct config *config, enum config_key key)
{
    const struct config_row *row = &config_rows[key];

    if (key == 0 || strcmp(row->section, config_rows[key - 1].section) != 0)
        (void)fprintf(paper, "\n[%s]\n", row->section);
    else
        (void)fprintf(paper, "\n");
    enum config_key first = told_by(key);
    if (first == key) {
        print_comment(paper, row->text);
        print_range(paper, key);
    } else {
        (void)fprintf(paper, "# As in [%s].\n", config_rows[first].section);
    }
    (void)fprintf(paper, "%s =", row->name);
    if (config->texts[key].text[0] != '\0')
        (void)fprintf(paper, " ");
    char value[CONFIG_VALUE_BYTES] = "auto";
    if (strcmp(config->texts[key].text, "auto") != 0)
        config_value_text(config, key, value);
    (void)fprintf(paper, "%s\n", value);
}

bool config_print(const struct config *config, int fd)
{
    char *text = NULL;
    size_t len = 0;
    FILE *paper = open_memstream(&text, &len);
    bool written;

    BUG_ON(paper == NULL);
    print_comment(paper, "Gatepost's configuration, as `gatepost config` prints it. What wins: -o "
                         "section.key=value, then the environment (GATEPOST_SECTION_KEY), then "
                         ".env, then this file, then the default. Relative paths are relative to "
                         "the working directory.");
    for (enum config_key key = 0; key < CONFIG_KEYS; key++)
        print_key(paper, config, key);
    if (config->smtp_password.len > 0) {
        (void)fprintf(paper, "\n");
        print_comment(paper, "EMAIL_HOST_PASSWORD is set, and is not shown.");
    }
    BUG_ON(fclose(paper) != 0);
    written = fd_write_all(fd, text, len);
    free(text);
    return written;
}
