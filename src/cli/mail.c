/* `gatepost mail COMMAND`: letters.
 *
 * The words are read against two tables, the commands' and the options'; the usage is printed from
 * the same two. A command is a row here and a function in a file of its own. */
#include "mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "cli.h"
#include "gatepost/encoding.h"
#include "gatepost/mail_purpose.h"
#include "gatepost/proc.h"

#include "listing.h"

#define BIT(option) (1U << MAIL_OPTION_##option)
#define NUMBER_MOST 1000000000UL
#define FILTERS     (BIT(STATE) | BIT(PURPOSE) | BIT(TO) | BIT(DOMAIN) | BIT(SINCE) | BIT(DUE))

static const struct mail_command COMMANDS[] = {
    {"preview", "PURPOSE", 1, BIT(LANG) | BIT(EML) | BIT(TEXT) | BIT(HTML), cli_mail_preview,
     "the letter with example values, to standard output"},
    {"dkim", "", 0, 0, cli_mail_dkim, "the DNS records of mail.dkim_keys"},
    {"bounce", "", 0, BIT(TO), cli_mail_bounce,
     "hands the report on standard input to the running server; for an MTA's pipe"},
    {"status", "", 0, BIT(JSON), cli_mail_status,
     "how many letters wait, and whether it is paused"},
    {"list", "", 0, BIT(JSON) | BIT(LIMIT) | FILTERS, cli_mail_list,
     "letters that wait, were given up, or were sent and are remembered"},
    {"show", "ID", 1, BIT(JSON), cli_mail_show, "one letter and what happened to it"},
    {"retry", "[ID]", 1, BIT(JSON) | BIT(ALL) | FILTERS, cli_mail_retry,
     "sent again now: one, or all (that were given up)"},
    {"cancel", "[ID]", 1, BIT(JSON) | BIT(ALL) | FILTERS, cli_mail_cancel,
     "never sent: one, or all (that wait or were given up)"},
    {"pause", "", 0, 0, cli_mail_pause, "nothing new is sent, also after a restart"},
    {"resume", "", 0, 0, cli_mail_resume, "letters are sent again"},
    {"drain", "", 0, BIT(JSON) | BIT(WAIT), cli_mail_drain,
     "all that wait are tried now; returns when they were"},
    {"suppress", "[list|add|remove] [ADDRESS]", 2, BIT(JSON) | BIT(LIMIT) | BIT(DETAIL),
     cli_mail_suppress, "addresses that get no letters"},
};

static const struct {
    const char *word;
    const char *value; /* NULL: it has none */
} OPTIONS[MAIL_OPTION_COUNT] = {
#define OPTION(NAME, word, value) {word, value},
    MAIL_OPTIONS(OPTION)
#undef OPTION
};

/* ---- the words --------------------------------------------------------------------------------
 */

static const struct mail_command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    }
    return NULL;
}

/* Takes the option that begins at words[*at], and its value. */
static bool read_option(const char *const *words, size_t count, size_t *at,
                        struct mail_order *order, struct err *err)
{
    const char *word = words[*at];

    for (size_t i = 0; i < MAIL_OPTION_COUNT; i++) {
        if (strcmp(word, OPTIONS[i].word) != 0)
            continue;
        if ((order->command->options & (1U << i)) == 0)
            break;
        if (OPTIONS[i].value == NULL) {
            order->options[i] = "";
            return true;
        }
        if (*at + 1 == count || words[*at + 1][0] == '\0') {
            err_set(err, "%s needs a value that is not empty", word);
            return false;
        }
        order->options[i] = words[++*at];
        return true;
    }
    err_set(err, "`mail %s` has no option %s", order->command->name, word);
    return false;
}

static bool read_operand(const char *word, size_t *operands, struct mail_order *order,
                         struct err *err)
{
    if (*operands == order->command->operand_count) {
        err_set(err, "`mail %s` takes no \"%s\"", order->command->name, word);
        return false;
    }
    if (word[0] == '\0' || !utf8_valid(slice_of_text(word))) {
        err_set(err, "a word is empty or not UTF-8");
        return false;
    }
    order->operands[(*operands)++] = word;
    return true;
}

bool mail_order_read(const char *const *words, size_t count, struct mail_order *order_out,
                     struct err *err)
{
    struct mail_order order = {.command = count > 0 ? find_command(words[0]) : NULL};
    size_t operands = 0;
    bool options = true; /* until "--" */

    if (order.command == NULL) {
        err_set(err, count > 0 ? "unknown command: mail %s" : "a command is missing after mail",
                count > 0 ? words[0] : "");
        return false;
    }
    for (size_t i = 1; i < count; i++) {
        if (options && strcmp(words[i], "--") == 0)
            options = false;
        else if (options && words[i][0] == '-' && words[i][1] != '\0'
                     ? !read_option(words, count, &i, &order, err)
                     : !read_operand(words[i], &operands, &order, err))
            return false;
    }
    if (operands < order.command->operand_count && order.command->operands[0] != '[') {
        err_set(err, "`mail %s` needs %s", order.command->name, order.command->operands);
        return false;
    }
    *order_out = order;
    return true;
}

static void print_usage(FILE *to)
{
    (void)fputs("usage: gatepost mail COMMAND [-c FILE] [-o section.key=value]...\n\n", to);
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        const struct mail_command *command = &COMMANDS[i];
        (void)fprintf(to, "  %-12s %-15s %s\n", command->name, command->operands, command->text);
        (void)fprintf(to, "  %-28s", "");
        for (size_t option = 0; option < MAIL_OPTION_COUNT; option++) {
            if ((command->options & (1U << option)) == 0)
                continue;
            const char *value = OPTIONS[option].value;
            (void)fprintf(to, " [%s%s%s]", OPTIONS[option].word, value != NULL ? " " : "",
                          value != NULL ? value : "");
        }
        (void)fputc('\n', to);
    }
    (void)fputs("\n  PURPOSE is one of:\n   ", to);
#define PURPOSE(number, NAME, name, path) (void)fputs(" " #name, to);
    MAIL_PURPOSES(PURPOSE)
#undef PURPOSE
    (void)fputs("\n\n  WHEN is a time as 2026-11-28T12:00:00Z or 2026-11-28, or so long ago: 30m, "
                "12h, 7d.\n"
                "  --due: those that wait and whose time has come. drain ends with 0 when nothing\n"
                "  waits any more, with 1 when what is left was tried or was written since then,\n"
                "  or after --wait seconds.\n\n"
                "  Exit codes: 0 done, 1 refused, 2 wrong words, 3 no such letter or server,\n"
                "  10 the configuration is wrong. Those of bounce are sysexits.h's: 0 taken, 75 "
                "try again,\n"
                "  67 no address of this server's letters, 65 no message.\n",
                to);
}

/* ---- what the commands share --------------------------------------------------------------------
 */

int mail_misuse(const char *sentence)
{
    (void)fprintf(stderr, "gatepost: %s\n", sentence);
    return EXIT_USAGE;
}

bool mail_number(const struct mail_order *order, enum mail_option option, size_t *number_out)
{
    const char *text = order->options[option];
    char *end = NULL;

    *number_out = 0;
    if (text == NULL)
        return true;
    *number_out = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *number_out > 0 &&
           *number_out <= NUMBER_MOST;
}

int mail_print_all(struct mail_order *order, const struct listing *listing, const char *path,
                   size_t limit)
{
    struct table *table = table_new(listing->headers, listing->columns);
    size_t left = limit != 0 ? limit : SIZE_MAX;
    char *last_id = xstrdup("");
    size_t count = 1;
    int code = EXIT_DONE;

    while (code == EXIT_DONE && count > 0 && left > 0) {
        struct admin_answer answer = {0};
        char *after = admin_escape(last_id);
        size_t bytes = strlen(path) + strlen(after) + 64;
        char *page_path = xcalloc(1, bytes);
        (void)snprintf(page_path, bytes, "%slimit=%zu&after=%s", path,
                       left < LISTING_PAGE_LINES ? left : LISTING_PAGE_LINES, after);
        code = user_ask(&order->asking, "GET", page_path, NULL, &answer);
        if (code == EXIT_DONE) {
            count = listing_print(listing, table, has_mail_option(order, MAIL_OPTION_JSON),
                                  slice_of(answer.body, answer.len), left, &last_id);
            left -= count;
        }
        free(page_path);
        free(after);
    }
    free(last_id);
    table_free(&table);
    return code;
}

/* ---- the command ------------------------------------------------------------------------------
 */

int cli_mail(const struct config_source *source, const char *const *words, size_t count)
{
    struct mail_order order;
    struct err err = {0};

    if (!mail_order_read(words, count, &order, &err)) {
        (void)fprintf(stderr, "gatepost: %s\n\n", err.text);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    struct config *config = config_load(source, user_print_problem, NULL);
    if (config == NULL) /* an MTA keeps the report until this is mended */
        return order.command->run == cli_mail_bounce ? EX_TEMPFAIL : EXIT_CONFIG;
    config_forget_secrets(config);
    order.config = config;
    order.asking.client = admin_client_new(config);
    order.asking.missing = "no such letter";
    if (has_mail_option(&order, MAIL_OPTION_JSON))
        order.asking.options[OPTION_JSON] = "";
    int code = order.command->run(&order);
    if (fflush(stdout) != 0 && code == EXIT_DONE)
        code = user_fail("standard output cannot be written to");
    admin_client_free(&order.asking.client);
    config_free(&config);
    return code;
}
