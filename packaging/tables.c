/* Prints the tables that the manual pages and the completions are made of, a row a line with tabs
 * between its columns. They are written once, in include/gatepost, and read here by the compiler
 * that reads them for the server; packaging/tables.py takes this in. */
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KEY(section, name, KIND, fallback, min, max, unit, reload, text)                           \
    {#section, #name, #KIND, fallback, #min, #max, unit, #reload, text},
static const char *const KEYS[][9] = {
#include "gatepost/config_keys.def"
};

#define EXIT_REASON(NAME, code, sentence) {#NAME, #code, sentence},
static const char *const EXIT_REASONS[][3] = {
#include "gatepost/exit_reasons.def"
};

static void print_row(const char *table, const char *const *columns, size_t count)
{
    (void)fputs(table, stdout);
    for (size_t i = 0; i < count; i++)
        (void)printf("\t%s", columns[i]);
    (void)fputc('\n', stdout);
}

int main(void)
{
    for (size_t i = 0; i < COUNT(KEYS); i++)
        print_row("key", KEYS[i], COUNT(KEYS[i]));
    for (size_t i = 0; i < COUNT(EXIT_REASONS); i++)
        print_row("exit", EXIT_REASONS[i], COUNT(EXIT_REASONS[i]));
    return fflush(stdout) == 0 ? 0 : 1;
}
