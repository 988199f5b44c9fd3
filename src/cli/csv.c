/* See csv.h. Lines that are empty are no records; a byte order mark in front is skipped. */
#include "csv.h"

#include <stdlib.h>

enum place {
    FIELD_BEGINS,
    IN_FIELD,
    IN_QUOTES,
    BEHIND_QUOTE,  /* in quotes: another one is a quote, a separator ends the field */
    BEHIND_RETURN, /* a line feed must come */
};

struct csv {
    csv_record_fn on_record;
    void *context;
    enum place place;
    uint64_t line;
    uint64_t record_line;
    size_t bom;   /* bytes of a byte order mark that were skipped; over 3: the file has begun */
    size_t count; /* fields that have ended */
    size_t starts[CSV_FIELDS_MAX + 1];
    size_t max;
    size_t len;
    char *record;
};

struct csv *csv_new(size_t record_max_bytes, csv_record_fn on_record, void *context)
{
    struct csv *csv = xcalloc(1, sizeof(*csv));

    csv->on_record = on_record;
    csv->context = context;
    csv->line = 1;
    csv->record_line = 1;
    csv->max = record_max_bytes;
    csv->record = xrealloc(NULL, record_max_bytes);
    return csv;
}

void csv_free(struct csv **csv)
{
    if (*csv == NULL)
        return;
    free((*csv)->record);
    free(*csv);
    *csv = NULL;
}

static bool refuse(const struct csv *csv, const char *sentence, struct err *err)
{
    err_set(err, "line %llu: %s", (unsigned long long)csv->record_line, sentence);
    return false;
}

static bool keep(struct csv *csv, char c, enum place place, struct err *err)
{
    if (csv->len == csv->max)
        return refuse(csv, "a record is too long", err);
    csv->record[csv->len++] = c;
    csv->place = place;
    return true;
}

static bool end_field(struct csv *csv, struct err *err)
{
    if (csv->count == CSV_FIELDS_MAX)
        return refuse(csv, "a record has too many fields", err);
    csv->starts[++csv->count] = csv->len;
    csv->place = FIELD_BEGINS;
    return true;
}

static bool end_record(struct csv *csv, struct err *err)
{
    struct slice fields[CSV_FIELDS_MAX];
    bool goes_on = true;

    if (csv->count > 0 || csv->len > 0 || csv->place == BEHIND_QUOTE) {
        if (!end_field(csv, err))
            return false;
        for (size_t i = 0; i < csv->count; i++)
            fields[i] = slice_of(csv->record + csv->starts[i], csv->starts[i + 1] - csv->starts[i]);
        goes_on = csv->on_record(csv->context, fields, csv->count, csv->record_line);
    }
    csv->count = 0;
    csv->len = 0;
    csv->place = FIELD_BEGINS;
    return goes_on;
}

/* What ends a field. Returns false in *is_one_out for any other byte. */
static bool step_separator(struct csv *csv, char c, bool *is_one_out, struct err *err)
{
    *is_one_out = true;
    if (c == ',')
        return end_field(csv, err);
    if (c == '\n')
        return end_record(csv, err);
    if (c == '\r') {
        csv->place = BEHIND_RETURN;
        return true;
    }
    *is_one_out = false;
    return true;
}

static bool step(struct csv *csv, char c, struct err *err)
{
    bool separates = false;
    bool fine = true;

    switch (csv->place) {
    case IN_QUOTES:
        if (c != '"')
            return keep(csv, c, IN_QUOTES, err);
        csv->place = BEHIND_QUOTE;
        return true;
    case BEHIND_QUOTE:
        if (c == '"')
            return keep(csv, c, IN_QUOTES, err);
        fine = step_separator(csv, c, &separates, err);
        return separates ? fine : refuse(csv, "something stands behind a closing quote", err);
    case BEHIND_RETURN:
        return c == '\n' ? end_record(csv, err)
                         : refuse(csv, "a carriage return stands alone", err);
    case FIELD_BEGINS:
        if (c == '"') {
            csv->place = IN_QUOTES;
            return true;
        }
        break;
    case IN_FIELD:
        if (c == '"')
            return refuse(csv, "a quote stands inside of a field", err);
        break;
    }
    fine = step_separator(csv, c, &separates, err);
    return separates ? fine : keep(csv, c, IN_FIELD, err);
}

/* Editors of one platform put it in front of everything. */
static bool is_byte_order_mark(struct csv *csv, char c)
{
    static const char mark[] = "\xEF\xBB\xBF";

    if (csv->bom < sizeof(mark) - 1 && c == mark[csv->bom]) {
        csv->bom++;
        return true;
    }
    csv->bom = sizeof(mark);
    return false;
}

bool csv_feed(struct csv *csv, struct slice bytes, struct err *err)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.at[i];
        bool at_start = csv->count == 0 && csv->len == 0 && csv->place == FIELD_BEGINS;

        if (at_start)
            csv->record_line = csv->line;
        if (!is_byte_order_mark(csv, c) && !step(csv, c, err))
            return false;
        csv->line += c == '\n' ? 1U : 0U;
    }
    return true;
}

bool csv_end(struct csv *csv, struct err *err)
{
    if (csv->place == IN_QUOTES)
        return refuse(csv, "the file ends in the middle of quotes", err);
    return end_record(csv, err);
}
