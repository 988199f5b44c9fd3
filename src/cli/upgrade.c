/* `gatepost upgrade`: USR2 to the server, then wait for what became of it. */
#include "cli.h"

#include <signal.h>

#include "change.h"

int cli_upgrade(const struct config_source *source)
{
    /* A reload that runs, the trial, a drain, and a start of everything. */
    static const struct change upgrade = {.name = "upgrade", .signal = SIGUSR2, .limit_s = 180};
    return cli_change(source, &upgrade);
}
