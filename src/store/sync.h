/* The fsync hook: a flush that the disk did not take is the end of this store (docs/design.md 3).
 */
#ifndef GATEPOST_STORE_SYNC_H
#define GATEPOST_STORE_SYNC_H

#include "gatepost/segment.h"

/* Before the environment is opened: every fsync of Berkeley DB goes through here from now on.
 * A failure sets BOARD_STORE_CONDEMNED, tells the master, aborts: the page cache may show log bytes
 * that are not on disk, so neither this process nor a successor may acknowledge anything. */
void sync_hook(struct segment *segment, int control_fd);

/* What makes a descriptor's bytes durable; fdatasync unless a test puts something slower or
 * broken in its place. Same contract: 0, or -1 with errno. */
typedef int (*sync_fn)(int fd);
void sync_replace(sync_fn sync);

#endif
