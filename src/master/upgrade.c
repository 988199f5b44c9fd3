/* USR2: from one binary to the next, in the same process.
 *
 *   TRIAL     a child executes the new file and says whether it could go on from here; missing,
 *             broken, hanging, refusing: refused, nothing has changed
 *   DRAIN     only when its layout is another one: workers stop accepting (clients wait in the
 *             backlog) and answer what they have, then admin, mailer and store end, as in a stop
 *   execve    the file that was tried; pid, sockets, lock, children stay
 *   ROLL      the new image replaces everybody as a reload does: new workers beside the old ones,
 *             then mailer and admin, the store last
 *
 * It begins when nothing else runs: a reload first, those who come meanwhile are folded into one. A
 * stop wins at every step. When the new image's children do not start, the old ones go on, and the
 * new master with them: there is no way back by itself, but the next USR2 finds a mended file. */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/log.h"
#include "launch.h"
#include "layout.h"
#include "master.h"

/* So long clients that keep a connection may use it once more, and hear that it closes. */
#define IDLE_MS 1000

static void note_outcome(struct master *master, bool ok)
{
    struct upgrade *upgrade = &master->upgrade;
    upgrade->step = UPGRADE_IDLE;
    upgrade->ok = ok;
    upgrade->done = upgrade->begun;
    upgrade->done_ms = clock_wall_ms();
}

void upgrade_refuse(struct master *master, const char *format, ...)
{
    struct upgrade *upgrade = &master->upgrade;
    char text[sizeof upgrade->outcome.text + 16];
    va_list args;
    va_start(args, format);
    vsnprintf(upgrade->outcome.text, sizeof upgrade->outcome.text, format, args);
    va_end(args);
    log_error("upgrade.refused", "upgrade=%" PRIu64 " because=%s", upgrade->begun,
              log_quoted(slice_of_text(upgrade->outcome.text), text, sizeof text));
    note_outcome(master, false);
}

void upgrade_finish(struct master *master)
{
    log_info("upgrade.done", "upgrade=%" PRIu64 " version=%s", master->upgrade.begun,
             GATEPOST_VERSION);
    note_outcome(master, true);
}

void upgrade_request(struct master *master)
{
    master->upgrade.waiting = true; /* upgrade_advance comes next */
}

static bool may_begin(const struct master *master)
{
    const struct upgrade *upgrade = &master->upgrade;
    return upgrade->step == UPGRADE_IDLE && upgrade->trial.pid == 0 &&
           master->reload.step == RELOAD_IDLE && master->stop.stage == STOP_NONE &&
           (master->served || upgrade->taken_over);
}

static void begin(struct master *master)
{
    struct upgrade *upgrade = &master->upgrade;
    struct err err = {0};
    upgrade->waiting = false;
    upgrade->begun++;
    log_info("upgrade.begun", "upgrade=%" PRIu64 " file=%s", upgrade->begun, launch_get()->file);
    if (master->condemned)
        upgrade_refuse(master,
                       "the store stopped after a failed flush; the server needs a restart");
    else if (!trial_start(master, &err))
        upgrade_refuse(master, "%s", err.text);
    else
        upgrade->step = UPGRADE_TRIAL;
}

/* ---- the trial's end ----------------------------------------------------------------------- */

/* "ready LAYOUT VERSION"; the version is for the log. */
static bool is_ready(const char *answer, uint64_t *layout_out, char version_out[32])
{
    uint64_t layout = 0;
    int end = 0;
    char version[32] = "";
    if (sscanf(answer, "ready %20" SCNu64 " %31[A-Za-z0-9.+~-]%n", &layout, version, &end) != 2 ||
        answer[end] != '\0')
        return false;
    *layout_out = layout;
    memcpy(version_out, version, sizeof version);
    return true;
}

/* Why a trial that did not say that it is ready is refused. */
static void refuse_trial(struct master *master, int status)
{
    const struct trial *trial = &master->upgrade.trial;
    const char *file = launch_get()->file;
    if (trial->stopped)
        upgrade_refuse(master, "%s said nothing within 10 s", file);
    else if (strncmp(trial->answer, "refused ", strlen("refused ")) == 0)
        upgrade_refuse(master, "%s: %s", file, trial->answer + strlen("refused "));
    else if (WIFSIGNALED(status))
        upgrade_refuse(master, "%s was killed by SIG%s in its trial", file,
                       sigabbrev_np(WTERMSIG(status)) != NULL ? sigabbrev_np(WTERMSIG(status))
                                                              : "?");
    else if (trial->answer[0] != '\0')
        upgrade_refuse(master, "%s answered nonsense in its trial", file);
    else
        upgrade_refuse(master, "%s ended with %d in its trial and said nothing", file,
                       WEXITSTATUS(status));
}

static void execute(struct master *master, bool with_children)
{
    struct err err = {0};
    takeover_exec(master, with_children, &err); /* from here on it is another program's life */
    upgrade_refuse(master, "%s", err.text);
}

/* As a graceful stop; what it ends in is upgrade_after_drain. */
static void begin_drain(struct master *master)
{
    struct upgrade *upgrade = &master->upgrade;
    log_info("upgrade.draining", "upgrade=%" PRIu64 " because=\"another layout\"", upgrade->begun);
    upgrade->step = UPGRADE_DRAIN;
    upgrade->pressed = false;
    upgrade->press_ns = clock_mono_ns() + IDLE_MS * NS_PER_MS;
    stop_for_upgrade(master);
}

void upgrade_on_trial_end(struct master *master, int status)
{
    struct trial *trial = &master->upgrade.trial;
    uint64_t layout = 0;
    char version[32] = "";
    trial_read(master);
    if (trial->fd >= 0)
        close(trial->fd);
    trial->fd = -1;
    kill(-trial->pid, SIGKILL); /* whatever it started */
    trial->pid = 0;
    if (master->upgrade.step != UPGRADE_TRIAL)
        return; /* nobody waits for it any more */
    if (trial->stopped || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_DONE ||
        !is_ready(trial->answer, &layout, version)) {
        refuse_trial(master, status);
        return;
    }
    bool same_layout = layout == layout_of_this_binary();
    log_info("upgrade.tried", "upgrade=%" PRIu64 " version=%s layout=%s", master->upgrade.begun,
             version, same_layout ? "same" : "another");
    if (same_layout)
        execute(master, true);
    else
        begin_drain(master);
}

void upgrade_after_drain(struct master *master)
{
    execute(master, false);
    master->stop = (struct stop){0}; /* everybody comes back, as this binary */
}

/* ---- time, and a stop ---------------------------------------------------------------------- */

void upgrade_advance(struct master *master, mono_ns now)
{
    struct upgrade *upgrade = &master->upgrade;
    if (upgrade->waiting && may_begin(master))
        begin(master);
    if (upgrade->step == UPGRADE_TRIAL && now >= upgrade->trial.deadline_ns)
        trial_stop(master);
    if (upgrade->step == UPGRADE_DRAIN && !upgrade->pressed && now >= upgrade->press_ns) {
        upgrade->pressed = true;
        stop_press(master);
    }
}

mono_ns upgrade_due_ns(const struct master *master)
{
    const struct upgrade *upgrade = &master->upgrade;
    if (upgrade->step == UPGRADE_TRIAL && !upgrade->trial.stopped)
        return upgrade->trial.deadline_ns;
    if (upgrade->step == UPGRADE_DRAIN && !upgrade->pressed)
        return upgrade->press_ns;
    return 0;
}

bool upgrade_give_way(struct master *master)
{
    struct upgrade *upgrade = &master->upgrade;
    bool draining = upgrade->step == UPGRADE_DRAIN;
    upgrade->waiting = false;
    if (upgrade->step == UPGRADE_TRIAL)
        trial_stop(master);
    if (upgrade->step == UPGRADE_TRIAL || draining || upgrade->step == UPGRADE_ANEW)
        upgrade_refuse(master, "the server was told to stop");
    return draining;
}
