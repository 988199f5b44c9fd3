/* HUP: from one edition of the configuration to the next.
 *
 *   read and check it         wrong: every problem is logged, nothing else happens; letters too
 *   status page               at a new path: there from now on, so that who asked hears the outcome
 *   compare                   a key that needs a restart: refused by name
 *   log, sockets              a new port in use: refused, what was opened is closed
 *   WORKERS                   new ones start beside the old ones, which go on serving
 *   MAILER                    replaced: one ends, the store closes its seat, the next starts; a new
 *                             admin process starts beside the old one
 *   STORE                     replaced if a store key changed; workers hold their requests
 *   commit                    the next edition is the current one; old workers and admin drain;
 *                             sockets of the old one alone are closed, their files removed
 *
 * A new process that dies before it is READY ends the reload: the next edition is forgotten, and
 * supervise dismisses what belongs to it and restores what is missing. One reload runs, one more
 * waits, and all that come meanwhile are folded into that one. A reload without a change still
 * replaces workers, admin and mailer: a certificate or key file may have changed. A key file that a
 * reload names must exist: making one would silently end every token and link there is. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "master.h"

/* The first problem is kept for `gatepost reload`; each is logged. */
struct problems {
    size_t count;
    struct err first;
};

static void note_problem(void *context, const char *where, const char *sentence)
{
    struct problems *problems = context;
    if (problems->count++ == 0)
        err_set(&problems->first, "%s: %s", where, sentence);
    master_log_problem(NULL, where, sentence);
}

static struct letter_set *load_letters(const struct config *config, struct problems *problems)
{
    return letter_set_load(config->mail_template_dir, config->mail_language, note_problem,
                           problems);
}

/* Forgets the next edition; what of it was the current one's stays. */
static void drop_next(struct master *master)
{
    if (master->next.number != 0) {
        listen_close_others(&master->next.listeners, &master->current.listeners);
        own_sockets_close_others(&master->next.own, &master->current.own);
    }
    letter_set_free(&master->next.letters);
    config_free(&master->next.config);
    master->next = (struct edition){.own = OWN_SOCKETS_NONE};
    if (master->reload.log_fd >= 0)
        close(master->reload.log_fd);
    master->reload.log_fd = -1;
    master->reload.step = RELOAD_IDLE;
}

static void note_outcome(struct master *master, bool ok)
{
    struct reload *reload = &master->reload;
    reload->ok = ok;
    reload->done = reload->begun;
    reload->done_ms = clock_wall_ms();
    reload->took_ms = (uint64_t)((clock_mono_ns() - reload->begun_ns) / NS_PER_MS);
    board_set(master->segment, BOARD_RELOAD_REFUSED, ok ? 0 : 1);
    if (!ok)
        metric_count(METRIC_RELOADS_REFUSED);
}

static void note_done(struct master *master)
{
    const struct reload *reload = &master->reload;
    note_outcome(master, true);
    metric_count(METRIC_RELOADS);
    log_info("reload.done",
             "reload=%" PRIu64 " generation=%" PRIu64 " changed=%zu took_ms=%" PRIu64,
             reload->begun, master->generation, reload->changed, reload->took_ms);
}

void reload_refuse(struct master *master, const char *format, ...)
{
    struct reload *reload = &master->reload;
    struct err why;
    char text[sizeof why.text + 16];
    va_list args;
    va_start(args, format);
    vsnprintf(why.text, sizeof why.text, format, args);
    va_end(args);
    if (reload->upgrading) {
        upgrade_refuse(master, "%s", why.text);
    } else {
        note_outcome(master, false);
        reload->outcome = why;
        log_error("reload.refused", "reload=%" PRIu64 " because=%s", reload->begun,
                  log_quoted(slice_of_text(why.text), text, sizeof text));
    }
    drop_next(master);
    changes_forget(reload);
    notify_send("READY=1");
    reload->upgrading = false;
}

/* A file that was there and is gone is a mishap, not a wish for the defaults: else a reload in the
 * moment between an editor's delete and its write would serve another address. */
static bool same_file(const struct master *master, const struct config *config, struct err *err)
{
    const char *old = master->current.config->file;
    if (old[0] == '\0' || strcmp(old, config->file) == 0)
        return true;
    err_set(err, "the configuration file %s is gone", old);
    return false;
}

/* Can old and new workers have a seat each at the same time? */
static bool seats_suffice(const struct master *master, const struct config *config)
{
    int64_t seats = (int64_t)segment_seats(master->segment) - 1; /* the mailer has one */
    int64_t admins = 2;
    return config->http_workers + master->current.config->http_workers + admins <= seats;
}

static bool open_sockets(struct master *master, const struct config *config, struct err *err)
{
    struct edition *next = &master->next;
    if (!own_sockets_open(config, &master->current.own, &next->own, err))
        return false;
    if (listen_open(config->http_listen, &master->current.listeners, &master->inherited,
                    &next->listeners, err))
        return true;
    own_sockets_close_others(&next->own, &master->current.own);
    return false;
}

/* Everything that can be refused before a process is started. False: it was refused. */
static bool prepare(struct master *master, struct config *config, struct err *err)
{
    struct reload *reload = &master->reload;
    if (!places_make_page_directory(config, err) || !status_pages_open(config, &master->pages, err))
        return false;
    if (!same_file(master, config, err))
        return false;
    reload->difference = config_difference(master->current.config, config, err);
    if ((reload->difference & CONFIG_RELOAD_RESTART) != 0)
        return false; /* the sentence names the keys */
    if (!seats_suffice(master, config)) {
        err_set(err,
                "http.workers: %" PRId64 " do not fit beside the %" PRId64
                " that run; restart the server",
                config->http_workers, master->current.config->http_workers);
        return false;
    }
    return places_make_directories(config, err) &&
           (reload->log_fd = logfile_open(master, config, err)) >= 0 &&
           open_sockets(master, config, err);
}

static void load_next(struct master *master)
{
    struct reload *reload = &master->reload;
    struct problems problems = {0};
    struct err err = {0};
    notify_reloading();
    if (master->condemned) {
        reload_refuse(master, "the store stopped after a failed flush; the server needs a restart");
        return;
    }
    struct config *config = config_load(master->source, note_problem, &problems);
    struct letter_set *letters = config == NULL ? NULL : load_letters(config, &problems);
    if (letters == NULL) {
        config_free(&config);
        reload_refuse(master, "%s%s", problems.first.text,
                      problems.count > 1 ? " (and more problems, see the log)" : "");
        return;
    }
    if (!prepare(master, config, &err)) {
        letter_set_free(&letters);
        config_free(&config);
        reload_refuse(master, "%s", err.text);
        return;
    }
    FAULT("k.reload_begun");
    master->next.config = config;
    master->next.letters = letters;
    master->next.number = ++master->editions;
    reload->step = RELOAD_WORKERS;
}

static void begin(struct master *master)
{
    struct reload *reload = &master->reload;
    reload->waiting = false;
    reload->begun++;
    reload->begun_ns = clock_mono_ns();
    log_info("reload.begun", "reload=%" PRIu64, reload->begun);
    load_next(master);
}

void reload_for_upgrade(struct master *master)
{
    master->reload.upgrading = true;
    load_next(master);
}

static bool may_begin(const struct master *master)
{
    return master->served && master->reload.step == RELOAD_IDLE &&
           master->upgrade.step == UPGRADE_IDLE;
}

void reload_request(struct master *master)
{
    if (master->stop.stage != STOP_NONE)
        return;
    if (!may_begin(master)) {
        master->reload.waiting = true;
        return;
    }
    begin(master);
}

static int64_t count_ready(const struct master *master, enum proc_role role,
                           const struct edition *edition)
{
    int64_t ready = 0;
    for (size_t i = 0; i < master->places; i++) {
        const struct child *child = &master->children[i];
        ready += child->pid != 0 && child->role == role && child->ready && !child->leaving &&
                 child->edition == edition->number;
    }
    return ready;
}

bool reload_workers_ready(const struct master *master, const struct edition *edition)
{
    return count_ready(master, ROLE_WORKER, edition) >= edition->config->http_workers;
}

bool reload_admin_ready(const struct master *master, const struct edition *edition)
{
    return count_ready(master, ROLE_ADMIN, edition) > 0;
}

static bool is_replaced(const struct master *master, enum proc_role role)
{
    return count_ready(master, role, &master->next) > 0;
}

static bool is_store_replaced(const struct master *master)
{
    return master->reload.upgrading || (master->reload.difference & CONFIG_RELOAD_STORE) != 0;
}

static void commit(struct master *master)
{
    FAULT("k.reload_commit");
    if (is_store_replaced(master))
        master->store_edition = master->next.number;
    changes_note(&master->reload, &master->current, &master->next);
    own_sockets_take_over(&master->next.own);
    listen_close_others(&master->current.listeners, &master->next.listeners);
    own_sockets_close_others(&master->current.own, &master->next.own);
    status_pages_commit(&master->pages);
    letter_set_free(&master->current.letters);
    config_free(&master->current.config);
    master->current = master->next;
    master->next = (struct edition){.own = OWN_SOCKETS_NONE};
    master->reload.step = RELOAD_IDLE;
    logfile_use(master, &master->reload.log_fd);
    proc_log_init("master", master->current.config);
    board_set(master->segment, BOARD_CONFIG_GENERATION, ++master->generation);
    board_set(master->segment, BOARD_CONFIG_MS, (uint64_t)clock_wall_ms());
    if (master->reload.upgrading)
        upgrade_finish(master);
    else
        note_done(master);
    notify_send("READY=1");
    master->reload.upgrading = false;
}

void reload_advance(struct master *master)
{
    struct reload *reload = &master->reload;
    if (reload->step == RELOAD_WORKERS && reload_workers_ready(master, &master->next))
        reload->step = RELOAD_MAILER;
    bool with_store = is_store_replaced(master);
    if (reload->step == RELOAD_MAILER && is_replaced(master, ROLE_MAILER) &&
        reload_admin_ready(master, &master->next)) {
        if (with_store)
            reload->step = RELOAD_STORE;
        else
            commit(master);
    }
    if (reload->step == RELOAD_STORE && is_replaced(master, ROLE_STORE))
        commit(master);
    if (reload->waiting && may_begin(master) && master->stop.stage == STOP_NONE)
        begin(master);
}
