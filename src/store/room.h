/* The disk's hooks: a write for which there is no room waits until there is, wherever Berkeley DB
 * could not live with its failing. */
#ifndef GATEPOST_STORE_ROOM_H
#define GATEPOST_STORE_ROOM_H

#include "gatepost/proc.h"

/* What a full disk (ENOSPC, EDQUOT) means to who writes:
 *   ROOM_OPENING  everything waits; nothing is served yet
 *   ROOM_SERVING  a write to the log fails, which loses nothing, and the flusher tries it again; a
 *                 page of a database waits, because its failing is a panic
 *   ROOM_ENDING   the process ends: all that was answered is in the log and on disk */
enum room_phase { ROOM_OPENING, ROOM_SERVING, ROOM_ENDING };

/* Before the environment is opened, on the main thread; begins with ROOM_OPENING. From now on
 * Berkeley DB reads, writes, opens and allocates through here. Who waits gives life signs for the
 * store; the main thread obeys an order to stop. */
void room_hook(const struct heritage *heritage);
void room_enter(enum room_phase phase);

/* A thread waits for room: nothing may be begun that needs any. Any thread. */
MUST_USE bool room_is_lacking(void);

#endif
