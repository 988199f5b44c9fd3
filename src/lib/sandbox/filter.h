/* The filter of system calls. */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include "gatepost/proc.h"

/* Puts all threads of this process under the role's rows of calls.def. Needs no_new_privs. */
MUST_USE bool filter_enter(enum proc_role role, const struct config *config, struct err *err);

#endif
