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

/* Private to this folder. */

/* Looks at what a sound configuration points at. Returns how many problems it told. */
size_t world_check(const struct config *config, config_problem_fn problem, void *context);

#endif
