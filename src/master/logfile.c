/* log.file: opened by the master, which has the rights, and handed to every child.
 *
 * Descriptor 2 is the log in every process. After logrotate moved the file, USR1 opens the name
 * anew and all processes change over; a child that just starts inherits the master's. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "gatepost/log.h"
#include "master.h"

/* NONBLOCK: a FIFO that nobody reads is refused, where open(2) would hold the master up for ever;
 * to a file it means nothing, and log lines never wait anyhow. */
int logfile_open(const struct master *master, const struct config *config, struct err *err)
{
    const char *path = config->log_file;
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = path[0] == '\0' ? fcntl(master->stderr_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                             : open(path, flags, 0640);
    if (fd < 0)
        err_set(err, "log.file: %s: %s", path, strerror(errno));
    return fd;
}

void logfile_use(struct master *master, int *log_fd)
{
    const uint64_t level = (uint64_t)master->current.config->log_level;
    dup2(*log_fd, STDERR_FILENO);
    for (size_t i = 0; i < master->places; i++) {
        if (master->children[i].pid != 0)
            proc_send(master->children[i].control_fd, ORDER_LOG, 0, level, *log_fd);
    }
    close(*log_fd);
    *log_fd = -1;
}

void logfile_reopen(struct master *master)
{
    struct err err = {0};
    if (master->current.config->log_file[0] == '\0')
        return;
    int fd = logfile_open(master, master->current.config, &err);
    if (fd < 0) {
        log_error("log.kept", "because=\"%s\"", err.text);
        return;
    }
    logfile_use(master, &fd);
    log_info("log.reopened", "file=%s", master->current.config->log_file);
}
