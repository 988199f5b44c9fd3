/* The table of signals (docs/design.md section 8), read from a descriptor: no handler, no race. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "gatepost/log.h"
#include "master.h"

static const int heard[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};

int signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_LEN(heard); i++) {
        sigaction(heard[i], &action, NULL); /* one that is ignored (nohup) would never arrive */
        sigaddset(&set, heard[i]);
    }
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigprocmask(SIG_SETMASK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void take(struct master *master, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    if (number != SIGCHLD)
        log_info("signal.received", "signal=SIG%s from=%u", sigabbrev_np(number), info->ssi_pid);
    switch (number) {
    case SIGTERM:
    case SIGINT:
        stop_request(master, false);
        break;
    case SIGQUIT:
        stop_request(master, true);
        break;
    case SIGHUP:
        reload_request(master);
        break;
    case SIGUSR1:
        logfile_reopen(master);
        break;
    case SIGUSR2:
        upgrade_request(master);
        break;
    case SIGCHLD:
        reap_all(master);
        break;
    default:
        break;
    }
}

void signals_take(struct master *master)
{
    struct signalfd_siginfo info;
    while (read(master->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        take(master, &info);
}
