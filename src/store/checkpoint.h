/* Checkpoints, on a thread of their own: recovery time is what was logged since the last one. */
#ifndef GATEPOST_STORE_CHECKPOINT_H
#define GATEPOST_STORE_CHECKPOINT_H

#include "env.h"

struct checkpointer;

/* Wakes the store's slot when a log that was full is not full any more. */
struct checkpointer *checkpointer_start(struct env *env);
void checkpointer_stop(struct checkpointer **checkpointer);

/* Something was committed. Never waits. */
void checkpointer_note(struct checkpointer *checkpointer);

/* So much was logged since the last checkpoint that writes must wait for the next one. */
MUST_USE bool checkpointer_log_is_full(struct checkpointer *checkpointer);

#endif
