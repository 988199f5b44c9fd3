/* `gatepost user COMMAND`: the running server's accounts.
 *
 * Everything is asked over the admin socket (admin_client.h): this process opens no
 * database, and who may do it is decided by who may open the socket. */
#include "user.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "gatepost/proc.h"

#include "terminal.h"

#define BIT(option) (1U << OPTION_##option)
#define PASSWORD    (BIT(PASSWORD_STDIN) | BIT(GENERATE))

static const struct user_command COMMANDS[] = {
    {{"list", "", 0, BIT(JSON) | BIT(SEARCH) | BIT(LIMIT), "all accounts"}, cli_user_list},
    {{"show", "USER", 1, BIT(JSON), "one account"}, cli_user_show},
    {{"add", "USERNAME EMAIL", 2,
      BIT(JSON) | PASSWORD | BIT(NO_PASSWORD) | BIT(VERIFIED) | BIT(DISABLED),
      "a new account; its password is asked for"},
     cli_user_add},
    {{"disable", "USER", 1, BIT(JSON), "no login any more, all sessions end"}, cli_user_disable},
    {{"enable", "USER", 1, BIT(JSON), "logins again"}, cli_user_enable},
    {{"delete", "USER", 1, BIT(YES), "the account and all that was its own"}, cli_user_delete},
    {{"set-password", "USER", 1, BIT(JSON) | PASSWORD, "another password, all sessions end"},
     cli_user_set_password},
    {{"verify", "USER", 1, BIT(JSON), "the address counts as proven"}, cli_user_verify},
    {{"sessions", "USER", 1, BIT(JSON) | BIT(END) | BIT(END_ALL),
      "who is logged in where; ends one or all"},
     cli_user_sessions},
    {{"import", "FILE", 1, BIT(FROM) | BIT(MODEL) | BIT(VERIFIED) | BIT(DRY_RUN) | BIT(REPORT),
      "accounts of another system move in; - is standard input"},
     cli_user_import},
    {{"export", "[FILE]", 1, BIT(TO) | BIT(MODEL), "all accounts with their stored passwords"},
     cli_user_export},
};

static const struct words_option OPTIONS[OPTION_COUNT] = {
#define OPTION(NAME, word, value) {word, value},
    USER_OPTIONS(OPTION)
#undef OPTION
};

static const struct words_group GROUP = {
    "user", COMMANDS, sizeof(COMMANDS[0]), ARRAY_LEN(COMMANDS), OPTIONS, OPTION_COUNT};

/* ---- the words --------------------------------------------------------------------------------
 */

static bool read_limit(struct user_order *order, struct err *err)
{
    const char *text = order->options[OPTION_LIMIT];

    if (text == NULL || words_number(text, &order->limit))
        return true;
    err_set(err, "--limit needs a number from 1 on");
    return false;
}

/* Options that say two things at once. */
static bool is_clear(const struct user_order *order, struct err *err)
{
    int passwords = has_option(order, OPTION_PASSWORD_STDIN) + has_option(order, OPTION_GENERATE) +
                    has_option(order, OPTION_NO_PASSWORD);

    if (passwords > 1)
        err_set(err, "--password-stdin, --generate and --no-password exclude one another");
    else if (has_option(order, OPTION_END) && has_option(order, OPTION_END_ALL))
        err_set(err, "--end and --end-all exclude one another");
    else
        return true;
    return false;
}

bool user_order_read(const char *const *words, size_t count, struct user_order *order_out,
                     struct err *err)
{
    struct user_order order = {.command = NULL};

    order.command = (const struct user_command *)words_read(&GROUP, words, count, order.operands,
                                                            order.options, err);
    if (order.command == NULL || !is_clear(&order, err) || !read_limit(&order, err))
        return false;
    *order_out = order;
    return true;
}

void cli_user_usage(FILE *to)
{
    words_print_usage(&GROUP, to);
    (void)fputs(
        "\n  USER is an id, a username or an e-mail address; id:, username: or email: in\n"
        "  front of it says which. Exit codes: 0 done, 1 refused, 2 wrong words, 3 no such\n"
        "  user, session or server, 10 the configuration is wrong.\n"
        "\n  import --verified takes every address of the file as proven: only for one whose\n"
        "  addresses were. Django has no place for it: export --to django loses which were,\n"
        "  --to jsonl does not.\n",
        to);
}

/* ---- the command ------------------------------------------------------------------------------
 */

int user_ask_about(struct user_order *order, const char *method, const char *rest, const char *json,
                   struct admin_answer *answer_out)
{
    char *path = admin_user_path(order->operands[0], rest);
    int code = ask(&order->asking, method, path, json, answer_out);

    free(path);
    return code;
}

int cli_user(const struct config_source *source, const char *const *words, size_t count)
{
    struct user_order order;
    struct err err = {0};

    if (!user_order_read(words, count, &order, &err)) {
        (void)fprintf(stderr, "gatepost: %s\n\n", err.text);
        cli_user_usage(stderr);
        return EXIT_USAGE;
    }
    struct config *config = config_load(source, cli_print_problem, NULL);
    if (config == NULL)
        return EXIT_CONFIG;
    config_forget_secrets(config);
    order.config = config;
    order.asking = (struct asking){
        .client = admin_client_new(config),
        .as_json = has_option(&order, OPTION_JSON),
        .missing = has_option(&order, OPTION_END) ? "no such user or session" : "no such user",
    };
    int code = order.command->run(&order);
    if (fflush(stdout) != 0 && code == EXIT_DONE)
        code = cli_fail("standard output cannot be written to");
    admin_client_free(&order.asking.client);
    config_free(&config);
    return code;
}
