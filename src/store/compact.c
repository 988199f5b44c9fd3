/* Compaction while the store serves: compact_step.
 *
 * Berkeley DB compacts a stretch of a table in a transaction; here it is a batch's, so who asks
 * decides how fast it goes and what came before and after waits for one step at most. How long that
 * is, the number of rows bounds: Berkeley DB's own bounds are pages that it frees, and a stretch
 * where there are none to be freed would be gone through to its end. Not beside a backup: pages
 * move out of the part that is still to be read into the one that was. */
#include "backup.h"
#include "requests.h"

#define STEP_ROWS 100U

static const char *const names[] = {
#define TABLE(NAME, file) [TABLE_##NAME] = (file),
    TABLES(TABLE)
#undef TABLE
};

/* The key that ends the step; empty: the table ends before. */
static struct slice find_end(struct call *call, enum table table, struct slice from,
                             struct walk *walk)
{
    uint32_t rows = 0;

    walk_open(walk, call, table, from);
    while (rows < STEP_ROWS && walk_next(walk))
        rows++;
    walk_close(walk);
    return rows == STEP_ROWS ? walk_key(walk) : (struct slice){0};
}

enum store_status compact_step_on_request(struct call *call)
{
    struct compact_step_ask ask;
    struct walk walk;

    if (!compact_step_ask_unpack(call->packed, &ask) || ask.from.len > KEY_MAX_BYTES)
        return STORE_REFUSED;
    if (ask.table >= TABLE_COUNT)
        return STORE_NOT_FOUND;
    if (call->env->backup != NULL && backup_is_under_way(call->env->backup))
        return STORE_DUPLICATE;

    const enum table table = (enum table)ask.table;
    const uint64_t before = table_bytes(call, table);
    const struct slice until = find_end(call, table, ask.from, &walk);
    const uint32_t freed = rows_compact(call, table, ask.from, until);

    compact_step_answer_pack(&call->answer,
                             &(struct compact_step_answer){.name = slice_of_text(names[table]),
                                                           .next = until,
                                                           .freed = freed,
                                                           .before = before,
                                                           .after = table_bytes(call, table)});
    return STORE_OK;
}
