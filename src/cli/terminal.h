/* What people see and type: texts that cannot harm a terminal, tables, passwords without an echo.
 * Private to this folder. */
#ifndef GATEPOST_CLI_TERMINAL_H
#define GATEPOST_CLI_TERMINAL_H

#include <stdio.h>

#include "gatepost/base.h"
#include "gatepost/err.h"

/* The text with what a terminal would obey or not show (control and format characters, bytes that
 * are no UTF-8) as \u{202E} or \xFF. Gives: heap text. */
char *terminal_text(struct slice text);

/* Columns that the text takes on a terminal; text as terminal_text gives it. */
size_t terminal_width(const char *text);

/* A table whose columns are as wide as the widest cell so far. */
struct table;
struct table *table_new(const char *const *headers, size_t columns);
void table_free(struct table **table);

/* One row: as many cells as there are headers, copied, made harmless. */
void table_add(struct table *table, const struct slice *cells);

/* Writes the rows that were added since the last call, under the headers the first time. Columns
 * never become narrower: a long list comes in pieces, and each is aligned. */
void table_print(struct table *table, FILE *to);

#define PASSWORD_TEXT_BYTES 1025 /* the longest password, with the NUL */

/* Asks on the terminal, twice, without echo. Returns false with a sentence when there is no
 * terminal, or the two differ. */
MUST_USE bool password_ask(const char *whose, char password_out[PASSWORD_TEXT_BYTES],
                           struct err *err);

/* The first line of standard input, without its end. */
MUST_USE bool password_read(FILE *from, char password_out[PASSWORD_TEXT_BYTES], struct err *err);

/* Twenty characters that hold 120 random bits, or more where password.min_length wants more. */
void password_generate(size_t min_points, char password_out[PASSWORD_TEXT_BYTES]);

#endif
