/* `gatepost reload`: HUP to the server, then wait for what became of it. */
#include "cli.h"

#include <signal.h>

#include "change.h"

int cli_reload(const struct config_source *source)
{
    /* Two starts of everything. */
    static const struct change reload = {.name = "reload", .signal = SIGHUP, .limit_s = 90};
    return cli_change(source, &reload);
}
