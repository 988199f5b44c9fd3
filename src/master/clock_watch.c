/* The wall clock was set: who is hurt by it, and what is done.
 *
 * Everything of ours that waits goes by the monotonic clock. libh2o's timers go by the wall clock:
 * set back by an hour, a silent connection would be kept for an hour more. So they
 * and the admin process are replaced: each drains what it has, within master.drain_s, and a new one
 * with a clock of its own takes its place. Slewing (adjtime, NTP) moves the clock too slowly to be
 * noticed here. */
#include <inttypes.h>

#include "gatepost/log.h"
#include "master.h"

#define JUMP_MS 5000

/* Those that drain keep their seats for a while: new ones must find free ones beside them. */
static bool seats_suffice(const struct master *master)
{
    size_t wanted = (size_t)master->current.config->http_workers + 1;
    size_t taken = child_count(master, ROLE_WORKER) + child_count(master, ROLE_ADMIN);

    return taken + wanted <= segment_seats(master->segment) - 1;
}

void clock_watch(struct master *master)
{
    int64_t offset_ms = clock_offset_ms();
    int64_t jump_ms = offset_ms - master->clock_offset_ms;
    bool jumped = jump_ms <= -JUMP_MS || jump_ms >= JUMP_MS;

    if (jumped && (master->stop.stage != STOP_NONE || !seats_suffice(master)))
        return; /* looked at again with the next tick */
    master->clock_offset_ms = offset_ms;
    if (!jumped)
        return;
    log_warning("clock.jumped", "ms=%" PRId64, jump_ms);
    for (size_t i = 0; i < master->places; i++) {
        struct child *child = &master->children[i];
        if (child->pid != 0 && (child->role == ROLE_WORKER || child->role == ROLE_ADMIN) &&
            !child->leaving)
            child_drain(master, child);
    }
}
