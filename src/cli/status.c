/* `gatepost status`: the running server's status page, as it is. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/proc.h"
#include "running.h"

int cli_status(const struct config_source *source)
{
    struct running running = {0};
    struct err err = {0};
    char *page = NULL;
    int code = running_find(source, &running);
    if (code != EXIT_DONE)
        return code;
    if (running_read_page(&running, &page, &err)) {
        (void)fputs(page, stdout);
        free(page);
        code = fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
    } else {
        (void)fprintf(stderr, "gatepost: pid %d runs, but %s\n", (int)running.pid, err.text);
        code = EXIT_FAILED;
    }
    running_fini(&running);
    return code;
}
