/* What a role may still do once it serves: a filter of system calls (seccomp) and the part of the
 * file system that it reaches (Landlock). docs/confine.md is the operator's page. */
#ifndef GATEPOST_SANDBOX_H
#define GATEPOST_SANDBOX_H

#include "gatepost/proc.h"

/* Step 7 of docs/design.md section 7: for good, and for all threads that there are and will be. Who
 * calls it: each role, after it has opened all that it needs and before proc_ready; before it has
 * threads, where those use paths (Landlock binds the thread that asks for it, and its children).
 * Does nothing but say so with master.sandbox = no. Dies with EXIT_SANDBOX. */
void sandbox_enter(const struct heritage *heritage);

/* The same without a master, a log or an end of the process. *landlock_out: the kernel's version of
 * Landlock, 0 when it has none and paths are left to the owners of files.
 * Errors: a kernel without seccomp; a rule that it does not take. */
MUST_USE bool sandbox_close(enum proc_role role, const struct config *config, int *landlock_out,
                            struct err *err);

/* Landlock knows files and directories, not their names. True when one that this process may reach
 * is another one by now (a new resolv.conf, a new mail.dir), or there where none was: it ends
 * itself then, and its successor knows the new one. Cost: a stat for each, 15 in the mailer. */
bool sandbox_is_outdated(void);

/* ---- the proof: `gatepost check --sandbox` ---- */

/* How a call that should be refused ended. */
enum sandbox_refusal {
    SANDBOX_REFUSED, /* error says how */
    SANDBOX_KILLED,  /* SIGSYS */
    SANDBOX_ABSENT,  /* there is no such file to try it on */
    SANDBOX_ALLOWED, /* that is what must not be */
    SANDBOX_FAILED,  /* no sandbox could be entered; the err says why */
};

/* The calls that are tried, and to whom each is forbidden: others need it. */
size_t sandbox_trial_count(void);
const char *sandbox_trial_name(size_t trial); /* "execve", "open token.secret_file" */
bool sandbox_trial_concerns(size_t trial, enum proc_role role);

/* Forks a process that becomes master.user, enters the role's sandbox and makes the call; waits for
 * it. Who calls it: a process without threads. */
enum sandbox_refusal sandbox_try(size_t trial, enum proc_role role, const struct config *config,
                                 int *error_out, struct err *err);

#endif
