/* Pages: Berkeley DB's own look at each file of a database that nobody has open. */
#ifndef GATEPOST_STORE_PAGES_H
#define GATEPOST_STORE_PAGES_H

#include "gatepost/offline.h"

/* Every problem is told. */
MUST_USE bool pages_verify(const char *dir, const struct offline_listener *listener);

#endif
