/* `gatepost user COMMAND`: the running server's accounts.
 *
 * The words are read against two tables, the commands' and the options'; the usage is printed from
 * the same two. Everything is asked over the admin socket (admin_client.h): this process opens no
 * database, and who may do it is decided by who may open the socket. */
#include "user.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "gatepost/encoding.h"
#include "gatepost/proc.h"

#include "terminal.h"

#define BIT(option)  (1U << OPTION_##option)
#define PASSWORD     (BIT(PASSWORD_STDIN) | BIT(GENERATE))
#define LIMIT_MOST   1000000000UL
#define HTTP_DONE    200
#define HTTP_REFUSED 300

static const struct user_command COMMANDS[] = {
    {"list", "", 0, BIT(JSON) | BIT(SEARCH) | BIT(LIMIT), cli_user_list, "all accounts"},
    {"show", "USER", 1, BIT(JSON), cli_user_show, "one account"},
    {"add", "USERNAME EMAIL", 2,
     BIT(JSON) | PASSWORD | BIT(NO_PASSWORD) | BIT(VERIFIED) | BIT(DISABLED), cli_user_add,
     "a new account; its password is asked for"},
    {"disable", "USER", 1, BIT(JSON), cli_user_disable, "no login any more, all sessions end"},
    {"enable", "USER", 1, BIT(JSON), cli_user_enable, "logins again"},
    {"delete", "USER", 1, BIT(YES), cli_user_delete, "the account and all that was its own"},
    {"set-password", "USER", 1, BIT(JSON) | PASSWORD, cli_user_set_password,
     "another password, all sessions end"},
    {"verify", "USER", 1, BIT(JSON), cli_user_verify, "the address counts as proven"},
    {"sessions", "USER", 1, BIT(JSON) | BIT(END) | BIT(END_ALL), cli_user_sessions,
     "who is logged in where; ends one or all"},
    {"import", "FILE", 1, BIT(FROM) | BIT(MODEL) | BIT(VERIFIED) | BIT(DRY_RUN) | BIT(REPORT),
     cli_user_import, "accounts of another system move in; - is standard input"},
    {"export", "[FILE]", 1, BIT(TO) | BIT(MODEL), cli_user_export,
     "all accounts with their stored passwords"},
};

static const struct {
    const char *word;
    const char *value; /* NULL: it has none */
} OPTIONS[OPTION_COUNT] = {
#define OPTION(NAME, word, value) {word, value},
    USER_OPTIONS(OPTION)
#undef OPTION
};

/* ---- the words --------------------------------------------------------------------------------
 */

static const struct user_command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    }
    return NULL;
}

/* Takes the option that begins at words[*at], and its value. */
static bool read_option(const char *const *words, size_t count, size_t *at,
                        struct user_order *order, struct err *err)
{
    const char *word = words[*at];

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(word, OPTIONS[i].word) != 0)
            continue;
        if ((order->command->options & (1U << i)) == 0)
            break;
        if (OPTIONS[i].value == NULL) {
            order->options[i] = "";
            return true;
        }
        if (*at + 1 == count) {
            err_set(err, "%s needs a value", word);
            return false;
        }
        if (words[*at + 1][0] ==
            '\0') { /* "" of a variable that is not set is no way to say "all" */
            err_set(err, "%s needs a value that is not empty", word);
            return false;
        }
        order->options[i] = words[++*at];
        return true;
    }
    err_set(err, "`user %s` has no option %s", order->command->name, word);
    return false;
}

static bool read_operand(const char *word, size_t *operands, struct user_order *order,
                         struct err *err)
{
    if (*operands == order->command->operand_count) {
        err_set(err, "`user %s` takes no \"%s\"", order->command->name, word);
        return false;
    }
    if (word[0] == '\0' || !utf8_valid(slice_of_text(word))) {
        err_set(err, "a name is empty or not UTF-8");
        return false;
    }
    order->operands[(*operands)++] = word;
    return true;
}

static bool read_limit(struct user_order *order, struct err *err)
{
    const char *text = order->options[OPTION_LIMIT];
    char *end = NULL;

    if (text == NULL)
        return true;
    unsigned long limit = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || limit == 0 || limit > LIMIT_MOST) {
        err_set(err, "--limit needs a number from 1 on");
        return false;
    }
    order->limit = limit;
    return true;
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
    struct user_order order = {.command = count > 0 ? find_command(words[0]) : NULL};
    size_t operands = 0;
    bool options = true; /* until "--" */

    if (order.command == NULL) {
        err_set(err, count > 0 ? "unknown command: user %s" : "a command is missing after user",
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
        err_set(err, "`user %s` needs %s", order.command->name, order.command->operands);
        return false;
    }
    if (!is_clear(&order, err) || !read_limit(&order, err))
        return false;
    *order_out = order;
    return true;
}

static void print_usage(FILE *to)
{
    (void)fputs("usage: gatepost user COMMAND [-c FILE] [-o section.key=value]...\n\n", to);
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        const struct user_command *command = &COMMANDS[i];
        (void)fprintf(to, "  %-12s %-15s %s\n", command->name, command->operands, command->text);
        (void)fprintf(to, "  %-28s", "");
        for (size_t option = 0; option < OPTION_COUNT; option++) {
            if ((command->options & (1U << option)) == 0)
                continue;
            const char *value = OPTIONS[option].value;
            (void)fprintf(to, " [%s%s%s]", OPTIONS[option].word, value != NULL ? " " : "",
                          value != NULL ? value : "");
        }
        (void)fputc('\n', to);
    }
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
