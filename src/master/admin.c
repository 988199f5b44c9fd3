/* The admin socket: whoever may connect (mode 0600) gets the status page and the end of file.
 *
 * Nothing is read from the other side. The page is one non-blocking send of at most 32 KiB, which
 * a fresh socket's buffer always takes, so nobody can make the master wait.
 * Shape: "key: value" lines; one "listener:" line an address, one "process:" line a process. The
 * reload lines are what `gatepost reload` waits on. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "master.h"

#define PAGE_BYTES   32768
#define ANSWERS_MOST 16 /* a turn, so that connecting in a loop cannot hold the master up */

struct page {
    char *text;
    size_t len;
};

static void print(struct page *page, const char *format, ...) PRINTF_LIKE(2, 3);

static void print(struct page *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(page->text + page->len, PAGE_BYTES - page->len, format, args);
    va_end(args);
    page->len += len > 0 ? (size_t)len : 0;
    if (page->len >= PAGE_BYTES)
        page->len = PAGE_BYTES - 1;
}

static const char *state_of(const struct master *master)
{
    if (master->stop.stage != STOP_NONE)
        return master->upgrade.step == UPGRADE_DRAIN ? "upgrading" : "stopping";
    if (!master->served)
        return "starting";
    return master->condemned ? "condemned" : "serving";
}

static const char *state_of_child(const struct child *child)
{
    if (child->stuck)
        return "stuck";
    if (child->leaving)
        return "leaving";
    return child->ready ? "ready" : "starting";
}

static const char *phase_name(enum life_phase phase)
{
    switch (phase) {
    case LIFE_STARTING:
        return "starting";
    case LIFE_RECOVERING:
        return "recovering";
    case LIFE_SERVING:
        return "serving";
    case LIFE_FLUSHING:
        return "flushing";
    case LIFE_DRAINING:
        return "draining";
    case LIFE_PHASES:
        break;
    }
    return "unknown";
}

/* What `gatepost reload` and `gatepost upgrade` wait on. text: why not; of an upgrade also what. */
static void print_change(struct page *page, const char *what, uint64_t begun, uint64_t done,
                         wall_ms done_ms, bool ok, const char *text)
{
    char when[CLOCK_ISO_BYTES];
    print(page, "%ss_begun: %" PRIu64 "\n", what, begun);
    clock_iso(done_ms, when);
    if (done == 0)
        print(page, "%s: 0 none\n", what);
    else
        print(page, "%s: %" PRIu64 " %s %s%s%s\n", what, done, ok ? "ok" : "refused", when,
              text[0] != '\0' ? " " : "", text);
}

static void print_changes(struct page *page, const struct master *master)
{
    const struct reload *reload = &master->reload;
    const struct upgrade *upgrade = &master->upgrade;
    print_change(page, "reload", reload->begun, reload->done, reload->done_ms, reload->ok,
                 reload->ok ? "" : reload->outcome.text);
    print(page, "%s", reload->report);
    if (reload->unreported > 0)
        print(page, "reload_did: %zu changes more, see the log\n", reload->unreported);
    print(page, "reload_took_ms: %" PRIu64 "\n", reload->took_ms);
    print_change(page, "upgrade", upgrade->begun, upgrade->done, upgrade->done_ms, upgrade->ok,
                 upgrade->ok ? "version=" GATEPOST_VERSION : upgrade->outcome.text);
}

static void print_processes(struct page *page, const struct master *master)
{
    mono_ns now = clock_mono_ns();
    print(page, "process: master pid=%d age_s=%" PRIu64 "\n", (int)getpid(),
          (uint64_t)((now - master->started_ns) / NS_PER_S));
    for (size_t i = 0; i < master->places; i++) {
        const struct child *child = &master->children[i];
        enum life_phase phase = LIFE_STARTING;
        char name[PROC_NAME_BYTES];
        if (child->pid == 0)
            continue;
        (void)life_read(master->segment, child->slot, &phase);
        print(page,
              "process: %s pid=%d slot=%" PRIu32 " generation=%" PRIu64 " age_s=%" PRIu64
              " state=%s phase=%s\n",
              child_name(child, name), (int)child->pid, child->slot, child->generation,
              (uint64_t)((now - child->started_ns) / NS_PER_S), state_of_child(child),
              phase_name(phase));
    }
}

static void print_mail(struct page *page, const struct segment *segment)
{
    print(page, "mail: %s pending=%" PRIu64 " dead=%" PRIu64 " sent=%" PRIu64,
          board_get(segment, BOARD_MAIL_PAUSED) != 0 ? "paused" : "sending",
          board_get(segment, BOARD_OUTBOX_PENDING), board_get(segment, BOARD_OUTBOX_DEAD),
          board_get(segment, BOARD_OUTBOX_SENT));
    print(page, " suppressed=%" PRIu64 " oldest_due_s=%" PRIu64 "\n",
          board_get(segment, BOARD_SUPPRESSIONS), metric_gauge_sum(segment, GAUGE_MAIL_OLDEST_DUE));
}

static void print_backup(struct page *page, const struct segment *segment)
{
    const uint64_t when = board_get(segment, BOARD_BACKED_UP);
    char text[CLOCK_ISO_BYTES] = "never";

    if (when != 0)
        clock_iso((wall_ms)when * 1000, text);
    print(page, "backup: %s logs_kept=%" PRIu64 "\n", text, board_get(segment, BOARD_LOGS_KEPT));
}

static void print_board(struct page *page, const struct segment *segment)
{
    static const char *const disk[] = {"enough", "no sign-ups", "no writes"};
    uint64_t level = board_get(segment, BOARD_DISK);
    print(page, "store_epoch: %" PRIu64 "\n", board_get(segment, BOARD_STORE_EPOCH));
    print(page, "users: %" PRIu64 "\n", board_get(segment, BOARD_USERS));
    print(page, "outbox_pending: %" PRIu64 "\n", board_get(segment, BOARD_OUTBOX_PENDING));
    print(page, "outbox_dead: %" PRIu64 "\n", board_get(segment, BOARD_OUTBOX_DEAD));
    print_mail(page, segment);
    print(page, "disk: %s\n", level < ARRAY_LEN(disk) ? disk[level] : "unknown");
    print_backup(page, segment);
}

static void print_page(struct page *page, const struct master *master)
{
    print(page, "version: %s\n", GATEPOST_VERSION);
    print(page, "pid: %d\n", (int)getpid());
    print(page, "state: %s\n", state_of(master));
    print(page, "uptime_s: %" PRIu64 "\n",
          (uint64_t)((clock_mono_ns() - master->started_ns) / NS_PER_S));
    print(page, "generation: %" PRIu64 "\n", master->generation);
    print_changes(page, master);
    for (size_t i = 0; i < master->current.listeners.count; i++)
        print(page, "listener: %s\n", master->current.listeners.sockets[i].listener.name);
    print_processes(page, master);
    print_board(page, master->segment);
    char *more = watch_text(master);
    print(page, "%s", more);
    free(more);
}

void admin_answer(struct master *master, int fd)
{
    for (int i = 0; i < ANSWERS_MOST; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0)
            return;
        struct page page = {.text = xcalloc(1, PAGE_BYTES)};
        print_page(&page, master);
        (void)!send(client, page.text, page.len, MSG_NOSIGNAL);
        free(page.text);
        close(client);
    }
}
