/* See format.h. A step's bulk goes in transactions of a bounded size, each a repetition of what an
 * earlier try may have done; then a checkpoint and the new files' names, durable; then one
 * transaction with the step's last rows and the new format. */
#include "format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit.h"
#include "files.h"
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "meta.h"
#include "outbox.h"

#define ROWS_A_TRANSACTION 1000U

uint32_t format_of_table(enum table table)
{
    if (table == TABLE_OUTBOX_BY_ADDRESS || table == TABLE_SUPPRESSIONS)
        return 3;
    return table == TABLE_AUDIT_BY_USER ? 2 : 1;
}

/* ---- 1 to 2: audit rows by account, and a chain over them ---------------------------------------
 */

struct old_trail {
    uint64_t rows;
    uint8_t chain[AUDIT_CHAIN_BYTES];
};

/* Lists rows from where the walk begins. Returns true when there may be more behind them. */
static bool list_some(struct call *call, struct walk *walk, struct old_trail *trail)
{
    static const struct uuid nobody;
    struct audit_row row;
    size_t count = 0;

    while (count < ROWS_A_TRANSACTION && walk_next(walk)) {
        if (walk->key_len != AUDIT_KEY_BYTES || !audit_read(row_slice(&walk->row), &row)) {
            row_unreadable(call, TABLE_AUDIT, walk_key(walk));
            return false;
        }
        audit_chain_step(trail->chain, walk_key(walk), row_slice(&walk->row));
        if (!uuid_equal(&row.user_id, &nobody))
            audit_index(call, &row.user_id, walk_key(walk));
        trail->rows++;
        count++;
    }
    return count == ROWS_A_TRANSACTION;
}

static int run_in_transaction(struct call *call, bool (*act)(struct call *, void *), void *context,
                              bool *more_out)
{
    DB_ENV *db_env = call->env->db_env;
    int failure = db_env->txn_begin(db_env, NULL, &call->txn, 0);

    if (failure != 0)
        return failure;
    *more_out = act(call, context);
    failure = call->failure;
    FAULT("s.migrating");
    if (failure == 0)
        failure = call->txn->commit(call->txn, DB_TXN_NOSYNC);
    else
        (void)call->txn->abort(call->txn);
    call->txn = NULL;
    life_sign(call->env->segment, call->env->slot);
    FAULT("s.migrated_some");
    return failure;
}

struct listing {
    struct walk walk;
    enum table table;                  /* that is walked */
    mono_ns told;                      /* how far it is */
    uint8_t next[AUDIT_KEY_BYTES + 1]; /* the last key and a zero: the first one behind it */
    size_t next_len;
    struct old_trail trail;
};

_Static_assert(UUID_BYTES == AUDIT_KEY_BYTES, "both steps keep their place in the same bytes");

static void keep_place(struct listing *listing)
{
    BUG_ON(listing->walk.key_len != AUDIT_KEY_BYTES);
    memcpy(listing->next, listing->walk.key, AUDIT_KEY_BYTES);
    listing->next[AUDIT_KEY_BYTES] = 0;
    listing->next_len = sizeof(listing->next);
}

static bool list_audit_rows(struct call *call, void *context)
{
    struct listing *listing = context;

    walk_open(&listing->walk, call, TABLE_AUDIT, slice_of(listing->next, listing->next_len));
    bool more = list_some(call, &listing->walk, &listing->trail);
    if (more)
        keep_place(listing);
    walk_close(&listing->walk);
    return more;
}

/* The old rows have no room for a chain; the row that begins it vouches for all of them. */
static bool begin_chain(struct call *call, void *context)
{
    static const struct uuid nobody;
    const struct old_trail *trail = context;
    char detail[AUDIT_DETAIL_MAX_BYTES];

    if (trail->rows > 0) {
        audit_find_end(call);
        memcpy(call->env->audit.chain, trail->chain, sizeof(trail->chain));
        call->now = clock_wall_ms();
        (void)snprintf(detail, sizeof(detail), "%llu", (unsigned long long)trail->rows);
        audit_add_detail(call, AUDIT_CHAIN_BEGUN, &nobody, (struct slice){0}, AUDIT_DONE,
                         slice_of_text(detail));
    }
    meta_put_format(call, 2);
    return false;
}

/* A large database takes minutes: a line a second says how far it is. */
static void tell_progress(struct env *env, struct listing *listing, uint32_t from)
{
    const mono_ns now = clock_mono_ns();
    struct call call = {.env = env};

    if (listing->told != 0 && now - listing->told < NS_PER_S)
        return;
    listing->told = now;
    const struct slice next = slice_of(listing->next, listing->next_len);
    const double share = next.len > 0 ? row_share_below(&call, listing->table, next) : 0;

    log_info("store.migrating", "from=%u to=%u done=%d%%", from, from + 1, (int)(share * 100));
}

/* The bulk, then what is in it on disk under its name, then the last transaction. */
static int take_step(struct env *env, const char *dir, uint32_t from,
                     bool (*fill)(struct call *, void *), bool (*end)(struct call *, void *),
                     struct err *err)
{
    struct listing *listing = xcalloc(1, sizeof(*listing));
    struct call call = {.env = env};
    bool more = true;
    int failure = 0;

    listing->table = from == 1 ? TABLE_AUDIT : TABLE_OUTBOX;
    while (failure == 0 && more) {
        tell_progress(env, listing, from);
        failure = run_in_transaction(&call, fill, listing, &more);
    }
    if (failure == 0)
        failure = env->db_env->txn_checkpoint(env->db_env, 0, 0, DB_FORCE);
    FAULT("s.migration_filled");
    if (failure == 0 && !files_settle_names(dir, err))
        failure = EIO;
    if (failure == 0)
        failure = run_in_transaction(&call, end, &listing->trail, &more);
    free(listing);
    return failure;
}

static int to_2(struct env *env, const char *dir, struct err *err)
{
    return take_step(env, dir, 1, list_audit_rows, begin_chain, err);
}

/* ---- 2 to 3: letters by address; their rows are read as they are --------------------------------
 */

static bool list_letters(struct call *call, void *context)
{
    struct listing *listing = context;
    size_t count = 0;

    walk_open(&listing->walk, call, TABLE_OUTBOX, slice_of(listing->next, listing->next_len));
    while (count < ROWS_A_TRANSACTION && walk_next(&listing->walk)) {
        letter_index(call, &listing->walk);
        count++;
    }
    const bool more = count == ROWS_A_TRANSACTION && call->failure == 0;
    if (more)
        keep_place(listing);
    walk_close(&listing->walk);
    return more;
}

static bool say_3(struct call *call, void *context)
{
    (void)context;
    meta_put_format(call, 3);
    return false;
}

static int to_3(struct env *env, const char *dir, struct err *err)
{
    return take_step(env, dir, 2, list_letters, say_3, err);
}

/* ---- the steps ----------------------------------------------------------------------------------
 */

static int (*const steps[])(struct env *env, const char *dir, struct err *err) = {
    [1] = to_2, /* by the format that it begins with */
    [2] = to_3,
};
_Static_assert(ARRAY_LEN(steps) == STORE_FORMAT, "a step for each format before this one");

bool format_migrate(struct env *env, const char *dir, uint32_t format, struct err *err)
{
    for (; format < STORE_FORMAT; format++) {
        err->text[0] = '\0';
        int failure = steps[format](env, dir, err);

        if (failure == 0)
            failure = env->db_env->log_flush(env->db_env, NULL);
        if (failure != 0) {
            if (err->text[0] == '\0')
                err_set(err, "store.dir %s: from format %u to %u: %s", dir, format, format + 1,
                        db_strerror(failure));
            return false;
        }
        log_info("store.migrated", "from=%u to=%u", format, format + 1);
    }
    return true;
}
