/* The end: workers and admin, then the mailer, then the store, each gone before the next is told.
 *
 * TERM and INT: replies in flight get 2 s, and all is over within 5 s; a second one kills workers
 * and mailer at once. QUIT: workers drain for up to master.drain_s. The store is last because both
 * others talk to it; it settles what they asked and writes a checkpoint. Killing it instead costs
 * a recovery at the next start and nothing else. */
#include <signal.h>

#include "gatepost/log.h"
#include "master.h"

#define FAST_TOTAL_MS   4700 /* "within 5 s", with room for the kernel to end processes */
#define FAST_WORKERS_MS 2000
#define FAST_MAILER_MS  1000
#define FAST_STORE_MS   1500
#define URGENT_TOTAL_MS 1500
#define SLOW_MAILER_MS  5000
#define SLOW_STORE_MS   30000
#define GRACE_MS        200

static void kill_all(struct master *master, bool store_too)
{
    for (size_t i = 0; i < master->places; i++) {
        struct child *child = &master->children[i];
        if (child->pid == 0 || (child->role == ROLE_STORE && !store_too))
            continue;
        child->leaving = true;
        kill(child->pid, SIGKILL);
    }
}

static void dismiss_role(struct master *master, enum proc_role role, enum proc_message_kind order,
                         uint64_t limit_ms)
{
    for (size_t i = 0; i < master->places; i++) {
        if (master->children[i].pid != 0 && master->children[i].role == role)
            child_dismiss(&master->children[i], order, limit_ms, GRACE_MS);
    }
}

/* Tells those whose turn it is; again, with less time, when TERM follows QUIT. */
static void dismiss_stage(struct master *master)
{
    const struct stop *stop = &master->stop;
    uint64_t drain_ms = (uint64_t)master->current.config->master_drain_s * 1000;
    switch (stop->stage) {
    case STOP_WORKERS:
        dismiss_role(master, ROLE_WORKER, stop->graceful ? ORDER_DRAIN : ORDER_STOP,
                     stop->graceful ? drain_ms : FAST_WORKERS_MS);
        dismiss_role(master, ROLE_ADMIN, stop->graceful ? ORDER_DRAIN : ORDER_STOP,
                     stop->graceful ? drain_ms : FAST_WORKERS_MS);
        break;
    case STOP_MAILER:
        dismiss_role(master, ROLE_MAILER, ORDER_STOP,
                     stop->graceful ? SLOW_MAILER_MS : FAST_MAILER_MS);
        break;
    case STOP_STORE:
        dismiss_role(master, ROLE_STORE, ORDER_STOP,
                     stop->graceful ? SLOW_STORE_MS : FAST_STORE_MS);
        break;
    case STOP_NONE:
    case STOP_DONE:
        break;
    }
}

static void begin_stop(struct master *master, bool graceful)
{
    struct stop *stop = &master->stop;
    stop->graceful = graceful;
    uint64_t total_ms = FAST_TOTAL_MS;
    if (graceful)
        total_ms = (uint64_t)master->current.config->master_drain_s * 1000 + SLOW_MAILER_MS +
                   SLOW_STORE_MS + 3 * GRACE_MS;
    stop->hard_ns = clock_mono_ns() + total_ms * NS_PER_MS;
    if (stop->stage == STOP_NONE)
        stop->stage = STOP_WORKERS;
    dismiss_stage(master);
}

void stop_for_upgrade(struct master *master)
{
    begin_stop(master, true);
}

void stop_press(struct master *master)
{
    if (master->stop.stage != STOP_WORKERS)
        return;
    uint64_t left_ms = (uint64_t)master->current.config->master_drain_s * 1000;
    dismiss_role(master, ROLE_WORKER, ORDER_STOP, left_ms);
    dismiss_role(master, ROLE_ADMIN, ORDER_STOP, left_ms);
}

void stop_request(struct master *master, bool graceful)
{
    struct stop *stop = &master->stop;
    mono_ns now = clock_mono_ns();
    bool upgrading = upgrade_give_way(master);
    if (stop->stage != STOP_NONE && graceful && !upgrading)
        return; /* it is stopping already, and not slower than this */
    if (!graceful)
        stop->signals++;
    if (stop->signals > 1) {
        kill_all(master, false);
        if (now + URGENT_TOTAL_MS * NS_PER_MS < stop->hard_ns)
            stop->hard_ns = now + URGENT_TOTAL_MS * NS_PER_MS;
        return;
    }
    log_info("server.stopping", "graceful=%s", graceful ? "yes" : "no");
    if (master->reload.step != RELOAD_IDLE)
        reload_refuse(master, "the server was told to stop");
    master->reload.waiting = false;
    notify_send("STOPPING=1");
    begin_stop(master, graceful);
}

void stop_advance(struct master *master, mono_ns now)
{
    struct stop *stop = &master->stop;
    if (stop->stage == STOP_NONE || stop->stage == STOP_DONE)
        return;
    if (now >= stop->hard_ns) {
        log_warning("server.stop_forced", "children=%zu",
                    child_count(master, ROLE_WORKER) + child_count(master, ROLE_ADMIN) +
                        child_count(master, ROLE_MAILER) + child_count(master, ROLE_STORE));
        kill_all(master, true);
        stop->hard_ns = now + NS_PER_S;
    }
    if (stop->stage == STOP_WORKERS && child_count(master, ROLE_WORKER) == 0 &&
        child_count(master, ROLE_ADMIN) == 0) {
        stop->stage = STOP_MAILER;
        dismiss_stage(master);
    }
    if (stop->stage == STOP_MAILER && child_count(master, ROLE_MAILER) == 0) {
        stop->stage = STOP_STORE;
        dismiss_stage(master);
    }
    if (stop->stage == STOP_STORE && child_count(master, ROLE_STORE) == 0)
        stop->stage = STOP_DONE;
    if (stop->stage == STOP_DONE && master->upgrade.step == UPGRADE_DRAIN)
        upgrade_after_drain(master);
}
