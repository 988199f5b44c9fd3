/* `gatepost config`: the effective configuration, as a file that could be used instead. */
#include "asking.h"
#include "cli.h"

#include "gatepost/proc.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int cli_config(const struct config_source *source)
{
    struct config *config = config_load(source, cli_print_problem, NULL);
    int code = EXIT_DONE;

    if (config == NULL)
        return EXIT_CONFIG;
    if (!config_print(config, STDOUT_FILENO)) {
        (void)fprintf(stderr, "standard output: %s\n", strerror(errno));
        code = EXIT_FAILED;
    }
    config_free(&config);
    return code;
}
