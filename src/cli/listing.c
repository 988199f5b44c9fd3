/* See listing.h. */
#include "listing.h"

#include <stdlib.h>

#include "lines.h"
#include "user.h"

static void add_row(struct table *table, const struct listing *listing,
                    const struct json_object *object)
{
    struct slice cells[LISTING_COLUMNS_MAX];
    char times[LISTING_COLUMNS_MAX][TIME_TEXT_BYTES];

    BUG_ON(listing->columns > LISTING_COLUMNS_MAX);
    for (size_t i = 0; i < listing->columns; i++) {
        cells[i] = user_member(object, listing->members[i]);
        if ((listing->times & (1U << i)) != 0)
            cells[i] = time_text(cells[i], times[i]);
    }
    table_add(table, cells);
}

size_t listing_print(const struct listing *listing, struct table *table, bool as_json,
                     struct slice page, size_t most, char **last_id)
{
    struct slice line;
    size_t count = 0;

    while (count < most && next_line(&page, &line)) {
        struct json_object object;

        user_read_object(line, &object);
        struct slice id = user_member(&object, "id");
        free(*last_id);
        *last_id = xcalloc(1, id.len + 1);
        memcpy(*last_id, id.at, id.len);
        if (as_json)
            (void)printf("%.*s\n", (int)line.len, line.at);
        else
            add_row(table, listing, &object);
        json_object_fini(&object);
        count++;
    }
    if (!as_json)
        table_print(table, stdout);
    return count;
}
