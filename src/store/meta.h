/* What the store knows about itself: the format of its records, and how many rows there are. */
#ifndef GATEPOST_STORE_META_H
#define GATEPOST_STORE_META_H

#include "rows.h"

/* No format yet: nothing was ever written here. meta is open, the other tables need not be. */
MUST_USE bool meta_is_new(struct env *env);

/* Checks the format, or writes it into a new database; reads the tally and the last audit key.
 * Errors: another format (a sentence that names both), a database that cannot be read. */
MUST_USE bool meta_load(struct env *env, struct err *err);

/* Puts the tally, in the transaction that changed it. */
void meta_put_tally(struct call *call);

/* Shows the tally on the board. */
void meta_show(const struct env *env);

#endif
