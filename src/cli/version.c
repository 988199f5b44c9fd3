/* `gatepost version`. */
#include "cli.h"

#include "gatepost/proc.h"

#include <stdio.h>

int cli_version(void)
{
    (void)printf("gatepost %s\n", GATEPOST_VERSION);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
