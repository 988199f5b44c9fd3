/* The commands of `gatepost` that are not the server. Each returns the exit code of the process. */
#ifndef GATEPOST_CLI_H
#define GATEPOST_CLI_H

#include "gatepost/config.h"

/* Prints every problem as "where: sentence" to standard output: the configuration's, and when it
 * has none, what it points at (key files, certificates, directories, the user). Changes nothing.
 * Returns EXIT_DONE or EXIT_CONFIG. */
int cli_check(const struct config_source *source);

/* Prints the effective configuration to standard output, problems to standard error. */
int cli_config(const struct config_source *source);

int cli_version(void);

/* They find the server by its locked pid file and return CLI_NOT_RUNNING when there is none.
 * reload: HUP, waits for the outcome and prints it; stop: TERM, waits until the last process is
 * gone; status: prints the status page. */
#define CLI_NOT_RUNNING 3
int cli_reload(const struct config_source *source);
int cli_stop(const struct config_source *source);
int cli_status(const struct config_source *source);

/* Private to this folder. */

/* Looks at what a sound configuration points at. Returns how many problems it told. */
size_t world_check(const struct config *config, config_problem_fn problem, void *context);

#endif
