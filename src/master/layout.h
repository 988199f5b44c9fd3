/* What the running binary and a new one must agree on to share the segment (gatepost/layout.h). */
#ifndef GATEPOST_MASTER_LAYOUT_H
#define GATEPOST_MASTER_LAYOUT_H

#include "gatepost/base.h"

/* Of this binary; the same for every process and every start of it, from layout_include on. */
uint64_t layout_of_this_binary(void);

/* What a role puts into the segment by tables that the master must not know: called by main.c,
 * which knows all roles, before anything else. */
void layout_include(uint64_t part);

#endif
