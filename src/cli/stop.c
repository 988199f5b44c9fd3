/* `gatepost stop`: TERM to the server, then wait until the last of its processes is gone. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "gatepost/clock.h"
#include "gatepost/proc.h"
#include "running.h"

#define POLL_MS 20
#define LIMIT_S 15 /* TERM ends within 5 s */

int cli_stop(const struct config_source *source)
{
    struct running running = {0};
    int code = running_find(source, &running);
    if (code != EXIT_DONE)
        return code;
    if (kill(running.pid, SIGTERM) != 0) {
        (void)fprintf(stderr, "gatepost: pid %d: %s\n", (int)running.pid, strerror(errno));
        running_fini(&running);
        return EXIT_FAILED;
    }
    mono_ns deadline = clock_mono_ns() + LIMIT_S * NS_PER_S;
    while (running_still(&running) && clock_mono_ns() < deadline)
        pause_ms(POLL_MS);
    if (running_still(&running)) {
        (void)fprintf(stderr, "gatepost: pid %d still runs after %d s\n", (int)running.pid,
                      LIMIT_S);
        code = EXIT_FAILED;
    } else {
        (void)printf("stopped\n");
    }
    running_fini(&running);
    return code;
}
