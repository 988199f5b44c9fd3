/* The words of a line that is handed over, each taken off its front and doubted: what is not as it
 * should be is false, and nothing is given out. Private to handover_read.c. */
#ifndef GATEPOST_MASTER_HANDOVER_WORDS_H
#define GATEPOST_MASTER_HANDOVER_WORDS_H

#include "gatepost/proc.h"

/* The text up to the next blank, or the end; the blank is taken too. */
struct slice take_word(struct slice *rest);

MUST_USE bool take_number(struct slice *rest, uint64_t most, uint64_t *value_out);
MUST_USE bool take_u32(struct slice *rest, uint32_t *value_out);
MUST_USE bool take_flag(struct slice *rest, bool *flag_out);           /* 0 or 1 */
MUST_USE bool take_fd(struct slice *rest, int *fd_out);                /* none of the first three */
MUST_USE bool take_role(struct slice *rest, enum proc_role *role_out); /* a child's */

#endif
