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

#define BIT(option)  (1U << OPTION_##option)
#define PASSWORD     (BIT(PASSWORD_STDIN) | BIT(GENERATE))
#define HTTP_DONE    200
#define HTTP_REFUSED 300

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

static void print_usage(FILE *to)
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

/* ---- asking -----------------------------------------------------------------------------------
 */

int user_fail(const char *sentence)
{
    (void)fprintf(stderr, "gatepost: %s\n", sentence);
    return EXIT_FAILED;
}

/* A refusal's sentences. The reader of flat objects drops what is in an array, so the texts are
 * picked out here: the server's answers are {"detail":"..."} or {"field":["...",...],...}. */
static void print_refusal(const struct admin_answer *answer)
{
    char field[64] = "";
    bool told = false;
    const char *at = answer->body;

    while ((at = strchr(at, '"')) != NULL) {
        const char *end = ++at;
        while (*end != '\0' && *end != '"')
            end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
        if (*end == '\0')
            break;
        if (end[1] == ':') {
            if (!slice_to_text(slice_of(at, (size_t)(end - at)), field, sizeof(field)))
                field[0] = '\0';
        } else {
            char *text = terminal_text(slice_of(at, (size_t)(end - at)));
            bool named = strcmp(field, "detail") != 0 && strcmp(field, "non_field_errors") != 0;
            (void)fprintf(stderr, "gatepost: %s%s%s\n", named ? field : "", named ? ": " : "",
                          text);
            free(text);
            told = true;
        }
        at = end + 1;
    }
    if (!told)
        (void)fprintf(stderr, "gatepost: the server answered with status %d\n", answer->status);
}

int user_ask(struct user_order *order, const char *method, const char *path, const char *json,
             struct admin_answer *answer_out)
{
    struct err err = {0};

    switch (admin_call(order->client, method, path, json, answer_out, &err)) {
    case ADMIN_OK:
        break;
    case ADMIN_NOT_RUNNING:
        (void)user_fail(err.text);
        return CLI_NOT_RUNNING;
    case ADMIN_FAILED:
        return user_fail(err.text);
    }
    if (answer_out->status >= HTTP_DONE && answer_out->status < HTTP_REFUSED)
        return EXIT_DONE;
    if (answer_out->status == 404) {
        (void)user_fail(order->missing != NULL          ? order->missing
                        : has_option(order, OPTION_END) ? "no such user or session"
                                                        : "no such user");
        return CLI_NOT_FOUND;
    }
    print_refusal(answer_out);
    return EXIT_FAILED;
}

int user_ask_about(struct user_order *order, const char *method, const char *rest, const char *json,
                   struct admin_answer *answer_out)
{
    char *path = admin_user_path(order->operands[0], rest);
    int code = user_ask(order, method, path, json, answer_out);

    free(path);
    return code;
}

void user_read_object(struct slice text, struct json_object *object_out)
{
    struct err err = {0};

    if (json_read(text, object_out, &err) != JSON_OK)
        exit(user_fail("the server's answer cannot be read"));
}

struct slice user_member(const struct json_object *object, const char *name)
{
    const struct json_member *member = json_find(object, name);

    if (member == NULL)
        return SLICE_LITERAL("-");
    switch (member->type) {
    case JSON_STRING:
    case JSON_INTEGER:
    case JSON_FLOAT:
        return member->text;
    case JSON_TRUE:
        return SLICE_LITERAL("yes");
    case JSON_FALSE:
        return SLICE_LITERAL("no");
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return SLICE_LITERAL("-");
}

/* ---- the command ------------------------------------------------------------------------------
 */

void user_print_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    (void)fprintf(stderr, "%s: %s\n", where, sentence);
}

int cli_user(const struct config_source *source, const char *const *words, size_t count)
{
    struct user_order order;
    struct err err = {0};

    if (!user_order_read(words, count, &order, &err)) {
        (void)fprintf(stderr, "gatepost: %s\n\n", err.text);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    struct config *config = config_load(source, user_print_problem, NULL);
    if (config == NULL)
        return EXIT_CONFIG;
    config_forget_secrets(config);
    order.config = config;
    order.client = admin_client_new(config);
    int code = order.command->run(&order);
    if (fflush(stdout) != 0 && code == EXIT_DONE)
        code = user_fail("standard output cannot be written to");
    admin_client_free(&order.client);
    config_free(&config);
    return code;
}
