/* The status page in other forms. Private to this folder. page: "key: value" lines, as the master
 * sends them; what it says of anybody's doing (log lines, sentences) may hold any clean text. */
#ifndef GATEPOST_CLI_STATUS_H
#define GATEPOST_CLI_STATUS_H

#include <stdio.h>

#include "gatepost/json.h"

/* One object: a member a key, in the page's order. "key: word name=1 other=x" becomes
 * {"name":"word" ... }; keys that can stand there several times are arrays. */
void status_write_json(const char *page, struct json_writer *writer);

/* For a terminal of that size: what matters on one screen, each line ended by an erase to its end.
 */
void status_draw(const char *page, unsigned columns, unsigned rows, FILE *to);

#endif
