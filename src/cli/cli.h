/* The commands of `gatepost` that are not the server itself; one function a command, called by
 * main.c's table. Each prints for a person and returns the exit code. */
#ifndef GATEPOST_CLI_H
#define GATEPOST_CLI_H

#include "gatepost/config.h"

/* check.c, config.c, version.c: they look at the configuration and touch no server. */
int cli_check(const struct config_source *source);
int cli_config(const struct config_source *source);
int cli_version(const struct config_source *source);

/* reload.c, stop.c, status.c: they find the server by its locked pid file (pidlock.h) and exit
 * with CLI_NOT_RUNNING when there is none. */
#define CLI_NOT_RUNNING 3
int cli_reload(const struct config_source *source);
int cli_stop(const struct config_source *source);
int cli_status(const struct config_source *source);

/* A config_problem_fn that writes "where: sentence" to standard error. */
void cli_print_problem(void *context, const char *where, const char *sentence);

#endif
