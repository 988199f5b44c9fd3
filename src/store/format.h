/* Databases of an older format: brought up to this program's, step by step, when they are opened.
 *
 * A step may be cut short at any instruction and is then begun again from its beginning: the format
 * in `meta` changes in its last transaction, and what was made before that is made over. */
#ifndef GATEPOST_STORE_FORMAT_H
#define GATEPOST_STORE_FORMAT_H

#include "env.h"

/* The first format that has this table. */
MUST_USE uint32_t format_of_table(enum table table);

/* All tables are open; those that came later than `format` may be new, or left half filled by a
 * start that was cut short. Gives life signs.
 * Errors: a sentence; the database has an older format still and can be opened again. */
MUST_USE bool format_migrate(struct env *env, const char *dir, uint32_t format, struct err *err);

#endif
