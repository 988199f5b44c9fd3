/* A list, page by page, as a table for people or line by line as it came. Private to this folder.
 */
#ifndef GATEPOST_CLI_LISTING_H
#define GATEPOST_CLI_LISTING_H

#include "asking.h"
#include "terminal.h"

#define LISTING_COLUMNS_MAX 8
#define LISTING_PAGE_LINES  500 /* what a page is asked for with */

/* What is listed: which members of an object a line, under which headers. */
struct listing {
    const char *const *headers;
    const char *const *members;
    size_t columns;
    unsigned times; /* bits: columns that are points in time */
};

/* Prints a page, at most `most` lines of it. Returns how many; last_id: heap text, the last line's
 * id in the place of what it was. */
size_t listing_print(const struct listing *listing, struct table *table, bool as_json,
                     struct slice page, size_t most, char **last_id);

/* All that path (ending with '?' or '&') lists, at most limit lines; 0: no bound. A million
 * accounts need no more memory than a thousand. Returns an exit code.
 */
MUST_USE int listing_print_all(const struct asking *asking, const struct listing *listing,
                               const char *path, size_t limit);

#endif
