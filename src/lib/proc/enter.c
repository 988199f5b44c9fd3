/* The first steps of every child, in the order of docs/design.md section 7.
 *
 * proc_enter runs right after fork, while the child is still a copy of the master: it turns the
 * copy into a process that holds its heritage and nothing else. Only then may it load secrets. */
#include "gatepost/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "crash.h"
#include "gatepost/log.h"
#include "gatepost/usage.h"
#include "log_level.h"

static int compare_fds(const void *a, const void *b)
{
    int left = *(const int *)a;
    int right = *(const int *)b;
    return (left > right) - (left < right);
}

/* Closes every descriptor that is not in the heritage, whoever opened it. */
static void close_others(const struct heritage *heritage)
{
    uint32_t slots = segment_slots(heritage->segment);
    int *keep = xcalloc(slots + LISTENERS_MAX + 8, sizeof *keep);
    size_t count = 0;
    keep[count++] = STDERR_FILENO;
    keep[count++] = segment_fd(heritage->segment);
    keep[count++] = heritage->control_fd;
    keep[count++] = heritage->alive_fd;
    keep[count++] = heritage->lock_fd;
    for (uint32_t slot = 0; slot < slots; slot++)
        keep[count++] = wake_fd(heritage->segment, slot);
    bool listens = heritage->role != ROLE_STORE;
    for (size_t i = 0; listens && i < heritage->listener_count; i++)
        keep[count++] = heritage->listeners[i].fd;
    qsort(keep, count, sizeof *keep, compare_fds);

    unsigned next = STDERR_FILENO + 1;
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < (int)next)
            continue;
        if (keep[i] > (int)next)
            close_range(next, (unsigned)keep[i] - 1, 0);
        next = (unsigned)keep[i] + 1;
    }
    close_range(next, ~0U, 0);
    free(keep);
}

/* Whoever makes the segment shorter ends all that use it, the master first (SIGBUS). The map needs
 * no descriptor; the one that stays, under its number, is for reading. */
static void keep_segment_for_reading(const struct heritage *heritage)
{
    const int kept = segment_fd(heritage->segment);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", kept);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) /* no /proc: none at all */
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || dup3(fd, kept, O_CLOEXEC) != kept)
        die(EXIT_FAILED, "the segment's descriptor cannot be given up: %s", strerror(errno));
    close(fd);
}

/* Standard output belongs to the ready line, standard input to nobody. */
static void detach_input_and_output(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        die(EXIT_FAILED, "/dev/null cannot be opened: %s", strerror(errno));
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    if (null > STDERR_FILENO)
        close(null);
}

/* What a terminal or `kill 0` sends to the whole group is for the master to interpret; it tells
 * its children over the control socket. Faults keep their action: the sanitizers own those. */
static void reset_signals(void)
{
    static const int masters[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};
    static const int defaults[] = {SIGCHLD, SIGALRM, SIGABRT, SIGSYS, SIGTRAP,
                                   SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU};
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_LEN(masters); i++)
        sigaction(masters[i], &action, NULL);
    action.sa_handler = SIG_DFL;
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        sigaction(defaults[i], &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

enum log_level proc_log_level(int64_t level)
{
    switch ((enum config_log_level)level) {
    case CONFIG_LOG_ERROR:
        return LOG_LEVEL_ERROR;
    case CONFIG_LOG_WARNING:
        return LOG_LEVEL_WARNING;
    case CONFIG_LOG_INFO:
        return LOG_LEVEL_INFO;
    case CONFIG_LOG_DEBUG:
        return LOG_LEVEL_DEBUG;
    }
    return LOG_LEVEL_INFO;
}

void proc_log_init(const char *name, const struct config *config)
{
    log_init(name, proc_log_level(config->log_level));
    log_use_json((enum config_log_format)config->log_format == CONFIG_LOG_JSON);
}

/* Whom the kernel takes first when memory runs out: whoever is replaced most cheaply. The master,
 * on whom all depend, stays as it was started. Raising one's own score needs no right. */
static void offer_to_the_oom_killer(enum proc_role role)
{
    static const char *const scores[ROLE_COUNT] = {
        [ROLE_WORKER] = "300", [ROLE_ADMIN] = "300", [ROLE_MAILER] = "200", [ROLE_STORE] = "100"};
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0 && errno == EACCES) { /* the files of who is not dumpable are root's */
        prctl(PR_SET_DUMPABLE, 1);
        fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        prctl(PR_SET_DUMPABLE, 0);
    }
    if (fd < 0)
        return;
    (void)!write(fd, scores[role], strlen(scores[role]));
    close(fd);
}

/* Dies with the master; called again after every change of identity, which clears it. */
static void tie_to_master(const struct heritage *heritage)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != heritage->master_pid) /* it died before the line above took effect */
        _exit(EXIT_ORPHANED);
}

void proc_enter(struct heritage *heritage)
{
    static char name[PROC_NAME_BYTES]; /* borrowed by the log for the life of the process */
    tie_to_master(heritage);
    proc_name(heritage->role, heritage->number, name);
    proc_log_init(name, heritage->config);
    close_others(heritage);
    keep_segment_for_reading(heritage);
    detach_input_and_output();
    offer_to_the_oom_killer(heritage->role);
    reset_signals();
    crash_report_init();
    usage_open();

    char title[PROC_NAME_BYTES + 16];
    if (heritage->role == ROLE_WORKER)
        snprintf(title, sizeof title, "gatepost: worker %u", (unsigned)heritage->number);
    else
        snprintf(title, sizeof title, "gatepost: %s", name);
    proc_title_set(title);
}

void proc_drop_privileges(const struct heritage *heritage)
{
    struct err err = {0};
    if (!proc_become_user(heritage->config->master_user, &err))
        die(EXIT_PRIVILEGES, "%s", err.text);
    tie_to_master(heritage);
}
