/* What the store knows about itself: the format of its records, and how many rows there are. */
#ifndef GATEPOST_STORE_META_H
#define GATEPOST_STORE_META_H

#include "rows.h"

/* Format and tally of a new database, in one transaction, on disk when it returns. */
MUST_USE bool meta_begin(struct env *env, struct err *err);

/* Checks the format; reads the tally and the last audit key.
 * Errors: another format (a sentence that names both), a database that cannot be read. */
MUST_USE bool meta_load(struct env *env, struct err *err);

/* Puts the tally, in the transaction that changed it. */
void meta_put_tally(struct call *call);

/* Shows the tally on the board. */
void meta_show(const struct env *env);

#endif
