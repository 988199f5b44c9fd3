/* The sockets that are no http.listen: administration, and reports of failed delivery, each of an
 * edition; and the status page, which is the master's own.
 *
 * A reload makes a new one first and removes the old one at the commit. Where only the mode
 * changes, the new socket is bound beside its path and takes it over by rename(2) at the commit:
 * who connects meanwhile is still served by the old one, and the master never changes the mode of
 * whatever stands at a path that the service user may write to.
 * They have mode 0600, but for mail.bounce_mode, and belong to whoever started the server: with
 * master.user that is root, and not the user whom a worker that was taken over runs as. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/log.h"
#include "master.h"

#define BESIDE ".next" /* the name that a socket has until it takes over its path */

static const char *path_of(const struct own_socket *socket)
{
    return socket->listener.name + strlen("unix:");
}

/* The file is removed where it is this socket's: not any more when another took over the path. */
static void close_one(struct own_socket *socket, const struct own_socket *successor)
{
    if (socket->listener.fd < 0)
        return;
    bool succeeded = successor != NULL && successor->listener.fd >= 0 &&
                     strcmp(path_of(successor), path_of(socket)) == 0;
    close(socket->listener.fd);
    if (socket->beside) {
        char beside[sizeof socket->listener.name + sizeof BESIDE];
        snprintf(beside, sizeof beside, "%s" BESIDE, path_of(socket));
        unlink(beside);
    } else if (!succeeded) {
        unlink(path_of(socket));
    }
    socket->listener.fd = -1;
}

/* path "no": there is none. current: fd -1 before the first edition. */
static bool open_one(const char *key, const char *path, mode_t mode,
                     const struct own_socket *current, struct own_socket *socket_out,
                     struct err *err)
{
    struct own_socket socket = {.listener = {.fd = -1, .is_unix = true}, .mode = mode};
    char beside[sizeof socket.listener.name + sizeof BESIDE];
    struct err cause = {0};

    if (strcmp(path, "no") == 0) {
        *socket_out = socket;
        return true;
    }
    bool same_path = current->listener.fd >= 0 && strcmp(path_of(current), path) == 0;
    if (same_path && current->mode == mode) {
        *socket_out = *current;
        return true;
    }
    socket.beside = same_path;
    snprintf(socket.listener.name, sizeof socket.listener.name, "unix:%s", path);
    snprintf(beside, sizeof beside, "%s%s", path, same_path ? BESIDE : "");
    socket.listener.fd = listen_unix(beside, mode, &cause);
    if (socket.listener.fd < 0) {
        err_set(err, "%s: %s", key, cause.text);
        return false;
    }
    *socket_out = socket;
    return true;
}

static void take_over(struct own_socket *socket)
{
    char beside[sizeof socket->listener.name + sizeof BESIDE];
    if (!socket->beside)
        return;
    snprintf(beside, sizeof beside, "%s" BESIDE, path_of(socket));
    if (rename(beside, path_of(socket)) != 0)
        log_error("socket.unpublished", "socket=%s", path_of(socket));
    socket->beside = false;
}

static mode_t bounce_mode(const struct config *config)
{
    switch ((enum config_bounce_mode)config->mail_bounce_mode) {
    case CONFIG_BOUNCE_0660:
        return 0660;
    case CONFIG_BOUNCE_0666:
        return 0666;
    case CONFIG_BOUNCE_0600:
        break;
    }
    return 0600;
}

const struct own_sockets OWN_SOCKETS_NONE = {.admin.listener.fd = -1, .bounces.listener.fd = -1};

bool own_sockets_open(const struct config *config, const struct own_sockets *current,
                      struct own_sockets *set_out, struct err *err)
{
    struct own_sockets set = OWN_SOCKETS_NONE;
    if (!open_one("admin.socket", config->admin_socket, 0600, &current->admin, &set.admin, err))
        return false;
    if (!open_one("mail.bounce_socket", config->mail_bounce_socket, bounce_mode(config),
                  &current->bounces, &set.bounces, err)) {
        if (set.admin.listener.fd != current->admin.listener.fd)
            close_one(&set.admin, &current->admin);
        return false;
    }
    *set_out = set;
    return true;
}

void own_sockets_take_over(struct own_sockets *set)
{
    take_over(&set->admin);
    take_over(&set->bounces);
}

void own_sockets_close_others(struct own_sockets *set, const struct own_sockets *kept)
{
    if (set->admin.listener.fd != kept->admin.listener.fd)
        close_one(&set->admin, &kept->admin);
    if (set->bounces.listener.fd != kept->bounces.listener.fd)
        close_one(&set->bounces, &kept->bounces);
    *set = OWN_SOCKETS_NONE;
}

/* ---- the status page ----------------------------------------------------------------------- */

const struct status_pages STATUS_PAGES_NONE = {.current.listener.fd = -1, .next.listener.fd = -1};

bool status_pages_open(const struct config *config, struct status_pages *pages, struct err *err)
{
    const char *path = config->master_admin_socket;
    if (pages->next.listener.fd >= 0 && strcmp(path_of(&pages->next), path) == 0)
        return true;
    close_one(&pages->next, &pages->current);
    if (pages->current.listener.fd >= 0 && strcmp(path_of(&pages->current), path) == 0)
        return true;
    return open_one("master.admin_socket", path, 0600, &pages->next, &pages->next, err);
}

void status_pages_commit(struct status_pages *pages)
{
    if (pages->next.listener.fd < 0)
        return;
    close_one(&pages->current, NULL);
    pages->current = pages->next;
    pages->next.listener.fd = -1;
}

void status_pages_close(struct status_pages *pages)
{
    close_one(&pages->next, NULL);
    close_one(&pages->current, NULL);
}
