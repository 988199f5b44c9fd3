/* `gatepost check`: would this configuration do, here and now?
 *
 * 1 the configuration itself, every problem; 2 only if it has none, the world it points at. Both
 * end in one line each on standard output, which is what the command was asked for. With --sandbox
 * instead: what the sandbox of each role refuses here (check_sandbox.c). */
#include "cli.h"

#include "gatepost/proc.h"

#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "usage: gatepost check [--sandbox] [-c FILE] [-o section.key=value]...\n\n"
    "  --sandbox  instead makes the calls that are forbidden to each process, in its sandbox, and\n"
    "             says how each was refused: docs/confine.md\n\n"
    "  Without it each problem of the configuration is a line, or, when that has none, each of\n"
    "  the key files, certificates, directories and the user that it names. Changes nothing.\n"
    "  Exit codes: 0 no problems, 2 wrong words, 10 the configuration is wrong, 15 a call was\n"
    "  allowed or there is no sandbox here.\n";

static void on_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    (void)printf("%s: %s\n", where, sentence);
}

static int finish(int code)
{
    return fflush(stdout) == 0 ? code : EXIT_FAILED;
}

static int check_world(const struct config *config)
{
    size_t problems = world_check(config, on_problem, NULL);

    if (problems == 0)
        (void)printf("%s: no problems\n", config->file[0] == '\0' ? "defaults" : config->file);
    return problems == 0 ? EXIT_DONE : EXIT_CONFIG;
}

int cli_check(const struct config_source *source, const char *const *words, size_t count)
{
    const bool sandbox = count == 1 && strcmp(words[0], "--sandbox") == 0;

    if (count > 0 && !sandbox) {
        cli_check_usage(stderr);
        return EXIT_USAGE;
    }
    struct config *config = config_load(source, on_problem, NULL);
    if (config == NULL)
        return finish(EXIT_CONFIG);
    int code = sandbox ? check_sandbox(config) : check_world(config);
    config_free(&config);
    return finish(code);
}

void cli_check_usage(FILE *to)
{
    (void)fputs(USAGE, to);
}
