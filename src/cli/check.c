/* `gatepost check`: would this configuration do, here and now?
 *
 * 1 the configuration itself, every problem; 2 only if it has none, the world it points at. Both
 * end in one line each on standard output, which is what the command was asked for. */
#include "cli.h"

#include "gatepost/proc.h"

#include <stdio.h>

static void on_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    (void)printf("%s: %s\n", where, sentence);
}

static int finish(int code)
{
    return fflush(stdout) == 0 ? code : EXIT_FAILED;
}

int cli_check(const struct config_source *source)
{
    struct config *config = config_load(source, on_problem, NULL);
    size_t problems;

    if (config == NULL)
        return finish(EXIT_CONFIG);
    problems = world_check(config, on_problem, NULL);
    if (problems == 0)
        (void)printf("%s: no problems\n", config->file[0] == '\0' ? "defaults" : config->file);
    config_free(&config);
    return finish(problems == 0 ? EXIT_DONE : EXIT_CONFIG);
}
