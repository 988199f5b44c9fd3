/* `gatepost key`: the keys of token.key_dir.
 *
 *   list     what there is, by the files' names; no key is read
 *   rotate   makes a key that signs in token.publish_s, or --now, and reloads the server
 *   retire   removes a key's file and reloads; not the one that signs, and without --now none that
 *            what it signed may still live by
 *
 * A key is made by a child that has become master.user: whoever serves must be able to read it, and
 * root must not write into a directory of somebody else's. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gatepost/clock.h"
#include "gatepost/json.h"
#include "gatepost/pidlock.h"
#include "gatepost/proc.h"

#include "asking.h"
#include "words.h"

#define TIME_TEXT_BYTES 32

struct key_order {
    const struct config_source *source;
    struct config *config;
    struct token_rules rules;
    struct token_names names;
    int64_t now_s;
    const char *kid; /* what `retire` was given */
    bool json;
    bool now;
};

struct token_rules cli_token_rules(const struct config *config)
{
    return (struct token_rules){
        .secret_file = config->token_secret_file,
        .dir = config->token_key_dir,
        .algorithm = (enum token_algorithm)config->token_algorithm,
        .accept_hs256 = config->token_accept_hs256,
        .life_s = config->token_refresh_s > config->token_access_s ? config->token_refresh_s
                                                                   : config->token_access_s,
    };
}

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "gatepost: %s\n", err->text);
    return EXIT_FAILED;
}

/* ---- list ---------------------------------------------------------------------------------------
 */

static void format_time(int64_t at_s, char text_out[TIME_TEXT_BYTES])
{
    const time_t at = (time_t)at_s;
    struct tm parts;

    if (at_s == TOKEN_NEVER_S || at_s == 0 || gmtime_r(&at, &parts) == NULL ||
        strftime(text_out, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(text_out, TIME_TEXT_BYTES, "-");
}

static void print_table(const struct key_order *order)
{
    (void)printf("%-18s %-9s %-10s %-21s %s\n", "KID", "ALGORITHM", "STATE", "SINCE", "UNTIL");
    for (size_t i = 0; i < order->names.count; i++) {
        const struct token_name *name = &order->names.at[i];
        char since[TIME_TEXT_BYTES];
        char until[TIME_TEXT_BYTES];

        format_time(name->since_s, since);
        format_time(name->until_s, until);
        (void)printf("%-18s %-9s %-10s %-21s %s\n", name->kid[0] != '\0' ? name->kid : "-",
                     token_algorithm_name(name->algorithm),
                     token_state_name(token_names_state(&order->names, i, order->now_s)), since,
                     until);
    }
}

static void write_text(struct json_writer *writer, const char *name, const char *text)
{
    json_string(writer, slice_of_text(name));
    if (text[0] == '\0')
        json_null(writer);
    else
        json_string(writer, slice_of_text(text));
}

/* A time that is none (the start of token.secret_file's key, the end of one without a successor) is
 * null. */
static void write_time(struct json_writer *writer, const char *name, int64_t at_s)
{
    json_string(writer, slice_of_text(name));
    if (at_s == TOKEN_NEVER_S || at_s == 0)
        json_null(writer);
    else
        json_integer(writer, at_s);
}

static void print_json(const struct key_order *order)
{
    struct json_writer *writer = json_writer_new();

    json_array_begin(writer);
    for (size_t i = 0; i < order->names.count; i++) {
        const struct token_name *name = &order->names.at[i];

        json_object_begin(writer);
        write_text(writer, "kid", name->kid);
        write_text(writer, "algorithm", token_algorithm_name(name->algorithm));
        write_text(writer, "state",
                   token_state_name(token_names_state(&order->names, i, order->now_s)));
        write_time(writer, "since", name->since_s);
        write_time(writer, "until", name->until_s);
        json_object_end(writer);
    }
    json_array_end(writer);
    const struct slice text = json_writer_text(writer);

    (void)printf("%.*s\n", (int)text.len, text.at);
    json_writer_free(&writer);
}

static int list(struct key_order *order)
{
    if (order->json)
        print_json(order);
    else
        print_table(order);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* ---- what changes something ---------------------------------------------------------------------
 */

/* The running server is told, if there is one; what a reload says is the command's answer. */
static int reload_server(const struct key_order *order)
{
    struct err err = {0};
    pid_t pid = 0;

    switch (pidlock_holder(order->config->master_pid_file, &pid, &err)) {
    case PIDLOCK_HOLDER_FOUND:
        return cli_reload(order->source);
    case PIDLOCK_HOLDER_NONE:
        (void)printf("no server is running: the next start will see it\n");
        return EXIT_DONE;
    case PIDLOCK_HOLDER_UNSURE:
        break;
    }
    return fail(&err);
}

/* In the child: the new key's name is what it prints. */
_Noreturn static void make_and_exit(const struct key_order *order, int64_t since_s)
{
    struct token_name name;
    struct err err = {0};
    char since[TIME_TEXT_BYTES];

    if (!proc_become_user(order->config->master_user, &err) ||
        !token_key_make(&order->rules, since_s, &name, &err))
        _exit(fail(&err));
    format_time(name.since_s, since);
    (void)printf("%s %s signs from %s\n", name.kid, token_algorithm_name(name.algorithm), since);
    _exit(fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED);
}

/* Of two keys of one second the name decides which is the newer, and that is chance: the first
 * second from then on that no key has. */
static int64_t second_of_its_own(const struct token_names *names, int64_t since_s)
{
    for (size_t i = 1; i < names->count; i++)
        since_s += names->at[i].since_s == since_s;
    return since_s;
}

static int rotate(struct key_order *order)
{
    const int64_t since_s = second_of_its_own(
        &order->names, order->now_s + (order->now ? 0 : order->config->token_publish_s));
    struct err err = {0};
    int status = 0;
    pid_t reaped;

    if (order->names.count == TOKEN_KEYS_MAX) {
        err_set(&err, "%s: there are %d keys already; retire one", order->rules.dir,
                TOKEN_KEYS_MAX - 1);
        return fail(&err);
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        make_and_exit(order, since_s);
    do {
        reaped = pid < 0 ? -1 : waitpid(pid, &status, 0);
    } while (reaped < 0 && pid > 0 && errno == EINTR);
    if (reaped < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_DONE) {
        err_set(&err, "no key was made");
        return fail(&err);
    }
    return reload_server(order);
}

/* False: err says why it must stay. */
static bool may_retire(const struct key_order *order, size_t index, struct err *err)
{
    const char *kid = order->names.at[index].kid;

    switch (token_names_state(&order->names, index, order->now_s)) {
    case TOKEN_SIGNING:
        err_set(err, "%s signs; `gatepost key rotate` makes its successor", kid);
        return false;
    case TOKEN_RETIRING:
        if (order->now)
            return true;
        err_set(err, "tokens that %s signed may still live; --now ends them", kid);
        return false;
    case TOKEN_PUBLISHED:
    case TOKEN_EXPIRED:
        return true;
    }
    return false;
}

/* With a key go the older ones whose time is over: their end follows from their successor, and
 * without it they would check tokens again. */
static bool remove_with_older(const struct key_order *order, size_t index, struct err *err)
{
    for (size_t i = 1; i <= index; i++) {
        const struct token_name *name = &order->names.at[i];

        if (i != index && token_names_state(&order->names, i, order->now_s) != TOKEN_EXPIRED)
            continue;
        if (!token_key_remove(order->rules.dir, name, err))
            return false;
        (void)printf("%s %s is gone\n", name->kid, token_algorithm_name(name->algorithm));
    }
    return true;
}

static int retire(struct key_order *order)
{
    struct err err = {0};

    for (size_t i = 1; i < order->names.count; i++) {
        if (strcmp(order->names.at[i].kid, order->kid) != 0)
            continue;
        if (!may_retire(order, i, &err) || !remove_with_older(order, i, &err))
            return fail(&err);
        return reload_server(order);
    }
    err_set(&err, "%s: there is no key %s", order->rules.dir, order->kid);
    return fail(&err);
}

/* ---- the command line ---------------------------------------------------------------------------
 */

enum key_option { KEY_JSON, KEY_NOW, KEY_OPTIONS };

static const struct words_option OPTIONS[KEY_OPTIONS] = {
    [KEY_JSON] = {"--json", NULL},
    [KEY_NOW] = {"--now", NULL},
};

static const struct subcommand {
    struct words_command words;
    int (*run)(struct key_order *order);
} SUBCOMMANDS[] = {
    {{"list", "", 0, 1U << KEY_JSON, "the keys that there are, and since when and until when"},
     list},
    {{"rotate", "", 0, 1U << KEY_NOW, "makes a key, which signs after token.publish_s"}, rotate},
    {{"retire", "KID", 1, 1U << KEY_NOW, "removes a key that does not sign any more"}, retire},
};

static const struct words_group GROUP = {
    "key", SUBCOMMANDS, sizeof(SUBCOMMANDS[0]), ARRAY_LEN(SUBCOMMANDS), OPTIONS, KEY_OPTIONS};

void cli_key_usage(FILE *to)
{
    words_print_usage(&GROUP, to);
    (void)fputs(
        "\n  --now does not wait: for checkers that keep the old key set, or for what a key\n"
        "  has signed and may still live. Exit codes: 0 done, 1 refused, 2 wrong words,\n"
        "  10 the configuration is wrong.\n",
        to);
}

int cli_key(const struct config_source *source, const char *const *words, size_t count)
{
    struct key_order order = {.source = source, .now_s = clock_wall_ms() / 1000};
    const char *operands[WORDS_OPERANDS_MAX] = {NULL};
    const char *options[KEY_OPTIONS] = {NULL};
    struct err err = {0};
    const struct subcommand *subcommand =
        (const struct subcommand *)words_read(&GROUP, words, count, operands, options, &err);

    if (subcommand == NULL) {
        (void)fprintf(stderr, "gatepost: %s\n\n", err.text);
        cli_key_usage(stderr);
        return EXIT_USAGE;
    }
    order.kid = operands[0];
    order.json = options[KEY_JSON] != NULL;
    order.now = options[KEY_NOW] != NULL;
    order.config = config_load(source, cli_print_problem, NULL);
    if (order.config == NULL)
        return EXIT_CONFIG;
    config_forget_secrets(order.config);
    order.rules = cli_token_rules(order.config);
    int code =
        token_names_read(&order.rules, &order.names, &err) ? subcommand->run(&order) : fail(&err);

    config_free(&order.config);
    return code;
}
