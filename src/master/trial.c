/* Could the new file go on as this server? A child executes it and asks it.
 *
 * The server's side: the child gets what the real successor would get to read, and the segment to
 * look at, and a socket to answer on; no listener, no lock, nothing that a file which is no
 * Gatepost could hold on to. It has ten seconds, in a process group of its own, so that all of it
 * can be ended. Its first packet is its answer, "ready LAYOUT VERSION" or "refused SENTENCE"; with
 * anything else, or with nothing, it is refused.
 * The new binary's side, trial_run: reads what is handed over, the configuration in force and the
 * configuration as it is now, as this version understands them, and compares the layouts. It opens
 * and changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "handover.h"
#include "launch.h"
#include "layout.h"

#define TRIAL_LIMIT_NS (10 * NS_PER_S)

/* ---- the server's side --------------------------------------------------------------------- */

static void say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void keep_over_exec(int fd)
{
    (void)fcntl(fd, F_SETFD, 0);
}

_Noreturn static void execute(const struct master *master, int state_fd, int answer_fd)
{
    const struct launch *launch = launch_get();
    char text[128];
    sigset_t none;
    pid_t parent = getppid();

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_ORPHANED);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO); /* which belongs to the ready line */
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    keep_over_exec(state_fd);
    keep_over_exec(answer_fd);
    keep_over_exec(segment_fd(master->segment));
    char **words = launch_words(LAUNCH_TRIAL, state_fd, answer_fd);
    execve(launch->file, words, environ);
    snprintf(text, sizeof text, "refused it cannot be executed: %s", strerror(errno));
    say(answer_fd, text);
    _exit(EXIT_UPGRADE);
}

void trial_note_file(struct trial *trial, const struct stat *file)
{
    trial->device = (uint64_t)file->st_dev;
    trial->inode = (uint64_t)file->st_ino;
    trial->changed_ns = (uint64_t)file->st_ctim.tv_sec * NS_PER_S + (uint64_t)file->st_ctim.tv_nsec;
}

bool trial_start(struct master *master, struct err *err)
{
    const struct launch *launch = launch_get();
    struct trial *trial = &master->upgrade.trial;
    struct stat file;
    int pair[2] = {-1, -1};
    if (launch->file[0] == '\0' || stat(launch->file, &file) != 0) {
        err_set(err, "%s: %s", launch->file[0] == '\0' ? "the file that runs" : launch->file,
                launch->file[0] == '\0' ? "its name is not known" : strerror(errno));
        return false;
    }
    int state_fd = handover_write(master, true, err);
    if (state_fd < 0)
        return false;
    FAULT("u.before_trial");
    pid_t pid = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
        pid = fork();
        if (pid == 0) {
            setpgid(0, 0);
            execute(master, state_fd, pair[1]);
        }
        close(pair[1]);
    }
    close(state_fd);
    if (pid < 0) {
        err_set(err, "no process for the trial: %s", strerror(errno));
        if (pair[0] >= 0)
            close(pair[0]);
        return false;
    }
    setpgid(pid, pid); /* here too: whoever comes first */
    *trial = (struct trial){
        .pid = pid,
        .fd = pair[0],
        .deadline_ns = clock_mono_ns() + TRIAL_LIMIT_NS,
    };
    trial_note_file(trial, &file);
    return true;
}

void trial_read(struct master *master)
{
    struct trial *trial = &master->upgrade.trial;
    char packet[TRIAL_ANSWER_BYTES];
    while (trial->fd >= 0) {
        ssize_t len = recv(trial->fd, packet, sizeof packet - 1, MSG_DONTWAIT);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            return;
        if (len <= 0) {
            close(trial->fd);
            trial->fd = -1;
        } else if (trial->answer[0] == '\0') {
            memcpy(trial->answer, packet, (size_t)len);
        }
    }
}

void trial_stop(struct master *master)
{
    struct trial *trial = &master->upgrade.trial;
    if (trial->pid == 0)
        return;
    trial->stopped = true;
    kill(-trial->pid, SIGKILL);
    kill(trial->pid, SIGKILL);
}

/* ---- the new binary's side ----------------------------------------------------------------- */

struct examination {
    struct err why; /* the first problem */
    size_t problems;
};

static void note_problem(void *context, const char *where, const char *sentence)
{
    struct examination *examination = context;
    if (examination->problems++ == 0)
        err_set(&examination->why, "%s: %s", where, sentence);
}

/* Both configurations must be understood, and one must follow from the other by a reload. */
static bool configurations_fit(const struct config_source *source, const struct handover *handover,
                               struct examination *examination)
{
    struct config *now = config_load(source, note_problem, examination);
    struct config *old = config_revive(slice_of_text(handover->config), handover->config_file,
                                       note_problem, examination);
    struct letter_set *letters = now == NULL
                                     ? NULL
                                     : letter_set_load(now->mail_template_dir, now->mail_language,
                                                       note_problem, examination);
    bool fit = now != NULL && old != NULL && letters != NULL &&
               (config_difference(old, now, &examination->why) & CONFIG_RELOAD_RESTART) == 0;
    letter_set_free(&letters);
    config_free(&old);
    config_free(&now);
    return fit;
}

static bool segment_fits(const struct handover *handover, struct err *err)
{
    uint64_t layout = layout_of_this_binary();
    if (handover->layout != layout)
        return true; /* it will not be joined */
    struct segment *segment = segment_adopt(&handover->parts, layout, err);
    if (segment == NULL)
        return false;
    FAULT("u.trial");
    segment_leave(&segment);
    return true;
}

/* The store that follows another one opens its database, and there is no way back by itself. */
static bool data_fit(const struct handover *handover, const struct role_mains *mains,
                     struct err *err)
{
    if (handover->master.data_format <= mains->data_format)
        return true;
    err_set(err,
            "version %s writes a database of form %" PRIu32 ", this one knows %" PRIu32 " at most",
            handover->version, handover->master.data_format, mains->data_format);
    return false;
}

static bool examine(const struct config_source *source, const struct role_mains *mains,
                    int state_fd, struct examination *examination)
{
    struct handover handover;
    char *text = NULL;
    size_t len = 0;
    if (!handover_load(state_fd, &text, &len, &examination->why))
        return false;
    bool fits = handover_read(slice_of(text, len), &handover, &examination->why);
    free(text);
    if (!fits)
        return false;
    fits = data_fit(&handover, mains, &examination->why) &&
           configurations_fit(source, &handover, examination) &&
           segment_fits(&handover, &examination->why);
    handover_fini(&handover);
    return fits;
}

int trial_run(const struct config_source *source, const struct role_mains *mains)
{
    const struct launch *launch = launch_get();
    struct examination examination = {0};
    char answer[TRIAL_ANSWER_BYTES];
    log_init("trial", LOG_LEVEL_INFO);
    if (launch->complaint != NULL)
        return EXIT_UPGRADE;
    bool fits = examine(source, mains, launch->state_fd, &examination);
    if (fits)
        snprintf(answer, sizeof answer, "ready %" PRIu64 " %s", layout_of_this_binary(),
                 GATEPOST_VERSION);
    else
        snprintf(answer, sizeof answer, "refused %s%s", examination.why.text,
                 examination.problems > 1 ? " (and more problems)" : "");
    say(launch->answer_fd, answer);
    return fits ? EXIT_DONE : EXIT_UPGRADE;
}
