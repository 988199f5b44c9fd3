/* What the words behind a command such as `gatepost user` or `gatepost mail` say: a command of that
 * group, its operands and options. Private to this folder. */
#ifndef GATEPOST_CLI_WORDS_H
#define GATEPOST_CLI_WORDS_H

#include <stdio.h>

#include "gatepost/base.h"
#include "gatepost/err.h"

#define WORDS_OPERANDS_MAX 2

struct words_command {
    const char *name;
    const char *operands; /* for people: "USER", "USERNAME EMAIL", "[FILE]" */
    size_t operand_count; /* at most; in brackets they may be left out */
    unsigned options;     /* bits: 1 << the option's index */
    const char *text;
};

struct words_option {
    const char *word;
    const char *value; /* what its value is, for people; NULL: it has none */
};

struct words_group {
    const char *name;     /* "user" */
    const void *commands; /* rows of command_bytes, each beginning with a struct words_command */
    size_t command_bytes;
    size_t command_count;
    const struct words_option *options;
    size_t option_count;
};

/* Reads the words after the group's name. operands_out and options_out (by the options' index; ""
 * of one without a value) are NULL where nothing was said, and borrow from words. Returns the
 * command's row, or NULL: err says what is wrong, and what was filled in means nothing. */
MUST_USE const struct words_command *words_read(const struct words_group *group,
                                                const char *const *words, size_t count,
                                                const char *operands_out[WORDS_OPERANDS_MAX],
                                                const char **options_out, struct err *err);

/* "usage: ..." and the two tables; what else there is to say is the caller's. */
void words_print_usage(const struct words_group *group, FILE *to);

/* A whole number from 1 to a milliard. Returns false for another text, and leaves *number_out. */
MUST_USE bool words_number(const char *text, size_t *number_out);

#endif
