/* A child died: why, and what follows from it. What runs in its place is supervise.c's. */
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "master.h"

/* "it was killed by SIGSEGV", "the database asked for recovery". */
static void explain(int status, struct err *why_out)
{
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        err_set(why_out, "it was killed by SIG%s", name != NULL ? name : "?");
        return;
    }
    const char *sentence = exit_reason_sentence(WEXITSTATUS(status));
    if (sentence != NULL)
        err_set(why_out, "%s", sentence);
    else
        err_set(why_out, "it exited with %d", WEXITSTATUS(status));
}

/* It serves, and has left so that a successor enters a sandbox of what there is now. */
static bool makes_way(const struct child *child, int status)
{
    return child->ready && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OUTDATED;
}

/* Its own fault, or an accident? SIGKILL after READY is an operator's or the kernel's doing. */
static bool is_own_fault(const struct child *child, int status)
{
    if (makes_way(child, status))
        return false;
    return !child->ready || child->stuck || WIFEXITED(status) ||
           (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL);
}

/* Before the server has ever been READY, a reason that the operator must remove ends it; a crash
 * is tried again, but for the one of a store whose flush failed: no other follows it, and there
 * are no workers yet that could say so. */
static bool refuses_to_start(const struct master *master, int status)
{
    if (master->condemned)
        return true;
    if (!WIFEXITED(status))
        return false;
    switch (WEXITSTATUS(status)) {
    case EXIT_FAILED:
    case EXIT_CONFIG:
    case EXIT_SECRET:
    case EXIT_SEGMENT:
    case EXIT_PRIVILEGES:
    case EXIT_SANDBOX:
    case EXIT_STORE_OPEN:
    case EXIT_TLS:
    case EXIT_MAIL_SETUP:
        return true;
    default:
        return false;
    }
}

/* By role and reason, in the order of metrics.def. An end of the whole server is none. */
static void count_end(const struct master *master, const struct child *child, int status,
                      bool as_told)
{
    static const enum metric first[ROLE_COUNT] = {[ROLE_WORKER] = METRIC_WORKER_ENDS_SIGNAL,
                                                  [ROLE_STORE] = METRIC_STORE_ENDS_SIGNAL,
                                                  [ROLE_MAILER] = METRIC_MAILER_ENDS_SIGNAL,
                                                  [ROLE_ADMIN] = METRIC_ADMIN_ENDS_SIGNAL};
    enum { BY_SIGNAL, BY_EXIT, BY_STANDING_STILL, AS_TOLD } reason = BY_EXIT;

    if (master->stop.stage != STOP_NONE)
        return;
    if (as_told)
        reason = AS_TOLD;
    else if (child->stuck)
        reason = BY_STANDING_STILL;
    else if (WIFSIGNALED(status))
        reason = BY_SIGNAL;
    metric_count(first[child->role] + (enum metric)reason);
}

static void report(const struct master *master, const struct child *child, int status,
                   const struct err *why)
{
    char name[PROC_NAME_BYTES];
    char text[sizeof why->text + 16];
    child_name(child, name);
    /* SIGKILL is the master's own way with those that overstay; a crash on the way out is a bug. */
    bool as_told = WIFEXITED(status) ? WEXITSTATUS(status) == EXIT_DONE
                                     : WTERMSIG(status) == SIGKILL && !child->stuck;
    const bool expected = (child->leaving && as_told) || makes_way(child, status);
    count_end(master, child, status, expected);
    if (expected) {
        log_info("child.left", "role=%s child=%d slot=%" PRIu32 " because=%s", name,
                 (int)child->pid, child->slot,
                 log_quoted(slice_of_text(why->text), text, sizeof text));
        return;
    }
    log_warning("child.died", "role=%s child=%d slot=%" PRIu32 " ready=%s because=%s", name,
                (int)child->pid, child->slot, child->ready ? "yes" : "no",
                log_quoted(slice_of_text(why->text), text, sizeof text));
    metric_count(METRIC_CHILD_DEATHS);
}

/* After a failed flush nobody knows what is on the disk (docs/design.md section 3): the workers
 * answer /readyz and every write with 503, and a person has to look. */
static void look_for_condemnation(struct master *master)
{
    if (board_get(master->segment, BOARD_STORE_CONDEMNED) != 0)
        master->condemned = true;
    if (!master->condemned)
        return;
    board_set(master->segment, BOARD_STORE_CONDEMNED, 1);
    log_error("store.condemned", "because=\"a flush failed\" remedy=\"check the disk, restart\"");
}

/* A death that counts towards the back-off of its role. */
static void hold_against(struct backoff *backoff, const struct child *dead)
{
    char name[PROC_NAME_BYTES];
    mono_ns now = clock_mono_ns();
    backoff_count_death(backoff, now, now - dead->started_ns);
    if (backoff->delay_ns > 0)
        log_error("child.delayed", "role=%s delay_ms=%" PRIu64, child_name(dead, name),
                  (uint64_t)(backoff->delay_ns / NS_PER_MS));
}

static void bury(struct master *master, struct child *child, int status)
{
    struct err why = {0};
    char name[PROC_NAME_BYTES];
    child_read_messages(master, child); /* its last words */
    explain(status, &why);
    report(master, child, status, &why);
    if (child->control_fd >= 0)
        close(child->control_fd);

    struct child dead = *child;
    *child = (struct child){0};
    FAULT("k.reaped");
    if (dead.role == ROLE_STORE) {
        metric_forget_gauges(master->segment, dead.slot);
        look_for_condemnation(master);
    } else {
        seat_bury(master->segment, dead.slot);
    }
    bool clean = dead.leaving && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE;
    if (dead.role == ROLE_WORKER && !clean) {
        struct child *mailer = child_find(master, ROLE_MAILER);
        if (mailer != NULL)
            child_tell(mailer, ORDER_SWEEP, 0); /* for letters it announced to nobody */
    }
    if (dead.leaving)
        return;
    if (is_own_fault(&dead, status))
        hold_against(&master->backoff[dead.role], &dead);
    if (!dead.ready && master->next.number != 0 && dead.edition == master->next.number)
        reload_refuse(master, "%s could not start: %s", child_name(&dead, name), why.text);
    if (!dead.ready && master->upgrade.step == UPGRADE_ANEW)
        upgrade_refuse(master, "%s could not start: %s", child_name(&dead, name), why.text);
    /* After an upgrade clients wait in the backlog: it is tried again, a mended file may come. */
    if (!master->served && master->stop.stage == STOP_NONE && refuses_to_start(master, status) &&
        (master->condemned || !master->upgrade.taken_over)) {
        master->exit_code = master->condemned ? EXIT_STORE_FSYNC : WEXITSTATUS(status);
        stop_request(master, false);
    }
}

void reap_all(struct master *master)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == master->upgrade.trial.pid) {
            upgrade_on_trial_end(master, status);
            continue;
        }
        for (size_t i = 0; i < master->places; i++) {
            if (master->children[i].pid == pid) {
                bury(master, &master->children[i], status);
                break;
            }
        }
    }
}
