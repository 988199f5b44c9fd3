/* The execve, and the first steps of the image that comes after it.
 *
 * The process stays: its pid, its children, its locks and descriptors, the signals that wait. What
 * must live through it loses close-on-exec, right before and nothing else, so that no child of
 * another kind ever inherits it. If the execve fails all the same, everything is as before.
 * The new image has what its predecessor wrote down (handover.h). It takes no lock, binds nothing
 * and starts no recovery: the store goes on. Then it reads the configuration as a reload does, and
 * replaces everybody as a reload does, with children of its own binary (reload.c). Without the
 * segment, which another layout left behind, it starts everybody anew on the sockets it was given.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "handover.h"
#include "launch.h"
#include "layout.h"

/* ---- before -------------------------------------------------------------------------------- */

static void close_on_exec(const int *fds, size_t count, bool on)
{
    for (size_t i = 0; i < count; i++)
        (void)fcntl(fds[i], F_SETFD, on ? FD_CLOEXEC : 0);
}

/* What was tried is what will run. */
static bool is_what_was_tried(const struct trial *tried, const char *path)
{
    struct stat file;
    struct trial found = {0};
    if (stat(path, &file) != 0)
        return false;
    trial_note_file(&found, &file);
    return found.device == tried->device && found.inode == tried->inode &&
           found.changed_ns == tried->changed_ns;
}

void takeover_exec(struct master *master, bool with_children, struct err *err)
{
    const struct launch *launch = launch_get();
    if (!is_what_was_tried(&master->upgrade.trial, launch->file)) {
        err_set(err, "%s was replaced after its trial", launch->file);
        return;
    }
    int state_fd = handover_write(master, with_children, err);
    if (state_fd < 0)
        return;
    struct segment_parts parts = {.fd = -1};
    if (with_children)
        segment_give(master->segment, &parts);
    int *fds = xcalloc(handover_descriptors_max(master, &parts) + 1, sizeof *fds);
    size_t count = handover_descriptors(master, &parts, fds);
    fds[count++] = state_fd;
    char **words = launch_words(LAUNCH_TAKEOVER, state_fd, -1);
    log_info("upgrade.executing", "upgrade=%" PRIu64 " file=%s", master->upgrade.begun,
             launch->file);
    FAULT("u.before_exec");
    close_on_exec(fds, count, false);
    errno = FAULT_ERRNO("u.exec");
    if (errno == 0)
        execve(launch->file, words, environ);
    err_set(err, "%s cannot be executed: %s", launch->file, strerror(errno));
    close_on_exec(fds, count, true);
    launch_words_free(&words);
    free(fds);
    segment_parts_fini(&parts);
    close(state_fd);
}

/* ---- after --------------------------------------------------------------------------------- */

static void read_handover(struct handover *handover_out)
{
    const struct launch *launch = launch_get();
    struct err err = {0};
    char *text = NULL;
    size_t len = 0;
    if (launch->complaint != NULL)
        die(EXIT_UPGRADE, "%s", launch->complaint);
    if (!handover_load(launch->state_fd, &text, &len, &err) ||
        !handover_read(slice_of(text, len), handover_out, &err))
        die(EXIT_UPGRADE, "%s", err.text);
    free(text);
    close(launch->state_fd);
}

/* Open, all of them? And from here on for nobody who is executed. */
static void take_descriptors(const struct handover *handover)
{
    const struct master *master = &handover->master;
    int *fds = xcalloc(handover_descriptors_max(master, &handover->parts), sizeof *fds);
    size_t count = handover_descriptors(master, &handover->parts, fds);
    for (size_t i = 0; i < count; i++) {
        if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0)
            die(EXIT_UPGRADE, "descriptor %d, which is handed over, is not open", fds[i]);
    }
    free(fds);
}

/* The fields that were handed over, into a master that is otherwise a fresh one. */
static void take_fields(struct master *master, const struct handover *handover)
{
    struct master fresh = *master;
    *master = handover->master;
    master->source = fresh.source;
    master->mains = fresh.mains;
    master->data_format = fresh.data_format;
    master->signal_fd = fresh.signal_fd;
    master->looked_ns = fresh.looked_ns;
    master->clock_offset_ms = fresh.clock_offset_ms;
    master->reload.log_fd = -1;
    master->upgrade.trial.fd = -1;
    master->upgrade.taken_over = true;
    close(fresh.stderr_fd);
}

/* What its letters were made from may be gone; those that are built in never are. */
static void take_letters(struct edition *edition)
{
    const struct config *config = edition->config;
    edition->letters =
        letter_set_load(config->mail_template_dir, config->mail_language, master_log_problem, NULL);
    if (edition->letters == NULL)
        edition->letters = letter_set_load("", config->mail_language, master_log_problem, NULL);
    if (edition->letters == NULL)
        die(EXIT_UPGRADE, "a letter is wrong");
}

static struct config *revive(const struct handover *handover)
{
    struct config *config = config_revive(slice_of_text(handover->config), handover->config_file,
                                          master_log_problem, NULL);
    if (config == NULL)
        die(EXIT_UPGRADE, "the configuration in force is wrong");
    return config;
}

/* False: what the children share is not what it was in the trial. One of them has written over it,
 * and whoever that was must not keep the server from coming back. */
static bool adopt(struct master *master, const struct handover *handover)
{
    struct err err = {0};
    char text[sizeof err.text + 16];
    master->segment = segment_adopt(&handover->parts, layout_of_this_binary(), &err);
    if (master->segment == NULL)
        log_error("upgrade.anew", "upgrade=%" PRIu64 " because=%s", master->upgrade.begun,
                  log_quoted(slice_of_text(err.text), text, sizeof text));
    return master->segment != NULL;
}

/* As at a crash: the store recovers, letters are claimed again. */
static void end_children(struct master *master, const struct segment_parts *parts)
{
    for (size_t i = 0; i < master->places; i++) {
        const struct child *child = &master->children[i];
        if (child->pid == 0)
            continue;
        kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        if (child->control_fd >= 0)
            close(child->control_fd);
    }
    for (size_t i = 0; i < master->places; i++)
        close(parts->wake_fds[i]);
    close(parts->fd);
    free(master->children);
    master->children = NULL;
    master->places = 0;
}

/* The children go on, with the configuration that they have. */
static void join_children(struct master *master, const struct handover *handover)
{
    master->upgrade.step = UPGRADE_ROLL;
    metrics_init(master->segment, segment_master_slot(master->segment));
    FAULT("u.after_exec");
    master->current.config = revive(handover);
    take_letters(&master->current);
    proc_log_init("master", master->current.config);
    reap_all(master); /* who died meanwhile: the signal of it may be gone */
    FAULT("u.taken_over");
    reload_for_upgrade(master);
}

/* What the configuration names now, with what stays; where that cannot be had, what there was. */
static void follow_sockets(struct master *master)
{
    const struct config *config = master->current.config;
    struct listen_set listeners;
    struct own_sockets own;
    struct err err = {0};
    if (!places_make_directories(config, &err))
        log_error("directory.missing", "because=\"%s\"", err.text);
    if (listen_open(config->http_listen, &master->current.listeners, &master->inherited, &listeners,
                    &err)) {
        listen_close_others(&master->current.listeners, &listeners);
        master->current.listeners = listeners;
    } else {
        log_error("socket.kept", "because=\"%s\"", err.text);
    }
    if (own_sockets_open(config, &master->current.own, &own, &err)) {
        own_sockets_take_over(&own);
        own_sockets_close_others(&master->current.own, &own);
        master->current.own = own;
    } else {
        log_error("socket.kept", "because=\"%s\"", err.text);
    }
    if (places_make_page_directory(config, &err) && status_pages_open(config, &master->pages, &err))
        status_pages_commit(&master->pages);
    else
        log_error("socket.kept", "because=\"%s\"", err.text);
}

/* Nobody is there: all are started, as at a start, with the configuration as it is now; if that
 * has become wrong since the trial, with the one that was in force. */
static void start_over(struct master *master, const struct handover *handover)
{
    struct err err = {0};
    master->current.config = config_load(master->source, master_log_problem, NULL);
    if (master->current.config == NULL)
        master->current.config = revive(handover);
    take_letters(&master->current);
    proc_log_init("master", master->current.config);
    master->current.number = ++master->editions;
    master->store_edition = master->current.number;
    follow_sockets(master);
    int log_fd = logfile_open(master, master->current.config, &err);
    if (log_fd >= 0)
        logfile_use(master, &log_fd);
    master->generation++;
    master->served = false;
    master->upgrade.step = UPGRADE_ANEW;
    master_make_segment(master);
}

void takeover_enter(struct master *master)
{
    struct handover handover;
    read_handover(&handover);
    take_descriptors(&handover);
    take_fields(master, &handover);
    log_info("upgrade.taken_over", "upgrade=%" PRIu64 " version=%s from=%s children=%s",
             master->upgrade.begun, GATEPOST_VERSION, handover.version,
             handover.parts.worker_seats != 0 ? "kept" : "anew");
    const bool has_children = handover.parts.worker_seats != 0;
    if (has_children && adopt(master, &handover)) {
        join_children(master, &handover);
    } else {
        if (has_children)
            end_children(master, &handover.parts);
        start_over(master, &handover);
    }
    handover.master.children = NULL; /* they are the master's now */
    handover_fini(&handover);
}
