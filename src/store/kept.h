/* What workers keep of rows (worker/token_cache.h), and that they hear of every change of them. */
#ifndef GATEPOST_STORE_KEPT_H
#define GATEPOST_STORE_KEPT_H

#include "rows.h"

/* rows.c calls it for each row that was put (value: what is there now) or deleted (value: empty),
 * within the batch: before its commit, and before any answer of it. No request has to think of it.
 * See gatepost/epochs.h for why that is enough. */
void kept_row_changed(struct call *call, enum table table, struct slice key, struct slice value);

#endif
