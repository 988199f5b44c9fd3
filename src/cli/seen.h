/* Ids, names and addresses that a file has had before, in a dry run. Private to this folder. */
#ifndef GATEPOST_CLI_SEEN_H
#define GATEPOST_CLI_SEEN_H

#include "moved_user.h"

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen **seen);

/* Returns a sentence when an account before had its id, name or address; else NULL, and remembers
 * them. What the server will refuse is not looked at. Cost: 48 bytes an account at most. */
const char *seen_before(struct seen *seen, const struct moved_user *user);

#endif
