/* See terminal.h: texts and tables. A name is what its owner chose it to be: printed as it is, it
 * could clear the screen or turn the line around (Trojan Source, CVE-2021-42574). */
#include "terminal.h"

#include <stdlib.h>
#include <unictype.h>
#include <uniwidth.h>

#include "gatepost/encoding.h"

#define ESCAPE_MAX_BYTES 11 /* \u{10FFFF} and a NUL */
#define GAP              2  /* blanks between columns */

/* ---- texts ------------------------------------------------------------------------------------
 */

static bool is_harmless(uint32_t point)
{
    static const uint32_t hidden = UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf | UC_CATEGORY_MASK_Cs |
                                   UC_CATEGORY_MASK_Co | UC_CATEGORY_MASK_Cn | UC_CATEGORY_MASK_Zl |
                                   UC_CATEGORY_MASK_Zp;

    return !uc_is_general_category_withtable(point, hidden);
}

/* The longest beginning of text that is valid UTF-8 and one code point. Returns 0 for none. */
static size_t point_len(struct slice text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++) {
        if (utf8_valid(slice_of(text.at, len)))
            return len;
    }
    return 0;
}

char *terminal_text(struct slice text)
{
    char *shown = xcalloc(ESCAPE_MAX_BYTES, text.len + 1);
    char *out = shown;

    while (text.len > 0) {
        size_t len = point_len(text);
        struct slice rest = text;
        uint32_t point = len > 0 ? utf8_next(&rest) : 0;
        if (len == 0) {
            out += snprintf(out, ESCAPE_MAX_BYTES, "\\x%02X", (unsigned char)text.at[0]);
            len = 1;
        } else if (is_harmless(point)) {
            memcpy(out, text.at, len);
            out += len;
        } else {
            out += snprintf(out, ESCAPE_MAX_BYTES, "\\u{%X}", point);
        }
        text = slice_of(text.at + len, text.len - len);
    }
    *out = '\0';
    return shown;
}

size_t terminal_width(const char *text)
{
    int width = u8_strwidth((const uint8_t *)text, "UTF-8");

    return width > 0 ? (size_t)width : 0;
}

/* ---- tables -----------------------------------------------------------------------------------
 */

struct table {
    const char *const *headers; /* borrowed */
    size_t columns;
    size_t *widths;
    char **cells; /* row after row */
    size_t rows;
    size_t room; /* rows that cells has room for */
    bool has_headers;
};

static void widen(struct table *table, size_t column, const char *text)
{
    size_t width = terminal_width(text);

    if (width > table->widths[column])
        table->widths[column] = width;
}

struct table *table_new(const char *const *headers, size_t columns)
{
    struct table *table = xcalloc(1, sizeof(*table));

    table->headers = headers;
    table->columns = columns;
    table->widths = xcalloc(columns, sizeof(*table->widths));
    for (size_t i = 0; i < columns; i++)
        widen(table, i, headers[i]);
    return table;
}

static void drop_rows(struct table *table)
{
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    table->rows = 0;
}

void table_free(struct table **table_io)
{
    struct table *table = *table_io;

    if (table == NULL)
        return;
    drop_rows(table);
    free(table->cells);
    free(table->widths);
    free(table);
    *table_io = NULL;
}

void table_add(struct table *table, const struct slice *cells)
{
    if (table->rows == table->room) {
        size_t room = table->room * 2 + 16;
        char **more = xcalloc(room * table->columns, sizeof(*more));
        if (table->rows > 0)
            memcpy(more, table->cells, table->rows * table->columns * sizeof(*more));
        free(table->cells);
        table->cells = more;
        table->room = room;
    }
    for (size_t i = 0; i < table->columns; i++) {
        char *text = terminal_text(cells[i]);
        widen(table, i, text);
        table->cells[table->rows * table->columns + i] = text;
    }
    table->rows++;
}

/* The last cell has no blanks behind it. */
static void print_row(const struct table *table, const char *const *cells, FILE *to)
{
    for (size_t i = 0; i < table->columns; i++) {
        size_t blanks = table->widths[i] - terminal_width(cells[i]) + GAP;
        (void)fputs(cells[i], to);
        for (; i + 1 < table->columns && blanks > 0; blanks--)
            (void)fputc(' ', to);
    }
    (void)fputc('\n', to);
}

void table_print(struct table *table, FILE *to)
{
    if (!table->has_headers)
        print_row(table, table->headers, to);
    table->has_headers = true;
    for (size_t row = 0; row < table->rows; row++)
        print_row(table, (const char *const *)&table->cells[row * table->columns], to);
    drop_rows(table);
}
