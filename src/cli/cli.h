/* The commands of `gatepost` that are not the server. Each returns the exit code of the process. */
#ifndef GATEPOST_CLI_H
#define GATEPOST_CLI_H

#include <stdio.h>

#include "gatepost/config.h"
#include "gatepost/offline.h"
#include "gatepost/token_files.h"

/* Prints every problem as "where: sentence" to standard output: the configuration's, and when it
 * has none, what it points at (key files, certificates, directories, the user). Changes nothing.
 * Returns EXIT_DONE or EXIT_CONFIG.
 * words: none, or --sandbox: instead makes the forbidden calls in each role's sandbox, a table of
 * how each was refused. Returns EXIT_DONE or EXIT_SANDBOX, EXIT_CONFIG with a wrong configuration.
 */
int cli_check(const struct config_source *source, const char *const *words, size_t count);
int check_sandbox(const struct config *config); /* check_sandbox.c: that part of it */

/* Prints the effective configuration to standard output, problems to standard error. */
int cli_config(const struct config_source *source);

int cli_version(void);

/* They find the server by its locked pid file and return CLI_NOT_RUNNING when there is none.
 * reload: HUP, upgrade: USR2; each waits for the outcome and prints it; stop: TERM, waits until the
 * last process is gone; status: prints the status page, with --json as an object, with --watch
 * again and again. A wrong configuration is what somebody looks for the reason of a refused reload
 * with, so status alone goes on with what can be read of it. */
#define CLI_NOT_RUNNING 3
int cli_reload(const struct config_source *source);
int cli_upgrade(const struct config_source *source);
int cli_stop(const struct config_source *source);
int cli_status(const struct config_source *source, const char *const *words, size_t count);

/* `gatepost key list [--json] | rotate [--now] | retire KID [--now]`: the words after "key". */
int cli_key(const struct config_source *source, const char *const *words, size_t count);

/* `gatepost user list|show|add|...`: the words after "user"; user.h. Asks the running server over
 * admin.socket. Returns EXIT_DONE, EXIT_FAILED (refused), EXIT_USAGE, EXIT_CONFIG, CLI_NOT_FOUND
 * for an account or session that is not there, CLI_NOT_RUNNING. */
#define CLI_NOT_FOUND 3
int cli_user(const struct config_source *source, const char *const *words, size_t count);

/* `gatepost audit show|verify`: the same for the audit trail. EXIT_FAILED: its chain is broken. */
int cli_audit(const struct config_source *source, const char *const *words, size_t count);

/* `gatepost mail preview|...`: letters; mail.h. */
int cli_mail(const struct config_source *source, const char *const *words, size_t count);

/* `gatepost backup DIR [--logs]`. Returns EXIT_BACKUP when there is no whole new one. */
int cli_backup(const struct config_source *source, const char *const *words, size_t count);

/* `gatepost compact`. */
int cli_compact(const struct config_source *source, const char *const *words, size_t count);

/* `gatepost restore DIR` and `gatepost verify [DIR]`; run: who does the work, store_restore and
 * store_verify. Return EXIT_DAMAGED when what was looked at is not sound. */
int cli_restore(const struct config_source *source, const char *const *words, size_t count,
                offline_fn run);
int cli_verify(const struct config_source *source, const char *const *words, size_t count,
               offline_fn run);

/* What each of them says of its words: after wrong ones, and at --help. */
void cli_check_usage(FILE *to);
void cli_status_usage(FILE *to);
void cli_key_usage(FILE *to);
void cli_user_usage(FILE *to);
void cli_audit_usage(FILE *to);
void cli_mail_usage(FILE *to);
void cli_backup_usage(FILE *to);
void cli_restore_usage(FILE *to);
void cli_verify_usage(FILE *to);
void cli_compact_usage(FILE *to);

/* Private to this folder. */

struct token_rules cli_token_rules(const struct config *config); /* texts: the configuration's */

/* Looks at what a sound configuration points at. Returns how many problems it told. */
size_t world_check(const struct config *config, config_problem_fn problem, void *context);

#endif
