/* The server's life, on one screen: master_run.
 *
 * The master holds what all others share (configuration, sockets, segment, children) and does
 * nothing that can fail for a reason from outside: no threads, no TLS, no JSON, no database, no
 * keys, no parsing of what a peer wrote. One exception is forced on it: a mail password that was
 * given in the environment or in .env stays in its configuration, for every new mailer needs it;
 * smtp.password_file, which the mailer reads itself, is the way without.
 * Everything that happens is an event of the loop: a signal, a message from a child, a closed
 * seat, a connection to the admin socket, or time. After each, supervise compares what runs with
 * what should run. */
#include "master.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/limit.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "gatepost/segment_parts.h"
#include "gatepost/usage.h"
#include "launch.h"
#include "layout.h"

#define LOCK_WAIT_MS 10000
#define SPARE_SEATS  8
#define ADMIN_SEATS  2  /* one, and its successor's at a reload */
#define WORKERS_MOST 32 /* http.workers ends there */

/* ---- start --------------------------------------------------------------------------------- */

void master_log_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    char text[LOG_LINE_MAX_BYTES / 2];
    log_error("config.refused", "where=%s problem=%s", where,
              log_quoted(slice_of_text(sentence), text, sizeof text));
}

/* A mail password of the environment is in this process, and in all that it forks. */
static void start_without_core(void)
{
    struct err err = {0};
    if (!proc_forbid_core(&err))
        die(EXIT_PRIVILEGES, "%s", err.text);
}

static void start_configuration(struct master *master)
{
    master->current.config = config_load(master->source, master_log_problem, NULL);
    if (master->current.config == NULL)
        die(EXIT_CONFIG, "the configuration is wrong");
    const struct config *config = master->current.config;
    master->current.letters =
        letter_set_load(config->mail_template_dir, config->mail_language, master_log_problem, NULL);
    if (master->current.letters == NULL)
        die(EXIT_CONFIG, "a letter is wrong");
    proc_log_init("master", master->current.config);
    master->current.number = ++master->editions;
    master->store_edition = master->current.number;
    const char *user = master->current.config->master_user;
    if (geteuid() == 0 && user[0] == '\0')
        log_warning("privileges.kept", "because=\"started as root without master.user\"");
    else if (geteuid() != 0 && user[0] != '\0')
        log_warning("privileges.unchanged", "because=\"master.user needs a start as root\"");
}

static void start_log(struct master *master)
{
    struct err err = {0};
    int fd = logfile_open(master, master->current.config, &err);
    if (fd < 0)
        die(EXIT_FAILED, "%s", err.text);
    logfile_use(master, &fd);
}

static void start_lock(struct master *master)
{
    struct err err = {0};
    switch (
        pidlock_take(master->current.config->master_pid_file, LOCK_WAIT_MS, &master->lock, &err)) {
    case PIDLOCK_OK:
        return;
    case PIDLOCK_HELD:
        die(EXIT_LOCKED, "%s", err.text);
    case PIDLOCK_FAILED:
        die(EXIT_FAILED, "%s", err.text);
    }
}

static void start_places(const struct config *config, bool keys)
{
    struct err err = {0};
    if (!keys && !places_make_directories(config, &err))
        die(EXIT_FAILED, "%s", err.text);
    if (keys && !places_make_keys(config, &err))
        die(EXIT_SECRET, "%s", err.text);
}

static void start_listeners(struct master *master)
{
    struct listen_set none = {0};
    struct err err = {0};
    if (!listen_adopt(&master->inherited, &err))
        die(EXIT_CONFIG, "%s", err.text);
    if (!listen_open(master->current.config->http_listen, &none, &master->inherited,
                     &master->current.listeners, &err))
        die(EXIT_FAILED, "%s", err.text);
    if (!listen_all_used(&master->inherited, &master->current.listeners, &err))
        die(EXIT_CONFIG, "%s", err.text);
}

/* Twice as many seats as workers, so that a reload can overlap them, as many for the admin process,
 * and some for dead ones. */
static uint32_t seats_for(const struct config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t most = config->http_workers;
    if (cores > most)
        most = cores < WORKERS_MOST ? cores : WORKERS_MOST;
    return (uint32_t)(2 * most + ADMIN_SEATS + SPARE_SEATS);
}

void master_make_segment(struct master *master)
{
    struct err err = {0};
    master->segment = segment_create(seats_for(master->current.config), &err);
    if (master->segment == NULL)
        die(EXIT_SEGMENT, "%s", err.text);
    segment_stamp(master->segment, layout_of_this_binary());
    limits_init(master->segment);
    metrics_init(master->segment, segment_master_slot(master->segment));
    board_set(master->segment, BOARD_CONFIG_GENERATION, master->generation);
    mono_ns age_ns = clock_mono_ns() - master->started_ns;
    board_set(master->segment, BOARD_STARTED_MS,
              (uint64_t)clock_wall_ms() - (uint64_t)(age_ns / NS_PER_MS));
    board_set(master->segment, BOARD_CONFIG_MS, (uint64_t)clock_wall_ms());
    master->places = segment_slots(master->segment);
    master->children = xcalloc(master->places, sizeof *master->children);
}

static void start_segment(struct master *master)
{
    int alive[2];
    master->generation = 1;
    master_make_segment(master);
    if (pipe2(alive, O_CLOEXEC) != 0)
        die(EXIT_FAILED, "no pipe: %s", strerror(errno));
    master->alive_read_fd = alive[0];
    master->alive_write_fd = alive[1];
}

static void start_own_sockets(struct master *master)
{
    const struct config *config = master->current.config;
    struct err err = {0};
    if (!status_pages_open(config, &master->pages, &err))
        die(EXIT_FAILED, "%s", err.text);
    status_pages_commit(&master->pages);
    if (!own_sockets_open(config, &OWN_SOCKETS_NONE, &master->current.own, &err))
        die(EXIT_FAILED, "%s", err.text);
}

/* ---- loop ---------------------------------------------------------------------------------- */

enum { POLL_SIGNALS, POLL_PAGE, POLL_NEXT_PAGE, POLL_SEATS, POLL_TRIAL, POLL_CHILDREN };

static void wait_for_events(struct master *master, struct pollfd *polled)
{
    uint32_t slot = segment_master_slot(master->segment);
    size_t count = POLL_CHILDREN + master->places;
    polled[POLL_SIGNALS] = (struct pollfd){.fd = master->signal_fd, .events = POLLIN};
    polled[POLL_PAGE] = (struct pollfd){.fd = master->pages.current.listener.fd, .events = POLLIN};
    polled[POLL_NEXT_PAGE] =
        (struct pollfd){.fd = master->pages.next.listener.fd, .events = POLLIN};
    polled[POLL_SEATS] = (struct pollfd){.fd = wake_fd(master->segment, slot), .events = POLLIN};
    polled[POLL_TRIAL] = (struct pollfd){.fd = master->upgrade.trial.fd, .events = POLLIN};
    for (size_t i = 0; i < master->places; i++) {
        const struct child *child = &master->children[i];
        polled[POLL_CHILDREN + i] =
            (struct pollfd){.fd = child->pid != 0 ? child->control_fd : -1, .events = POLLIN};
    }
    /* A seat that was closed before the next line is seen by the supervise that comes after the
     * wait, at the latest when the wait's bound ends it. */
    wake_prepare(master->segment, slot);
    mono_ns now = clock_mono_ns();
    mono_ns wait_ns = supervise_wait_ns(master, now);
    if (notify_wait_ns(now) < wait_ns)
        wait_ns = notify_wait_ns(now);
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
                            .tv_nsec = (long)(wait_ns % NS_PER_S)};
    if (ppoll(polled, count, &wait, NULL) <= 0) {
        for (size_t i = 0; i < count; i++)
            polled[i].revents = 0;
    }
    wake_done(master->segment, slot);
}

static void loop(struct master *master)
{
    struct pollfd *polled = xcalloc(POLL_CHILDREN + master->places, sizeof *polled);
    while (master->stop.stage != STOP_DONE) {
        FAULT("k.loop");
        supervise(master, clock_mono_ns());
        if (master->stop.stage == STOP_DONE)
            break;
        wait_for_events(master, polled);
        for (size_t i = 0; i < master->places; i++) {
            if (polled[POLL_CHILDREN + i].revents != 0)
                child_read_messages(master, &master->children[i]);
        }
        if (polled[POLL_SIGNALS].revents != 0)
            signals_take(master);
        if (polled[POLL_TRIAL].revents != 0)
            trial_read(master);
        for (int i = POLL_PAGE; i <= POLL_NEXT_PAGE; i++) {
            if (polled[i].revents != 0)
                admin_answer(master, polled[i].fd);
        }
        clock_watch(master);
        watch_look(master->watch, master->segment, clock_mono_ns());
        metric_count_dropped_lines();
        metric_usage_look(clock_mono_ns());
        notify_turn(master, clock_mono_ns());
    }
    free(polled);
}

/* ---- end ----------------------------------------------------------------------------------- */

static void end(struct master *master)
{
    status_pages_close(&master->pages);
    own_sockets_close_others(&master->current.own, &OWN_SOCKETS_NONE);
    listen_close_others(&master->current.listeners, NULL);
    segment_close(&master->segment);
    close(master->alive_read_fd);
    close(master->alive_write_fd);
    close(master->signal_fd);
    close(master->stderr_fd);
    free(master->children);
    watch_free(&master->watch);
    log_info("server.stopped", "exit=%d", master->exit_code);
    pidlock_release(&master->lock);
    letter_set_free(&master->current.letters);
    config_free(&master->current.config);
}

static void start(struct master *master)
{
    start_configuration(master);
    start_places(master->current.config, false);
    start_log(master);
    start_lock(master);
    start_places(master->current.config, true);
    start_listeners(master);
    start_segment(master);
    start_own_sockets(master);
}

int master_run(const struct config_source *source, const struct role_mains *mains)
{
    if (launch_get()->kind == LAUNCH_TRIAL)
        return trial_run(source, mains);
    struct master master = {
        .source = source,
        .mains = mains,
        .data_format = mains->data_format,
        .started_ns = clock_mono_ns(),
        .stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1),
        .reload.log_fd = -1,
        .pages = STATUS_PAGES_NONE,
        .current.own = OWN_SOCKETS_NONE,
        .next.own = OWN_SOCKETS_NONE,
        .upgrade.trial.fd = -1,
    };
    master.looked_ns = master.started_ns;
    master.clock_offset_ms = clock_offset_ms();
    umask(0027);
    start_without_core();
    proc_title_set("gatepost: master");
    usage_open();
    log_init("master", LOG_LEVEL_INFO);
    master.signal_fd = signals_open();
    notify_init();

    if (launch_get()->kind == LAUNCH_TAKEOVER)
        takeover_enter(&master);
    else
        start(&master);
    master.watch = watch_new();
    loop(&master);
    end(&master);
    return master.exit_code;
}
