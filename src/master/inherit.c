/* Sockets that a service manager made and passed (sd_listen_fds(3)): adopted by the address they
 * are bound to, which http.listen must name.
 *
 * A passed socket that nobody would serve refuses the start: its clients would wait for ever in a
 * backlog that the service manager keeps open, and nothing would tell why. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

#define FIRST_PASSED_FD 3

/* Takes the next name off LISTEN_FDNAMES; "unknown", as systemd says it, when there is none. */
static void next_name(const char **names, char name_out[LISTEN_FDNAME_BYTES])
{
    size_t len = *names != NULL ? strcspn(*names, ":") : 0;
    snprintf(name_out, LISTEN_FDNAME_BYTES, "%.*s", len > 0 ? (int)len : 7,
             len > 0 ? *names : "unknown");
    if (*names != NULL)
        *names += (*names)[len] == ':' ? len + 1 : len;
}

static int option_of(int fd, int option)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

/* Why it cannot be served; NULL when it can. */
static const char *fault_of(int fd)
{
    int type = option_of(fd, SO_TYPE);
    if (type < 0)
        return "is no socket";
    if (type != SOCK_STREAM)
        return "is no stream socket (ListenStream= makes one)";
    if (option_of(fd, SO_ACCEPTCONN) != 1)
        return "does not listen (Accept=no is what is needed)";
    return NULL;
}

static bool adopt_one(int fd, struct listen_socket *socket, struct err *err)
{
    const char *fault = fault_of(fd);
    if (fault != NULL) {
        err_set(err, "descriptor %d (%s) from the service manager %s", fd, socket->fd_name, fault);
        return false;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || !listen_name_of(fd, &socket->listener)) {
        err_set(err, "descriptor %d (%s) from the service manager has no address that is known", fd,
                socket->fd_name);
        return false;
    }
    socket->inherited = true;
    return true;
}

bool listen_adopt(struct listen_set *inherited_out, struct err *err)
{
    struct listen_set set = {0};
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    bool ok = true;
    if (pid != NULL && count != NULL && strtol(pid, NULL, 10) == getpid()) {
        long passed = strtol(count, NULL, 10);
        if (passed > LISTENERS_MAX) {
            err_set(err, "the service manager passed %ld sockets, %d are the most", passed,
                    LISTENERS_MAX);
            ok = false;
        }
        for (int i = 0; ok && i < passed; i++) {
            struct listen_socket *socket = &set.sockets[set.count];
            next_name(&names, socket->fd_name);
            ok = adopt_one(FIRST_PASSED_FD + i, socket, err);
            set.count += ok;
        }
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    *inherited_out = set;
    return ok;
}

bool listen_all_used(const struct listen_set *inherited, const struct listen_set *set,
                     struct err *err)
{
    for (size_t i = 0; i < inherited->count; i++) {
        const struct listen_socket *socket = &inherited->sockets[i];
        if (listen_has(set, socket->listener.fd))
            continue;
        err_set(err,
                "the service manager passed a socket on %s (%s), which http.listen does not name: "
                "add it there or take it out of the .socket unit",
                socket->listener.name, socket->fd_name);
        return false;
    }
    return true;
}
