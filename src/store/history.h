/* What happened to a letter, as its row keeps it: a list of tries with bounded bytes. When it is
 * full the second one makes room: how it began and how it stands are what people ask. */
#ifndef GATEPOST_STORE_HISTORY_H
#define GATEPOST_STORE_HISTORY_H

#include "record.h"

#define HISTORY_MAX_BYTES   2048 /* as letter_row.history */
#define HISTORY_ENTRIES_MAX 12
#define HISTORY_REPLY_BYTES 120 /* as letter_try.reply */

/* The history with one more entry, packed into bytes; its reply is cut to what is kept of one.
 * An entry that cannot be read is left out: what is told must not depend on it. */
MUST_USE struct slice history_add(struct slice history, const struct letter_try *entry,
                                  uint8_t bytes[HISTORY_MAX_BYTES]);

/* The newest entry. Returns false when there is none. Slices point into history. */
MUST_USE bool history_last(struct slice history, struct letter_try *entry_out);

/* The reply as an entry keeps it: at most HISTORY_REPLY_BYTES, no character cut in two. */
MUST_USE struct slice history_reply(struct slice reply);

#endif
