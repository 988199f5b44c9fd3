/* The store process: the one owner of the database.
 *
 * Story, in the order of docs/design.md section 7: enter, drop privileges, open (which recovers),
 * find what the predecessor left, say that there is a store again, then the loop: let answers go
 * whose commits are on disk, look who came and went, take what was asked, carry out a batch, sleep.
 * At the end: what waits in line is carried out and flushed, a checkpoint, the same steps in
 * reverse.
 *
 * Three threads: this one, which alone touches the databases; the flusher; the checkpointer. */
#include "store.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive.h"
#include "backup.h"
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "gatepost/sandbox.h"
#include "room.h"
#include "sync.h"

#define ROUNDS_A_LOOK 64U /* a busy store looks for orders so often: each look is a system call */
#define WAIT_MS       200 /* also how often the disk's room is looked at */

/* A predecessor that died at a write left its name on the board. The same one at two deaths in a
 * row is not given a third. */
static void find_suspect(struct store *store)
{
    struct segment *segment = store->segment;
    uint64_t incarnation = board_get(segment, BOARD_WORK_INCARNATION);
    uint64_t sequence = board_get(segment, BOARD_WORK_SEQUENCE);
    uint64_t deaths = 1;

    if (incarnation != 0) {
        if (incarnation == board_get(segment, BOARD_SUSPECT_INCARNATION) &&
            sequence == board_get(segment, BOARD_SUSPECT_SEQUENCE))
            deaths = board_get(segment, BOARD_SUSPECT_DEATHS) + 1;
        board_set(segment, BOARD_SUSPECT_INCARNATION, incarnation);
        board_set(segment, BOARD_SUSPECT_SEQUENCE, sequence);
        board_set(segment, BOARD_SUSPECT_DEATHS, deaths);
        board_set(segment, BOARD_WORK_INCARNATION, 0);
        log_warning("store.suspect_noted", "sequence=%llu deaths=%llu",
                    (unsigned long long)sequence, (unsigned long long)deaths);
    }
    if (board_get(segment, BOARD_SUSPECT_DEATHS) >= 2) {
        store->suspect_incarnation = board_get(segment, BOARD_SUSPECT_INCARNATION);
        store->suspect_sequence = board_get(segment, BOARD_SUSPECT_SEQUENCE);
    }
}

static struct shelf *find_shelf(void *context, uint64_t incarnation)
{
    struct store *store = context;

    for (uint32_t slot = 0; slot < store->seat_count; slot++) {
        struct seat *seat = &store->seats[slot];

        if (seat->open && seat->shelf.incarnation == incarnation)
            return &seat->shelf;
    }
    return NULL;
}

/* Stored answers of askers that live are taken over, those of the others deleted. */
static void take_over_answers(struct store *store)
{
    struct call call = {.env = &store->env};
    DB_ENV *db_env = store->env.db_env;
    int failure = db_env->txn_begin(db_env, NULL, &call.txn, 0);

    if (failure == 0) {
        shelves_load(&call, find_shelf, store);
        failure = call.failure;
        if (failure == 0)
            failure = call.txn->commit(call.txn, DB_TXN_SYNC);
        else
            (void)call.txn->abort(call.txn);
    }
    if (failure != 0)
        die(EXIT_STORE_OPEN, "store.dir: answers.db cannot be read: %s", db_strerror(failure));
}

static void begin(struct store *store, struct heritage *heritage)
{
    struct err err = {{0}};

    store->heritage = heritage;
    store->segment = heritage->segment;
    store->seat_count = segment_seats(store->segment);
    store->seats = xcalloc(store->seat_count, sizeof(*store->seats));
    life_enter(store->segment, heritage->slot, LIFE_RECOVERING);
    sync_hook(store->segment, heritage->control_fd);
    room_hook(heritage);
    if (!env_open(&store->env, heritage->config->store_dir, heritage->config->store_cache_mib,
                  store->segment, heritage->slot, &err))
        die(EXIT_STORE_OPEN, "%s", err.text);
    store->env.keep_sent_ms = heritage->config->mail_keep_s * 1000;
    store->env.archive = archive_new(heritage->config->store_dir, heritage->config->store_archive);
    store->env.backup = backup_new(&store->env, heritage->config->store_dir);
    FAULT("s.recovered");
    find_suspect(store);
    (void)seats_look(store);
    take_over_answers(store);
    room_enter(ROOM_SERVING);
    sandbox_enter(heritage); /* before the threads, which write the log and the tables */
    store->purge.stepped = store->noting.noted = clock_mono_ns();
    store->flusher = flusher_start(&store->env);
    store->checkpointer = checkpointer_start(&store->env);
    disk_look(store, clock_mono_ns());
    meta_show(&store->env);
}

/* From here on asks are answered: those who wait hear of it. */
static void announce(struct store *store)
{
    life_enter(store->segment, store->env.slot, LIFE_SERVING);
    board_set(store->segment, BOARD_STORE_EPOCH, store->heritage->generation);
    /* Those of a first start came while this one recovered. Who looked for a store in vain has had
     * its seat before that, so none is missed. */
    (void)seats_look(store);
    for (uint32_t slot = 0; slot < store->seat_count; slot++) {
        if (store->seats[slot].open)
            wake_slot(store->segment, slot);
    }
    FAULT("s.announced");
    proc_ready(store->heritage);
    log_info(
        "store.opened", "epoch=%llu users=%llu pending=%llu dead=%llu",
        (unsigned long long)store->heritage->generation, (unsigned long long)store->env.tally.users,
        (unsigned long long)store->env.tally.pending, (unsigned long long)store->env.tally.dead);
    noting_tell(&store->env.audit);
}

/* One round. Returns false when there was nothing to do. */
static bool step(struct store *store)
{
    bool busy = false;

    FAULT("s.loop");
    life_sign(store->segment, store->env.slot);
    metric_count_dropped_lines();
    busy |= batch_release(store);
    busy |= seats_look(store);
    busy |= seats_push_backlogs(store);
    disk_look(store, clock_mono_ns());
    noting_look(&store->noting, &store->env.audit, store->commits, store->flush.flushed,
                clock_mono_ns());
    if (backup_look(store->env.backup, clock_mono_ns()))
        checkpointer_note(store->checkpointer);
    busy |= intake(store);
    metric_set(GAUGE_STORE_LINE, store->line.count);
    wake_settle(store->segment, store->env.slot); /* a batch takes its time */
    busy |= batch_run(store);
    return busy;
}

/* Between wake_prepare and the next round; ends the sleep that wake_prepare began. */
static void sleep_until_woken(struct store *store)
{
    struct pollfd fds[] = {
        {.fd = wake_fd(store->segment, store->env.slot), .events = POLLIN},
        {.fd = store->heritage->control_fd, .events = POLLIN},
        {.fd = store->heritage->alive_fd, .events = POLLIN},
    };

    const bool waited = poll(fds, ARRAY_LEN(fds), WAIT_MS) >= 0;
    if (waited && fds[2].revents != 0)
        _exit(EXIT_ORPHANED);
    store->is_called = waited && fds[1].revents != 0;
    if (waited && fds[0].revents == 0)
        wake_done_unwoken(store->segment, store->env.slot);
    else
        wake_done(store->segment, store->env.slot);
}

/* Returns true when the master said stop, and when that must be over. */
static bool told_to_stop(struct store *store, mono_ns *until_out)
{
    struct proc_message message;

    store->is_called = false;
    while (proc_receive(store->heritage, &message)) {
        if (message.kind != ORDER_STOP && message.kind != ORDER_DRAIN)
            continue;
        *until_out = clock_mono_ns() + message.value * NS_PER_MS;
        return true;
    }
    return false;
}

/* Serves until the master says stop. Returns when the stop must be over. */
static mono_ns serve(struct store *store)
{
    uint32_t rounds = 0;
    mono_ns until;

    for (;;) {
        if ((rounds++ % ROUNDS_A_LOOK == 0 || store->is_called) && told_to_stop(store, &until))
            return until;
        if (step(store))
            continue;
        wake_prepare(store->segment, store->env.slot);
        if (step(store)) {
            wake_done_unwoken(store->segment, store->env.slot);
            continue;
        }
        metric_usage_look(clock_mono_ns());
        sleep_until_woken(store);
    }
}

/* What has been taken is carried out and answered; what still lies in the lanes is not taken: those
 * who asked ask the next store again. */
static void drain(struct store *store, mono_ns until)
{
    life_enter(store->segment, store->env.slot, LIFE_DRAINING);
    FAULT("s.draining");
    while ((store->line.count > 0 || store->held.count > 0) && clock_mono_ns() < until) {
        bool busy = batch_release(store);

        busy |= seats_push_backlogs(store);
        busy |= batch_run(store);
        if (busy)
            continue;
        wake_prepare(store->segment, store->env.slot);
        if (batch_release(store))
            wake_done_unwoken(store->segment, store->env.slot);
        else
            sleep_until_woken(store);
    }
    (void)seats_push_backlogs(store);
    wake_settle(store->segment, store->env.slot);
}

static void end(struct store *store)
{
    room_enter(ROOM_ENDING);
    backup_stop(store->env.backup);
    checkpointer_stop(&store->checkpointer);
    flusher_stop(&store->flusher);
    backup_free(&store->env.backup); /* every thread that logs looks at it */
    FAULT("s.closing");
    const struct audit_end trail_end = store->env.audit;
    env_close(&store->env);
    archive_free(&store->env.archive);
    parcel_drop_all(&store->line);
    parcel_drop_all(&store->held);
    seats_free(store);
    noting_tell(&trail_end);
    log_info("store.closed", "epoch=%llu", (unsigned long long)store->heritage->generation);
}

int store_main(struct heritage *heritage)
{
    struct store *store;

    proc_enter(heritage);
    metrics_init(heritage->segment, heritage->slot);
    proc_drop_privileges(heritage);
    store = xcalloc(1, sizeof(*store));
    begin(store, heritage);
    announce(store);
    drain(store, serve(store));
    end(store);
    free(store);
    return EXIT_DONE;
}

uint32_t store_data_format(void)
{
    return STORE_FORMAT;
}
