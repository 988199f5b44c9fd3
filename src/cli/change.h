/* A change of the running server that a signal asks for and the status page tells the end of.
 * Private to this folder. */
#ifndef GATEPOST_CLI_CHANGE_H
#define GATEPOST_CLI_CHANGE_H

#include "gatepost/config.h"

struct change {
    const char *name; /* "reload": the page has "reloads_begun" and "reload" */
    int signal;
    uint32_t limit_s; /* beyond master.drain_s, for which it may have to wait for seats */
};

/* Sends the signal, waits for the outcome and prints it. Returns EXIT_DONE, EXIT_FAILED when it was
 * refused, or what running_find returns. */
int cli_change(const struct config_source *source, const struct change *change);

#endif
