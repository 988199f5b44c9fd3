/* The words are read against two tables, the commands' and the options'; the usage is printed from
 * the same two. */
#include "words.h"

#include <stdlib.h>

#include "gatepost/encoding.h"

#define NUMBER_MOST  1000000000UL
#define TEXT_COLUMN  31 /* of the usage: where what a command does begins */
#define USAGE_COLUMN 90 /* where a line of options ends */

static const struct words_command *command_at(const struct words_group *group, size_t i)
{
    return (const void *)((const char *)group->commands + i * group->command_bytes);
}

static const struct words_command *find_command(const struct words_group *group, const char *name)
{
    for (size_t i = 0; i < group->command_count; i++) {
        if (strcmp(command_at(group, i)->name, name) == 0)
            return command_at(group, i);
    }
    return NULL;
}

/* Takes the option that begins at words[*at], and its value. */
static bool read_option(const struct words_group *group, const struct words_command *command,
                        const char *const *words, size_t count, size_t *at,
                        const char **options_out, struct err *err)
{
    const char *word = words[*at];
    size_t i = 0;

    while (i < group->option_count && strcmp(word, group->options[i].word) != 0)
        i++;
    if (i == group->option_count || (command->options & (1U << i)) == 0) {
        err_set(err, "`%s %s` has no option %s", group->name, command->name, word);
        return false;
    }
    if (group->options[i].value == NULL) {
        options_out[i] = "";
        return true;
    }
    if (*at + 1 == count) {
        err_set(err, "%s needs a value", word);
        return false;
    }
    if (words[*at + 1][0] == '\0') { /* a variable that is not set is no way to say "all" */
        err_set(err, "%s needs a value that is not empty", word);
        return false;
    }
    options_out[i] = words[++*at];
    return true;
}

static bool read_operand(const struct words_group *group, const struct words_command *command,
                         const char *word, size_t *count,
                         const char *operands_out[WORDS_OPERANDS_MAX], struct err *err)
{
    if (*count == command->operand_count) {
        err_set(err, "`%s %s` takes no \"%s\"", group->name, command->name, word);
        return false;
    }
    if (word[0] == '\0' || !utf8_valid(slice_of_text(word))) {
        err_set(err, "a word is empty or not UTF-8");
        return false;
    }
    operands_out[(*count)++] = word;
    return true;
}

const struct words_command *words_read(const struct words_group *group, const char *const *words,
                                       size_t count, const char *operands_out[WORDS_OPERANDS_MAX],
                                       const char **options_out, struct err *err)
{
    const struct words_command *command = count > 0 ? find_command(group, words[0]) : NULL;
    size_t operands = 0;
    bool options = true; /* until "--" */

    if (command == NULL && count > 0)
        err_set(err, "unknown command: %s %s", group->name, words[0]);
    else if (command == NULL)
        err_set(err, "a command is missing after %s", group->name);
    if (command == NULL)
        return NULL;
    for (size_t i = 1; i < count; i++) {
        if (options && strcmp(words[i], "--") == 0)
            options = false;
        else if (options && words[i][0] == '-' && words[i][1] != '\0'
                     ? !read_option(group, command, words, count, &i, options_out, err)
                     : !read_operand(group, command, words[i], &operands, operands_out, err))
            return NULL;
    }
    if (operands < command->operand_count && command->operands[0] != '[') {
        err_set(err, "`%s %s` needs %s", group->name, command->name, command->operands);
        return NULL;
    }
    return command;
}

static void print_options(const struct words_group *group, const struct words_command *command,
                          FILE *to)
{
    int column = USAGE_COLUMN; /* the first one begins a line */

    for (size_t i = 0; i < group->option_count; i++) {
        const struct words_option *option = &group->options[i];
        if ((command->options & (1U << i)) == 0)
            continue;
        bool has_value = option->value != NULL;
        int len = (int)strlen(option->word) + (has_value ? (int)strlen(option->value) + 4 : 3);
        if (column + len > USAGE_COLUMN) {
            (void)fprintf(to, "\n%*s", TEXT_COLUMN - 1, "");
            column = TEXT_COLUMN - 1;
        }
        (void)fprintf(to, " [%s%s%s]", option->word, has_value ? " " : "",
                      has_value ? option->value : "");
        column += len;
    }
    (void)fputc('\n', to);
}

void words_print_usage(const struct words_group *group, FILE *to)
{
    (void)fprintf(to, "usage: gatepost %s COMMAND [-c FILE] [-o section.key=value]...\n\n",
                  group->name);
    for (size_t i = 0; i < group->command_count; i++) {
        const struct words_command *command = command_at(group, i);
        (void)fprintf(to, "  %-12s %-14s  %s", command->name, command->operands, command->text);
        print_options(group, command, to);
    }
}

bool words_number(const char *text, size_t *number_out)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number == 0 || number > NUMBER_MOST)
        return false;
    *number_out = number;
    return true;
}
