/* `gatepost check`: would this configuration do, here and now?
 *
 * 1 the configuration itself, every problem; 2 only if it has none, the world it points at. Both
 * end in one line each on standard output, which is what the command was asked for. With --sandbox
 * instead: what the sandbox of each role refuses here (check_sandbox.c). */
#include "cli.h"

#include "gatepost/proc.h"

#include <stdio.h>
#include <string.h>

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
        (void)fprintf(stderr, "usage: gatepost check [--sandbox]\n");
        return EXIT_USAGE;
    }
    struct config *config = config_load(source, on_problem, NULL);
    if (config == NULL)
        return finish(EXIT_CONFIG);
    int code = sandbox ? check_sandbox(config) : check_world(config);
    config_free(&config);
    return finish(code);
}
