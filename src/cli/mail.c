/* `gatepost mail COMMAND`: letters. A command is a row here and a function in a file of its own. */
#include "mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "cli.h"
#include "gatepost/mail_purpose.h"
#include "gatepost/proc.h"

#define BIT(option) (1U << MAIL_OPTION_##option)
#define FILTERS     (BIT(STATE) | BIT(PURPOSE) | BIT(TO) | BIT(DOMAIN) | BIT(SINCE) | BIT(DUE))

static const struct mail_command COMMANDS[] = {
    {{"preview", "PURPOSE", 1, BIT(LANG) | BIT(EML) | BIT(TEXT) | BIT(HTML),
      "the letter with example values, to standard output"},
     cli_mail_preview},
    {{"dkim", "", 0, 0, "the DNS records of mail.dkim_keys"}, cli_mail_dkim},
    {{"bounce", "", 0, BIT(TO),
      "hands the report on standard input to the running server; for an MTA's pipe"},
     cli_mail_bounce},
    {{"status", "", 0, BIT(JSON), "how many letters wait, and whether it is paused"},
     cli_mail_status},
    {{"list", "", 0, BIT(JSON) | BIT(LIMIT) | FILTERS,
      "letters that wait, were given up, or were sent and are remembered"},
     cli_mail_list},
    {{"show", "ID", 1, BIT(JSON), "one letter and what happened to it"}, cli_mail_show},
    {{"retry", "[ID]", 1, BIT(JSON) | BIT(ALL) | FILTERS,
      "sent again now: one, or all (that were given up)"},
     cli_mail_retry},
    {{"cancel", "[ID]", 1, BIT(JSON) | BIT(ALL) | FILTERS,
      "never sent: one, or all (that wait or were given up)"},
     cli_mail_cancel},
    {{"pause", "", 0, 0, "nothing new is sent, also after a restart"}, cli_mail_pause},
    {{"resume", "", 0, 0, "letters are sent again"}, cli_mail_resume},
    {{"drain", "", 0, BIT(JSON) | BIT(WAIT), "all that wait are tried now; returns when they were"},
     cli_mail_drain},
    {{"suppress", "[list|add|remove] [ADDRESS]", 2, BIT(JSON) | BIT(LIMIT) | BIT(DETAIL),
      "addresses that get no letters"},
     cli_mail_suppress},
};

static const struct words_option OPTIONS[MAIL_OPTION_COUNT] = {
#define OPTION(NAME, word, value) {word, value},
    MAIL_OPTIONS(OPTION)
#undef OPTION
};

static const struct words_group GROUP = {
    "mail", COMMANDS, sizeof(COMMANDS[0]), ARRAY_LEN(COMMANDS), OPTIONS, MAIL_OPTION_COUNT};

/* ---- the words --------------------------------------------------------------------------------
 */

bool mail_order_read(const char *const *words, size_t count, struct mail_order *order_out,
                     struct err *err)
{
    struct mail_order order = {.command = NULL};

    order.command = (const struct mail_command *)words_read(&GROUP, words, count, order.operands,
                                                            order.options, err);
    if (order.command == NULL)
        return false;
    *order_out = order;
    return true;
}

void cli_mail_usage(FILE *to)
{
    words_print_usage(&GROUP, to);
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
    *number_out = 0;
    return order->options[option] == NULL || words_number(order->options[option], number_out);
}

/* ---- the command ------------------------------------------------------------------------------
 */

int cli_mail(const struct config_source *source, const char *const *words, size_t count)
{
    struct mail_order order;
    struct err err = {0};

    if (!mail_order_read(words, count, &order, &err)) {
        (void)fprintf(stderr, "gatepost: %s\n\n", err.text);
        cli_mail_usage(stderr);
        return EXIT_USAGE;
    }
    struct config *config = config_load(source, cli_print_problem, NULL);
    if (config == NULL) /* an MTA keeps the report until this is mended */
        return order.command->run == cli_mail_bounce ? EX_TEMPFAIL : EXIT_CONFIG;
    config_forget_secrets(config);
    order.config = config;
    order.asking = (struct asking){
        .client = admin_client_new(config),
        .as_json = has_mail_option(&order, MAIL_OPTION_JSON),
        .missing = "no such letter",
    };
    int code = order.command->run(&order);
    if (fflush(stdout) != 0 && code == EXIT_DONE)
        code = cli_fail("standard output cannot be written to");
    admin_client_free(&order.asking.client);
    config_free(&config);
    return code;
}
