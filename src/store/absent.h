/* Names that were looked for and not found: a sign-up asks for its names twice, before its password
 * is hashed and when it is stored, and the second time nothing has to be searched.
 *
 * Invariant: a name in here is in no committed row and in none of the open transaction. It comes in
 * by a lookup, which sees what is committed, and leaves with the first row that is put under it. */
#ifndef GATEPOST_STORE_ABSENT_H
#define GATEPOST_STORE_ABSENT_H

#include "env.h"
#include "gatepost/bytes.h"

/* Of one key each, so a new one may take an older one's place: it is searched for again. */
struct absent;

struct absent *absent_new(void);
void absent_free(struct absent **absent);

/* absent: NULL knows nothing. */
void absent_note(struct absent *absent, enum table table, struct slice key);
void absent_forget(struct absent *absent, enum table table, struct slice key);
MUST_USE bool absent_knows(const struct absent *absent, enum table table, struct slice key);

#endif
