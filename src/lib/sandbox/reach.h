/* Which paths a role reaches once it serves, and the rules of Landlock for them. */
#ifndef SANDBOX_REACH_H
#define SANDBOX_REACH_H

#include "gatepost/proc.h"

enum reach_use {
    REACH_READ, /* a file, or all below a directory */
    REACH_KEEP, /* files below a directory are made, written, renamed, removed */
};

typedef bool (*reach_fn)(void *context, const char *path, enum reach_use use, struct err *err);

/* Calls fn for each, until it fails. Those that are not there are among them. */
MUST_USE bool reach_each(enum proc_role role, const struct config *config, reach_fn fn,
                         void *context, struct err *err);

/* Nothing else is reached from here on by this thread and those that it makes; no TCP port is bound
 * or, but for the mailer, connected to; no process outside is signalled. *abi_out: what the kernel
 * knows of that, 0 for nothing, which is no error. Needs no_new_privs. */
MUST_USE bool landlock_enter(enum proc_role role, const struct config *config, int *abi_out,
                             struct err *err);

#endif
