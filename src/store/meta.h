/* What the store knows about itself: the format of its records, and how many rows there are. */
#ifndef GATEPOST_STORE_META_H
#define GATEPOST_STORE_META_H

#include "rows.h"

/* Format and tally of a new database, in one transaction, on disk when it returns. */
MUST_USE bool meta_begin(struct env *env, struct err *err);

/* Which format the database has. Needs TABLE_META alone.
 * Errors: it says none, or a later one than this program's (a sentence that names both). */
MUST_USE bool meta_read_format(struct env *env, uint32_t *format_out, struct err *err);
void meta_put_format(struct call *call, uint32_t format);

/* Reads the tally and the last audit key.
 * Errors: a database that cannot be read. */
MUST_USE bool meta_load(struct env *env, struct err *err);

/* Puts the tally, in the transaction that changed it. */
void meta_put_tally(struct call *call);

/* Shows the tally on the board. */
void meta_show(const struct env *env);

#endif
