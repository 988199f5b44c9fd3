/* What a service manager hears: READY, RELOADING, STOPPING, WATCHDOG, a line of STATUS for people,
 * and EXTEND_TIMEOUT_USEC while something may take long and gets on; as datagrams.
 *
 * By hand and not by libsystemd: it is one sendto, and the master stays without a library.
 * WATCHDOG comes from a turn of the master's loop and from nowhere else: a master that hangs is
 * restarted, whatever its children do.
 * Source: sd_notify(3), sd_watchdog_enabled(3), systemd.service(5) for Type=notify. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gatepost/metrics.h"
#include "master.h"

#define STATUS_BYTES   512
#define STATUS_REST_NS (5 * NS_PER_S) /* between two lines of which only numbers differ */
#define EXTEND_NS      (30 * NS_PER_S)
#define EXTEND_REST_NS (5 * NS_PER_S)

static struct {
    int fd; /* 0 until there is somebody to tell */
    struct sockaddr_un address;
    socklen_t address_len;
    mono_ns watchdog_ns; /* how often it wants a sign; 0: never */
    mono_ns next_sign_ns;
    mono_ns next_extension_ns;
    mono_ns next_status_ns;
    char status[STATUS_BYTES]; /* the last one sent */
    const char *state;         /* what it began with */
    uint64_t reloads;          /* as many were done then */
} manager;

void notify_init(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const char *watchdog_us = getenv("WATCHDOG_USEC");
    const char *watchdog_pid = getenv("WATCHDOG_PID");
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof manager.address.sun_path)
        return;
    manager.address.sun_family = AF_UNIX;
    memcpy(manager.address.sun_path, path, strlen(path));
    if (path[0] == '@')
        manager.address.sun_path[0] = '\0'; /* the abstract namespace */
    manager.address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    manager.fd = fd > 0 ? fd : 0;
    bool is_ours = watchdog_pid == NULL || strtol(watchdog_pid, NULL, 10) == getpid();
    if (watchdog_us != NULL && is_ours)
        manager.watchdog_ns = strtoull(watchdog_us, NULL, 10) * 1000 / 3;
}

void notify_send(const char *state)
{
    if (manager.fd == 0)
        return;
    char text[STATUS_BYTES + 64];
    int len = snprintf(text, sizeof text, "%s\nMAINPID=%d", state, (int)getpid());
    (void)!sendto(manager.fd, text, (size_t)len, MSG_NOSIGNAL,
                  (const struct sockaddr *)&manager.address, manager.address_len);
}

void notify_reloading(void)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)(clock_mono_ns() / 1000));
    notify_send(text);
}

/* ---- what it is at, for a person ----------------------------------------------------------- */

static const char *state_of(struct master *master)
{
    if (master->upgrade.step == UPGRADE_DRAIN || master->upgrade.step == UPGRADE_ANEW)
        return "Upgrading";
    if (master->stop.stage != STOP_NONE)
        return "Stopping";
    if (master->condemned)
        return "Refusing writes: a flush failed; check the disk and restart";
    if (!master->served) {
        enum life_phase phase = LIFE_STARTING;
        const struct child *store = child_find(master, ROLE_STORE);
        if (store != NULL)
            (void)life_read(master->segment, store->slot, &phase);
        return phase == LIFE_RECOVERING ? "Starting: the store recovers" : "Starting";
    }
    if (master->reload.step == RELOAD_IDLE)
        return "Serving";
    return master->reload.upgrading ? "Upgrading" : "Reloading";
}

static void describe(struct master *master, const char *state, char text_out[STATUS_BYTES])
{
    const struct reload *reload = &master->reload;
    size_t processes = 0;
    for (size_t i = 0; i < master->places; i++)
        processes += master->children[i].pid != 0;
    if (master->stop.stage != STOP_NONE) {
        snprintf(text_out, STATUS_BYTES, "%s: %zu processes left", state, processes);
        return;
    }
    const struct listen_set *set = &master->current.listeners;
    uint64_t waiting = board_get(master->segment, BOARD_OUTBOX_PENDING);
    snprintf(text_out, STATUS_BYTES,
             "%s; %s%s, %" PRId64 " workers, %" PRIu64 " letters waiting%s%.200s", state,
             set->count > 0 ? set->sockets[0].listener.name : "",
             set->count > 1 ? " and others" : "", master->current.config->http_workers, waiting,
             reload->done != 0 && !reload->ok ? "; the last reload was refused: " : "",
             reload->done != 0 && !reload->ok ? reload->outcome.text : "");
}

/* Other states are told at once, other numbers now and then. */
static void tell_status(struct master *master, mono_ns now)
{
    char text[STATUS_BYTES];
    char line[STATUS_BYTES + 16];
    const char *state = state_of(master);
    if (state == manager.state && master->reload.done == manager.reloads &&
        now < manager.next_status_ns)
        return;
    describe(master, state, text);
    if (state != manager.state)
        manager.next_extension_ns = 0; /* the last one was for another of the manager's limits */
    manager.next_status_ns = now + STATUS_REST_NS;
    manager.state = state;
    manager.reloads = master->reload.done;
    if (strcmp(text, manager.status) == 0)
        return;
    memcpy(manager.status, text, sizeof text);
    snprintf(line, sizeof line, "STATUS=%s", text);
    notify_send(line);
}

/* ---- time ---------------------------------------------------------------------------------- */

/* What the manager's limits must not end: a store that recovers (it shows that it gets on, or is
 * shot by the watchdog here), a reload that waits for seats, a drain. */
static bool takes_its_time(struct master *master)
{
    if (master->stop.stage != STOP_NONE || master->reload.step != RELOAD_IDLE)
        return true;
    enum life_phase phase = LIFE_STARTING;
    const struct child *store = child_find(master, ROLE_STORE);
    if (master->served || store == NULL)
        return false;
    (void)life_read(master->segment, store->slot, &phase);
    return phase == LIFE_RECOVERING;
}

static void ask_for_time(struct master *master, mono_ns now)
{
    char text[64];
    if (now < manager.next_extension_ns || !takes_its_time(master))
        return;
    manager.next_extension_ns = now + EXTEND_REST_NS;
    snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%" PRIu64, (uint64_t)(EXTEND_NS / 1000));
    notify_send(text);
}

void notify_turn(struct master *master, mono_ns now)
{
    if (manager.fd == 0)
        return;
    tell_status(master, now);
    ask_for_time(master, now);
    if (manager.watchdog_ns == 0 || now < manager.next_sign_ns)
        return;
    manager.next_sign_ns = now + manager.watchdog_ns;
    notify_send("WATCHDOG=1");
}

mono_ns notify_wait_ns(mono_ns now)
{
    if (manager.fd == 0 || manager.watchdog_ns == 0)
        return NS_PER_S;
    return manager.next_sign_ns > now ? manager.next_sign_ns - now : 0;
}
