/* Writes: many in one transaction, answered when it is on disk.
 *
 * Story: take what waits in line, carry it out one by one, keep the answers to what changed
 * something in the same transaction, commit it to the log's buffer, have the flusher write that,
 * and let the answers go when it did. Meanwhile lookups go on and the next batch may begin.
 * Invariant: an answer of a write leaves only when a flush covers its commit. A write that is
 * refused changed nothing, so its neighbours stay whole; if the database fails, none of the batch
 * has happened. */
#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "requests.h"
#include "room.h"
#include "store.h"

#define BATCH_MAX         32U   /* lookups wait for one batch at most: keep it short */
#define BATCH_WORTHWHILE  16U   /* fewer wait for the flush under way, and share the next one */
#define HELD_MAX          4096U /* answers that wait for a flush */
#define PAYLOAD_MAX_BYTES 6000U

/* A batch in the making. */
struct batch {
    struct call call;
    struct parcel_queue asks;    /* carried out; kept in case that all of it fails */
    struct parcel_queue answers; /* not yet told */
    struct tally tally_before;
    struct audit_end audit_before;
    bool changed; /* something was put or deleted, by whichever of them */
    mono_ns began;
};

static struct parcel *answer_new(const struct parcel *ask, enum store_status status,
                                 struct slice payload)
{
    struct parcel *answer = xcalloc(1, sizeof(*answer) + ANSWER_HEAD_BYTES + payload.len);
    struct packer packer = packer_over(answer->bytes, ANSWER_HEAD_BYTES + payload.len);

    answer->slot = ask->slot;
    answer->generation = ask->generation;
    answer->len = ANSWER_HEAD_BYTES + payload.len;
    answer_head_pack(
        &packer, &(struct answer_head){.sequence = ask->head.sequence, .status = (uint8_t)status});
    pack_raw(&packer, payload.at, payload.len);
    BUG_ON(packer.overflow);
    return answer;
}

static void carry_out_one(struct store *store, struct batch *batch, struct parcel *ask)
{
    struct seat *seat = seat_of(store, ask->slot, ask->generation);
    struct call *call = &batch->call;
    uint8_t payload[PAYLOAD_MAX_BYTES];
    enum store_status status;

    if (!seat && ask->head.request != STORE_OUTBOX_SETTLE)
        return; /* nobody waits for it any more */
    /* never one's name with another's number */
    board_set(store->segment, BOARD_WORK_INCARNATION, 0);
    board_set(store->segment, BOARD_WORK_SEQUENCE, ask->head.sequence);
    board_set(store->segment, BOARD_WORK_INCARNATION, seat ? seat->shelf.incarnation : 0);
    life_sign(store->segment, store->env.slot);
    metric_count(METRIC_STORE_WRITES);

    call->changed = false;
    call->roles = seat ? seat->roles : 0;
    call->packed = slice_of(ask->bytes, ask->len);
    call->answer = packer_over(payload, sizeof(payload));
    FAULT_ON("s.carry_out", call->packed);
    status = request_carry_out(call, ask->head.request);
    FAULT_ON("s.carried_out", call->packed);
    if (call->failure != 0)
        return;
    BUG_ON(call->answer.overflow);
    if (status == STORE_REFUSED) {
        BUG_ON(call->changed);
        call->answer.len = 0;
        if (seat)
            seat_report(store, ask->slot, "a write that makes no sense");
    }
    batch->changed |= call->changed;
    if (!seat)
        return; /* a dead mailer's last word: heard, and nobody to tell */
    if (call->changed)
        draft_add(call, &seat->shelf, &seat->draft, ask->head.sequence, status,
                  packer_slice(&call->answer));
    parcel_append(&batch->answers, answer_new(ask, status, packer_slice(&call->answer)));
}

/* What is logged meanwhile, anywhere below, names the request. */
static void carry_out(struct store *store, struct batch *batch, struct parcel *ask)
{
    log_about(ask->about);
    carry_out_one(store, batch, ask);
    log_debug("store.carried_out", "slot=%u sequence=%llu ask=%s", ask->slot,
              (unsigned long long)ask->head.sequence, request_name(ask->head.request));
    log_about("");
}

/* What the transaction does besides: answers kept and forgotten, upkeep, the tally. */
static void finish(struct store *store, struct batch *batch)
{
    struct call *call = &batch->call;
    const struct tally *now = &store->env.tally;

    call->changed = false;
    for (uint32_t slot = 0; slot < store->seat_count; slot++) {
        struct seat *seat = &store->seats[slot];

        if (!seat->open)
            continue;
        draft_put(call, &seat->shelf, &seat->draft);
        shelf_forget(call, &seat->shelf, seat->acknowledged);
    }
    for (size_t i = 0; i < store->doomed_count; i++)
        shelf_forget_all(call, &store->doomed[i]);
    purge_step(&store->purge, call, batch->asks.count);
    if (memcmp(now, &batch->tally_before, sizeof(*now)) != 0)
        meta_put_tally(call);
    batch->changed |= call->changed;
}

static void settle_shelves(struct store *store, bool committed)
{
    for (uint32_t slot = 0; slot < store->seat_count; slot++) {
        struct seat *seat = &store->seats[slot];

        draft_begin(&seat->draft);
        if (committed)
            shelf_committed(&seat->shelf);
        else
            shelf_aborted(&seat->shelf);
    }
    for (size_t i = 0; i < store->doomed_count; i++) {
        if (committed)
            shelf_fini(&store->doomed[i]);
        else
            shelf_aborted(&store->doomed[i]);
    }
    if (committed)
        store->doomed_count = 0;
}

/* Refusals rest on what was committed before, which may not be on disk yet either: they wait for
 * that, but a batch of nothing else asks for no flush. */
static void on_committed(struct store *store, struct batch *batch)
{
    struct parcel *answer;

    if (batch->changed) {
        store->commits++;
        metric_count(METRIC_STORE_COMMITS);
        metric_observe_size(HISTOGRAM_STORE_BATCH, batch->asks.count);
        metric_observe(HISTOGRAM_STORE_COMMIT, clock_mono_ns() - batch->began);
        meta_show(&store->env);
        flusher_ask(store->flusher, store->commits);
        checkpointer_note(store->checkpointer);
    }
    while ((answer = parcel_take(&batch->answers))) {
        answer->commit = store->commits;
        parcel_append(&store->held, answer);
    }
}

/* None of it has happened: everybody may try again. */
static void on_failed(struct store *store, struct batch *batch, int failure)
{
    log_error("batch.failed", "writes=%zu reason=\"%s\"", batch->asks.count, db_strerror(failure));
    store->env.tally = batch->tally_before;
    store->env.audit = batch->audit_before;
    parcel_drop_all(&batch->answers);
    for (struct parcel *ask = batch->asks.first; ask; ask = ask->next) {
        if (seat_of(store, ask->slot, ask->generation))
            answer_plain(store, ask->slot, ask->head.sequence, STORE_BUSY, (struct slice){0});
    }
}

static bool is_signup(const struct parcel *ask)
{
    return ask->head.request == STORE_ACCOUNT_CREATE && ask->len >= UUID_BYTES;
}

/* Takes the next batch's writes from the line, each worker's as they came, but sign-ups in the
 * order of the ids that they begin with, which are times. So rows go to the end of their tables,
 * where a page that is full is left full; of two workers' ids in the order of the lanes half would
 * go in between, and split full pages into halves. None of them is answered yet: nobody can tell.
 */
static size_t take_batch(struct store *store, struct parcel *asks_out[BATCH_MAX])
{
    size_t count = 0;
    struct parcel *ask;

    while (count < BATCH_MAX && (ask = parcel_take(&store->line))) {
        size_t to = count;

        for (size_t i = count; is_signup(ask) && i-- > 0;) {
            if (!is_signup(asks_out[i]))
                continue;
            if (memcmp(asks_out[i]->bytes, ask->bytes, UUID_BYTES) <= 0)
                break;
            asks_out[to] = asks_out[i];
            to = i;
        }
        asks_out[to] = ask;
        count++;
    }
    return count;
}

static void run(struct store *store)
{
    struct batch batch = {.call = {.env = &store->env, .now = clock_wall_ms()},
                          .tally_before = store->env.tally,
                          .audit_before = store->env.audit,
                          .began = clock_mono_ns()};
    struct parcel *asks[BATCH_MAX];
    const size_t count = take_batch(store, asks);
    int failure = store->env.db_env->txn_begin(store->env.db_env, NULL, &batch.call.txn, 0);

    FAULT("s.begun");
    if (failure == DB_RUNRECOVERY)
        env_panic(failure);
    for (size_t i = 0; i < count; i++) {
        struct seat *seat = seat_of(store, asks[i]->slot, asks[i]->generation);

        if (seat)
            seat->waiting--;
        parcel_append(&batch.asks, asks[i]);
        metric_observe(HISTOGRAM_STORE_WAIT, batch.began - asks[i]->came);
        if (failure == 0 && batch.call.failure == 0)
            carry_out(store, &batch, asks[i]);
    }
    board_set(store->segment, BOARD_WORK_INCARNATION, 0);
    if (failure == 0) {
        if (batch.call.failure == 0)
            finish(store, &batch);
        failure = batch.call.failure;
        FAULT("s.before_commit");
        if (failure == 0)
            failure = batch.call.txn->commit(batch.call.txn, DB_TXN_NOSYNC);
        else if (batch.call.txn->abort(batch.call.txn) != 0)
            env_panic(DB_RUNRECOVERY);
        if (failure == DB_RUNRECOVERY)
            env_panic(failure);
        FAULT("s.committed");
    }
    settle_shelves(store, failure == 0);
    if (failure == 0)
        on_committed(store, &batch);
    else
        on_failed(store, &batch, failure);
    parcel_drop_all(&batch.asks);
}

bool batch_run(struct store *store)
{
    bool upkeep = store->doomed_count > 0 || purge_is_due(&store->purge, clock_mono_ns());

    if (store->line.count == 0 && !upkeep)
        return false;
    if (store->flush.failure != 0 || room_is_lacking() || store->held.count >= HELD_MAX ||
        checkpointer_log_is_full(store->checkpointer))
        return false;
    if (store->flush.busy && store->line.count < BATCH_WORTHWHILE)
        return false;
    /* From here on the main thread may have to wait for the disk itself: for a full log buffer, a
     * page that is read or pushed out. */
    life_enter(store->segment, store->env.slot, LIFE_FLUSHING);
    run(store);
    store->flush = flusher_look(store->flusher);
    life_enter(store->segment, store->env.slot, LIFE_SERVING);
    return true;
}

bool batch_release(struct store *store)
{
    bool any = false;

    store->flush = flusher_look(store->flusher);
    while (store->held.first && store->held.first->commit <= store->flush.flushed) {
        struct parcel *answer = parcel_take(&store->held);

        FAULT("s.before_answer");
        if (seat_of(store, answer->slot, answer->generation))
            seat_answer(store, answer->slot, answer->bytes, answer->len);
        FAULT("s.answered");
        free(answer);
        any = true;
    }
    return any;
}
