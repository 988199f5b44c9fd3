/* An account that is moved in or out, as a line of JSON:
 * {"id","username","email","password","active","email_verified","date_joined","last_login",
 *  "language","extra"}
 * where password is the stored form, and extra an object of what Gatepost does not use. */
#ifndef WORKER_MOVED_ROW_H
#define WORKER_MOVED_ROW_H

#include "gatepost/json.h"
#include "gatepost/store_messages.h"

#define MOVED_ROW_BYTES 8192 /* packed */

/* Checks a line by Gatepost's rules and packs a moved_account, with a new user id and the keys of
 * name and address. verified: the address counts as proven. Returns the sentence that is wrong with
 * it (a constant; *field_out: of which member, or NULL), or NULL. */
MUST_USE const char *moved_row_read(struct slice line, bool verified, struct packer *row,
                                    const char **field_out);

/* And back. `key` in front is where the next page begins behind. */
bool moved_row_write(struct json_writer *writer, struct slice row);

#endif
