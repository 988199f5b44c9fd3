/* See meta.h. Tables: meta, and the last row of audit. */
#include "meta.h"

#include "audit.h"
#include "record.h"

#define FORMAT_KEY SLICE_LITERAL("format")
#define TALLY_KEY  SLICE_LITERAL("tally")

void meta_put_format(struct call *call, uint32_t format)
{
    uint8_t bytes[16];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    format_row_pack(&packer, &(struct format_row){.format = format});
    row_put(call, TABLE_META, FORMAT_KEY, packer_slice(&packer));
}

void meta_put_tally(struct call *call)
{
    const struct tally *tally = &call->env->tally;
    struct tally_row record = {tally->users, tally->pending,    tally->dead,
                               tally->sent,  tally->suppressed, tally->mail_paused};
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    tally_row_pack(&packer, &record);
    row_put(call, TABLE_META, TALLY_KEY, packer_slice(&packer));
}

bool meta_begin(struct env *env, struct err *err)
{
    struct call call = {.env = env};
    int failure = env->db_env->txn_begin(env->db_env, NULL, &call.txn, 0);

    if (failure == 0) {
        meta_put_format(&call, STORE_FORMAT);
        meta_put_tally(&call);
        failure = call.failure;
        if (failure == 0)
            failure = call.txn->commit(call.txn, DB_TXN_SYNC);
        else
            (void)call.txn->abort(call.txn);
    }
    if (failure != 0)
        err_set(err, "store.dir: cannot begin a new database: %s", db_strerror(failure));
    return failure == 0;
}

bool meta_read_format(struct env *env, uint32_t *format_out, struct err *err)
{
    struct call call = {.env = env};
    struct row row;
    struct format_row format;

    if (!row_get(&call, TABLE_META, FORMAT_KEY, &row) ||
        !format_row_unpack(row_slice(&row), &format)) {
        err_set(err, "store.dir: the database does not say which format it has");
        return false;
    }
    if (format.format == 0 || format.format > STORE_FORMAT) {
        err_set(err,
                "store.dir: the database has format %u, this program reads and writes format %u",
                format.format, STORE_FORMAT);
        return false;
    }
    *format_out = format.format;
    return true;
}

static bool unpack_tally(struct slice packed, struct tally *tally_out)
{
    struct tally_row row;
    struct tally_row_1 old;

    if (tally_row_unpack(packed, &row))
        *tally_out = (struct tally){row.users, row.pending,    row.dead,
                                    row.sent,  row.suppressed, row.mail_paused};
    else if (tally_row_1_unpack(packed, &old))
        *tally_out = (struct tally){.users = old.users, .pending = old.pending, .dead = old.dead};
    else
        return false;
    return true;
}

static bool read_tally(struct call *call, struct err *err)
{
    struct row row;

    if (!row_get(call, TABLE_META, TALLY_KEY, &row) ||
        !unpack_tally(row_slice(&row), &call->env->tally)) {
        err_set(err, "store.dir: the database does not say how many rows it has");
        return false;
    }
    return true;
}

bool meta_load(struct env *env, struct err *err)
{
    struct call call = {.env = env};

    if (!read_tally(&call, err))
        return false;
    env->mail_orders = board_get(env->segment, BOARD_MAIL_ORDERS);
    /* A predecessor may have died between its last commit and telling of it. */
    env->mail_stops = board_get(env->segment, BOARD_MAIL_STOPS) + 1;
    audit_find_end(&call);
    if (call.failure != 0) {
        err_set(err, "store.dir: audit.db cannot be read: %s", db_strerror(call.failure));
        return false;
    }
    return true;
}

void meta_show(const struct env *env)
{
    struct segment *segment = env->segment;
    const struct {
        enum board_word word;
        uint64_t value;
    } facts[] = {
        {BOARD_USERS, env->tally.users},
        {BOARD_OUTBOX_PENDING, env->tally.pending},
        {BOARD_OUTBOX_DEAD, env->tally.dead},
        {BOARD_OUTBOX_SENT, env->tally.sent},
        {BOARD_SUPPRESSIONS, env->tally.suppressed},
        {BOARD_MAIL_PAUSED, env->tally.mail_paused != 0},
        {BOARD_MAIL_STOPS, env->mail_stops},
    };

    for (size_t i = 0; i < ARRAY_LEN(facts); i++)
        board_set(segment, facts[i].word, facts[i].value);
    if (board_get(segment, BOARD_MAIL_ORDERS) != env->mail_orders) {
        board_set(segment, BOARD_MAIL_ORDERS, env->mail_orders);
        wake_slot(segment, SLOT_MAILER);
    }
}
