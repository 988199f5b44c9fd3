/* What should run, and what must not go on running.
 *
 * supervise compares the children there are with the children there should be, and starts or
 * dismisses the difference. Start, respawn, reload and roll-back are all this one comparison:
 * whoever wants a change changes what should be.
 * Who must wait for whom: a mailer for its predecessor's seat, which the store closes; after an
 * upgrade workers, admin and mailer for the first store. At a start all begin side by side, for
 * each has milliseconds to do before it needs another; a worker accepts nobody before there is a
 * store. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "master.h"

#define TICK_NS        (500 * NS_PER_MS)
#define LOOK_MOST_NS   NS_PER_S /* longer gaps are the master's own sleep */
#define READY_LIMIT_NS (30 * NS_PER_S)
#define ABORT_GRACE_NS NS_PER_S /* between SIGABRT and SIGKILL */
#define SWAP_LIMIT_MS  10000    /* a mailer or store that a reload replaces */
#define SWAP_GRACE_MS  1000

/* ---- watchdog ------------------------------------------------------------------------------ */

static void abort_child(struct child *child, mono_ns now, const char *why)
{
    char name[PROC_NAME_BYTES];
    log_error("child.stuck", "role=%s child=%d because=\"%s\"", child_name(child, name),
              (int)child->pid, why);
    child->stuck = true;
    child->kill_ns = now + ABORT_GRACE_NS;
    kill(child->pid, SIGABRT); /* for the line with its stack */
}

static void watch(struct master *master, struct child *child, mono_ns now, mono_ns since_look_ns)
{
    if (child->kill_ns != 0 && now >= child->kill_ns) {
        char name[PROC_NAME_BYTES];
        log_warning("child.overdue", "role=%s child=%d", child_name(child, name), (int)child->pid);
        kill(child->pid, SIGKILL);
        child->kill_ns = now + NS_PER_S; /* a process in the kernel's hands may take a while */
        return;
    }
    if (child->stuck || child->kill_ns != 0)
        return;
    enum life_phase phase = LIFE_STARTING;
    uint64_t sign = life_read(master->segment, child->slot, &phase);
    child->still_ns = sign == child->sign ? child->still_ns + since_look_ns : 0;
    child->sign = sign;
    if (child->still_ns > life_limit_ms(phase) * NS_PER_MS)
        abort_child(child, now, "no life sign");
    else if (!child->ready && child->role != ROLE_STORE && now - child->started_ns > READY_LIMIT_NS)
        abort_child(child, now, "not ready in time");
}

/* A gap that is longer than the ticks are apart means that this process, or the whole machine, was
 * stopped; the children are not to blame for it. */
static void watch_all(struct master *master, mono_ns now)
{
    mono_ns gap = now - master->looked_ns;
    master->looked_ns = now;
    for (size_t i = 0; i < master->places; i++) {
        if (master->children[i].pid != 0)
            watch(master, &master->children[i], now, gap < LOOK_MOST_NS ? gap : LOOK_MOST_NS);
    }
}

/* ---- who should run ------------------------------------------------------------------------ */

static bool may_start(const struct master *master, enum proc_role role, mono_ns now)
{
    return backoff_permits(&master->backoff[role], now);
}

static void supervise_store(struct master *master, mono_ns now)
{
    struct child *store = child_find(master, ROLE_STORE);
    bool stopping = master->stop.stage != STOP_NONE;
    const struct edition *edition = &master->current;
    uint32_t wanted = master->store_edition;
    if (master->reload.step == RELOAD_STORE) {
        edition = &master->next;
        wanted = edition->number;
    }
    if (store != NULL) {
        if (!stopping && store->edition != wanted && !store->leaving)
            child_dismiss(store, ORDER_STOP, SWAP_LIMIT_MS, SWAP_GRACE_MS);
        return;
    }
    if (master->condemned || !may_start(master, ROLE_STORE, now))
        return;
    /* Workers that drain still need their answers. */
    if (stopping && (master->stop.stage != STOP_WORKERS || !master->served))
        return;
    if (child_start(master, ROLE_STORE, segment_store_slot(master->segment), 0, edition))
        child_find(master, ROLE_STORE)->edition = wanted;
}

static void supervise_mailer(struct master *master, mono_ns now)
{
    struct child *mailer = child_find(master, ROLE_MAILER);
    const struct edition *wanted =
        master->reload.step >= RELOAD_MAILER ? &master->next : &master->current;
    if (mailer != NULL) {
        if (mailer->edition != wanted->number && !mailer->leaving)
            child_dismiss(mailer, ORDER_STOP, SWAP_LIMIT_MS, SWAP_GRACE_MS);
        return;
    }
    if (!may_start(master, ROLE_MAILER, now) || !seat_take_mailer(master->segment))
        return;
    if (!child_start(master, ROLE_MAILER, SLOT_MAILER, 0, wanted))
        seat_bury(master->segment, SLOT_MAILER);
}

static bool has_child(const struct master *master, enum proc_role role,
                      const struct edition *edition, uint32_t number)
{
    for (size_t i = 0; i < master->places; i++) {
        const struct child *child = &master->children[i];
        if (child->pid != 0 && child->role == role && child->edition == edition->number &&
            child->number == number && !child->leaving)
            return true;
    }
    return false;
}

/* One that serves HTTP, in a worker's seat. False: it is not there, and cannot be started now. */
static bool supervise_server(struct master *master, enum proc_role role, uint32_t number,
                             const struct edition *edition, mono_ns now)
{
    const uint8_t roles = role == ROLE_ADMIN ? SEAT_ADMIN : SEAT_WORKER;
    uint32_t slot = 0;
    if (has_child(master, role, edition, number))
        return true;
    if (!may_start(master, role, now) || !seat_take(master->segment, roles, &slot))
        return false;
    if (child_start(master, role, slot, number, edition))
        return true;
    seat_bury(master->segment, slot);
    return false;
}

static void supervise_workers(struct master *master, const struct edition *edition, mono_ns now)
{
    for (uint32_t number = 0; number < (uint32_t)edition->config->http_workers; number++) {
        if (!supervise_server(master, ROLE_WORKER, number, edition, now))
            return;
    }
}

/* Its turn in a reload comes when the new workers serve. */
static void supervise_admin(struct master *master, mono_ns now)
{
    (void)supervise_server(master, ROLE_ADMIN, 0, &master->current, now);
    if (master->reload.step >= RELOAD_MAILER)
        (void)supervise_server(master, ROLE_ADMIN, 0, &master->next, now);
}

/* Workers and admins of an edition that is no longer wanted: an old one after a reload, a new one
 * after a reload that failed. Those that serve finish what they have. */
static void dismiss_outdated_servers(struct master *master)
{
    for (size_t i = 0; i < master->places; i++) {
        struct child *child = &master->children[i];
        if (child->pid != 0 && (child->role == ROLE_WORKER || child->role == ROLE_ADMIN) &&
            !child->leaving && child->edition != master->current.number &&
            child->edition != master->next.number)
            child_drain(master, child);
    }
}

/* After a failed flush no store comes any more to close a dead tenant's seat. Nobody else uses its
 * end of those lanes, so the master says it instead: workers are still needed to answer. */
static void recycle_seats(struct master *master)
{
    bool storeless = master->condemned && child_find(master, ROLE_STORE) == NULL;
    for (uint32_t slot = 0; slot < segment_seats(master->segment); slot++) {
        struct seat_view seat = seat_look(master->segment, slot);
        if (seat.state != SEAT_DEAD)
            continue;
        if (storeless)
            seat_close(master->segment, slot, seat.generation, SEAT_CLOSED_BY_STORE);
        (void)seat_recycle(master->segment, slot);
    }
}

/* ---- READY --------------------------------------------------------------------------------- */

/* The only thing ever written to standard output, and once: not again after an upgrade. */
static void announce(struct master *master)
{
    char names[LISTEN_NAMES_BYTES];
    char line[LISTEN_NAMES_BYTES + 64];
    listen_names(&master->current.listeners, names, sizeof names);
    int len = snprintf(line, sizeof line, "ready http=%s pid=%d\n", names, (int)getpid());
    if (!master->upgrade.taken_over && !fd_write_all(STDOUT_FILENO, line, (size_t)len))
        log_warning("ready.unheard", "pid=%d", (int)getpid());
    log_info("server.ready", "http=%s workers=%" PRId64 " after_ms=%" PRIu64, names,
             master->current.config->http_workers,
             (uint64_t)((clock_mono_ns() - master->started_ns) / NS_PER_MS));
    notify_send("READY=1");
}

/* Everything was READY once. Looked at with every READY, and when a reload has ended: what an
 * upgrade began to start anew may be READY before it counts as the current edition. */
static void look_whether_whole(struct master *master)
{
    const struct child *store = child_find(master, ROLE_STORE);
    const struct child *mailer = child_find(master, ROLE_MAILER);
    if (master->served || store == NULL || !store->ready || mailer == NULL || !mailer->ready ||
        !reload_workers_ready(master, &master->current) ||
        !reload_admin_ready(master, &master->current))
        return;
    master->served = true;
    announce(master);
    if (master->upgrade.step == UPGRADE_ANEW)
        upgrade_finish(master);
}

void supervise_on_ready(struct master *master, struct child *child)
{
    char name[PROC_NAME_BYTES];
    log_info("child.ready", "role=%s child=%d after_ms=%" PRIu64, child_name(child, name),
             (int)child->pid, (uint64_t)((clock_mono_ns() - child->started_ns) / NS_PER_MS));
    look_whether_whole(master);
}

/* ---- all -------------------------------------------------------------------------------------
 */

void supervise(struct master *master, mono_ns now)
{
    watch_all(master, now);
    recycle_seats(master);
    reload_advance(master);
    look_whether_whole(master);
    upgrade_advance(master, now);
    supervise_store(master, now);
    if (master->stop.stage != STOP_NONE) {
        stop_advance(master, now);
        return;
    }
    const struct child *store = child_find(master, ROLE_STORE);
    if (!master->served && (store == NULL || (!store->ready && master->upgrade.taken_over)))
        return;
    supervise_mailer(master, now);
    /* Before anybody has served, those of a configuration that is being left would only die again.
     */
    if (master->served || master->reload.step == RELOAD_IDLE)
        supervise_workers(master, &master->current, now);
    if (master->reload.step != RELOAD_IDLE)
        supervise_workers(master, &master->next, now);
    supervise_admin(master, now);
    dismiss_outdated_servers(master);
}

/* ---- time ---------------------------------------------------------------------------------- */

static void sooner(mono_ns *wait, mono_ns now, mono_ns then)
{
    mono_ns left = then > now ? then - now : 0;
    if (left < *wait)
        *wait = left;
}

mono_ns supervise_wait_ns(const struct master *master, mono_ns now)
{
    mono_ns wait = TICK_NS;
    for (size_t i = 0; i < master->places; i++) {
        if (master->children[i].pid != 0 && master->children[i].kill_ns != 0)
            sooner(&wait, now, master->children[i].kill_ns);
    }
    for (size_t role = 0; role < ROLE_COUNT; role++) {
        if (master->backoff[role].not_before_ns > now)
            sooner(&wait, now, master->backoff[role].not_before_ns);
    }
    if (master->stop.stage != STOP_NONE)
        sooner(&wait, now, master->stop.hard_ns);
    if (upgrade_due_ns(master) != 0)
        sooner(&wait, now, upgrade_due_ns(master));
    return wait;
}
