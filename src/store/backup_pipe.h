/* The bounded buffer between the thread that reads a backup and the main thread that gives it out.
 * Bytes in order; one writer, one reader. */
#ifndef GATEPOST_STORE_BACKUP_PIPE_H
#define GATEPOST_STORE_BACKUP_PIPE_H

#include "gatepost/base.h"

#define BACKUP_PIPE_BYTES (2U << 20)

struct backup_pipe;

struct backup_pipe *backup_pipe_new(void);
void backup_pipe_free(struct backup_pipe **pipe);

enum pipe_room {
    PIPE_ROOM,
    PIPE_FULL,   /* not in that time */
    PIPE_CLOSED, /* nobody will read any more */
};

/* The writer: waits until so many bytes fit. wait_ms 0: as long as it takes. */
MUST_USE enum pipe_room backup_pipe_wait(struct backup_pipe *pipe, size_t bytes, uint32_t wait_ms);
/* There is room for them: backup_pipe_wait said so. */
void backup_pipe_put(struct backup_pipe *pipe, const void *bytes, size_t len);
void backup_pipe_finish(struct backup_pipe *pipe); /* that was all */

/* The reader. Never waits. */
size_t backup_pipe_take(struct backup_pipe *pipe, void *bytes_out, size_t max);
MUST_USE bool backup_pipe_is_over(struct backup_pipe *pipe); /* finished, and all of it taken */
void backup_pipe_close(struct backup_pipe *pipe);            /* either side; may be repeated */

#endif
