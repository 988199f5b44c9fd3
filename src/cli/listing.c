/* See listing.h. */
#include "listing.h"

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/proc.h"
#include "lines.h"

static void add_row(struct table *table, const struct listing *listing,
                    const struct json_object *object)
{
    struct slice cells[LISTING_COLUMNS_MAX];
    char times[LISTING_COLUMNS_MAX][TIME_TEXT_BYTES];

    BUG_ON(listing->columns > LISTING_COLUMNS_MAX);
    for (size_t i = 0; i < listing->columns; i++) {
        cells[i] = answer_member(object, listing->members[i]);
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

        answer_object(line, &object);
        struct slice id = answer_member(&object, "id");
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

int listing_print_all(const struct asking *asking, const struct listing *listing, const char *path,
                      size_t limit)
{
    struct table *table = table_new(listing->headers, listing->columns);
    size_t left = limit != 0 ? limit : SIZE_MAX;
    char *last_id = xstrdup("");
    size_t count = 1;
    int code = EXIT_DONE;

    while (code == EXIT_DONE && count > 0 && left > 0) {
        struct admin_answer answer = {0};
        char *after = admin_escape(last_id);
        size_t bytes = strlen(path) + strlen(after) + 64;
        char *page_path = xcalloc(1, bytes);
        (void)snprintf(page_path, bytes, "%slimit=%zu&after=%s", path,
                       left < LISTING_PAGE_LINES ? left : LISTING_PAGE_LINES, after);
        code = ask(asking, "GET", page_path, NULL, &answer);
        if (code == EXIT_DONE) {
            count = listing_print(listing, table, asking->as_json,
                                  slice_of(answer.body, answer.len), left, &last_id);
            left -= count;
        }
        free(page_path);
        free(after);
    }
    free(last_id);
    table_free(&table);
    return code;
}
