/* The fsync hook: a flush that the disk did not take is the end of this store (docs/design.md 3).
 */
#ifndef GATEPOST_STORE_SYNC_H
#define GATEPOST_STORE_SYNC_H

#include "gatepost/segment.h"

/* Before the environment is opened: every fsync of Berkeley DB goes through here from now on.
 * A failure sets BOARD_STORE_CONDEMNED, tells the master, aborts: the page cache may show log bytes
 * that are not on disk, so neither this process nor a successor may acknowledge anything. */
void sync_hook(struct segment *segment, int control_fd);

/* Make bytes, or the names in a directory, durable. A failed fsync never comes back, as above.
 * Errors: false with errno: the directory cannot be opened. */
void sync_bytes(int fd);
MUST_USE bool sync_names(const char *dir);

/* What makes a descriptor's bytes durable, or a directory's names; fdatasync and fsync unless a
 * test puts something slower or broken in their place. Same contract: 0, or -1 with errno. */
typedef int (*sync_fn)(int fd);
void sync_replace(sync_fn sync);

#endif
