/* START READING HERE: `gatepost COMMAND [-c FILE] [-o section.key=value]...`
 *
 * The command line is a table. `serve` goes to master_run (master.c), which forks the other roles:
 * worker_main, store_main and mailer_main, each at home in the folder of its name. All
 * other commands are one function in src/cli. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cli/cli.h"
#include "launch.h"
#include "layout.h"
#include "master.h"

static int serve(const struct config_source *source)
{
    const struct role_mains mains = {
        .main =
            {
                [ROLE_WORKER] = worker_main,
                [ROLE_ADMIN] = worker_main,
                [ROLE_STORE] = store_main,
                [ROLE_MAILER] = mailer_main,
            },
        .data_format = store_data_format(),
    };
    return master_run(source, &mains);
}

static int version(const struct config_source *source)
{
    (void)source; /* it needs none */
    return cli_version();
}

static int restore(const struct config_source *source, const char *const *words, size_t count)
{
    return cli_restore(source, words, count, store_restore);
}

static int verify(const struct config_source *source, const char *const *words, size_t count)
{
    return cli_verify(source, words, count, store_verify);
}

/* run: of a command that is one word; run_words: of one that takes more, which it is given, and
 * usage: what that one says at --help. Manual pages and completions are made of it. */
static const struct command {
    const char *name;
    int (*run)(const struct config_source *source);
    const char *text;
    int (*run_words)(const struct config_source *source, const char *const *words, size_t count);
    void (*usage)(FILE *to);
} commands[] = {
    {"serve", serve, "run the server in the foreground", NULL, NULL},
    {"check", NULL,
     "[--sandbox]: print every problem of the configuration, exit 0 or 10; try the sandbox, 0 or "
     "15",
     cli_check, cli_check_usage},
    {"config", cli_config, "print the effective configuration, each key with its comment", NULL,
     NULL},
    {"reload", cli_reload, "make the running server read its configuration again", NULL, NULL},
    {"upgrade", cli_upgrade, "make the running server go on as the binary that is installed now",
     NULL, NULL},
    {"stop", cli_stop, "stop the running server and wait until it is gone", NULL, NULL},
    {"status", NULL, "[--watch] [--json]: the running server's status page; exit 3 without one",
     cli_status, cli_status_usage},
    {"key", NULL, "list [--json] | rotate [--now] | retire KID [--now]: the token keys", cli_key,
     cli_key_usage},
    {"user", NULL, "list, show, add, disable, ...: the running server's accounts", cli_user,
     cli_user_usage},
    {"audit", NULL, "show, verify: the running server's audit trail", cli_audit, cli_audit_usage},
    {"mail", NULL, "list, show, retry, preview, ...: the running server's letters", cli_mail,
     cli_mail_usage},
    {"backup", NULL, "DIR [--logs]: the running server's database into files; docs/backup.md",
     cli_backup, cli_backup_usage},
    {"restore", NULL, "DIR: a backup becomes the database of a stopped server, verified first",
     restore, cli_restore_usage},
    {"verify", NULL, "[DIR]: looks at every record of a backup or a stopped database", verify,
     cli_verify_usage},
    {"compact", NULL, "give back what deleted rows left in the running server's files", cli_compact,
     cli_compact_usage},
    {"version", version, "print the version", NULL, NULL},
};

static void print_usage(FILE *to)
{
    fputs("usage: gatepost COMMAND [-c FILE] [-o section.key=value]...\n\n", to);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].text);
    fputs("\n  -c FILE               configuration file; else ./gatepost.conf, else\n"
          "                        /etc/gatepost/gatepost.conf, else the defaults\n"
          "  -o section.key=value  wins over the file and the environment\n"
          "\n  --help behind a command that takes words prints what it can do.\n",
          to);
}

static int refuse(const char *complaint, const char *word)
{
    fprintf(stderr, "gatepost: %s%s\n\n", complaint, word);
    print_usage(stderr);
    return EXIT_USAGE;
}

/* The command's own, or everybody's. */
static void print_help(const struct command *command)
{
    if (command != NULL && command->usage != NULL)
        command->usage(stdout);
    else
        print_usage(stdout);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* What the command line said. The arrays have room for all of it. */
struct order {
    const struct command *command;
    struct config_source source;
    const char **overrides; /* what source points at */
    const char **words;     /* after the command, when it takes any */
    size_t word_count;
};

/* Fills the order, or says why not. False: *code_out is the exit code. */
static bool parse(int argc, char **argv, struct order *order, int *code_out)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        bool is_option = strcmp(word, "-c") == 0 || strcmp(word, "-o") == 0;
        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
            print_help(order->command);
            *code_out = EXIT_DONE;
            return false;
        }
        if (is_option && i + 1 == argc) {
            *code_out = refuse("an argument is missing after ", word);
            return false;
        }
        if (strcmp(word, "-c") == 0) {
            order->source.file = argv[++i];
        } else if (strcmp(word, "-o") == 0) {
            order->overrides[order->source.override_count++] = argv[++i];
        } else if (order->command != NULL && order->command->run_words != NULL) {
            order->words[order->word_count++] = word;
        } else if (order->command != NULL || (order->command = find_command(word)) == NULL) {
            *code_out = refuse("unknown command or option: ", word);
            return false;
        }
    }
    if (order->command == NULL)
        *code_out = refuse("a command is missing", "");
    return order->command != NULL;
}

/* One of the first three that is closed would be given to whatever is opened next. */
static void fill_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    layout_include(worker_layout());
    proc_title_init(argc, argv); /* before anything looks at them: it moves argv and environment */
    launch_init(&argc, argv);
    struct order order = {
        .overrides = xcalloc((size_t)argc + 1, sizeof *order.overrides),
        .words = xcalloc((size_t)argc + 1, sizeof *order.words),
    };
    int code = EXIT_FAILED;
    order.source.overrides = order.overrides;
    if (parse(argc, argv, &order, &code))
        code = order.command->run != NULL
                   ? order.command->run(&order.source)
                   : order.command->run_words(&order.source, order.words, order.word_count);
    free(order.words);
    free(order.overrides);
    return code;
}
