/* Listening sockets.
 *
 * One non-blocking socket an address, shared by all workers: with one for each worker
 * (SO_REUSEPORT) the connections in a dead worker's backlog would be lost.
 * A unix listener has mode 0666, as nginx and systemd have it: it is the same public HTTP as a TCP
 * port, and the directory it lies in decides who comes near. own_sockets.c has the others. */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gatepost/log.h"

#define BACKLOG 65535 /* the kernel cuts it to net.core.somaxconn: the operator's figure */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un unix_path;
};

/* ---- names -------------------------------------------------------------------------------- */

static bool name_of(const union address *address, socklen_t len, struct listener *listener)
{
    char host[INET6_ADDRSTRLEN];
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(listener->name, sizeof listener->name, "%s:%u", host, ntohs(address->v4.sin_port));
    } else if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(listener->name, sizeof listener->name, "[%s]:%u", host,
                 ntohs(address->v6.sin6_port));
    } else if (address->any.sa_family == AF_UNIX && len > sizeof(sa_family_t)) {
        const char *path = address->unix_path.sun_path;
        bool abstract = path[0] == '\0';
        listener->is_unix = true;
        snprintf(listener->name, sizeof listener->name, "unix:%s%.*s", abstract ? "@" : "",
                 (int)(sizeof address->unix_path.sun_path - abstract), path + abstract);
    } else {
        return false;
    }
    return true;
}

bool listen_name_of(int fd, struct listener *listener_out)
{
    union address address = {0};
    socklen_t len = sizeof address;
    struct listener listener = {.fd = fd};
    if (getsockname(fd, &address.any, &len) != 0 || !name_of(&address, len, &listener))
        return false;
    *listener_out = listener;
    return true;
}

const char *listen_names(const struct listen_set *set, char *text_out, size_t text_bytes)
{
    size_t len = 0;
    text_out[0] = '\0';
    for (size_t i = 0; i < set->count && len < text_bytes; i++)
        len += (size_t)snprintf(text_out + len, text_bytes - len, "%s%s", i > 0 ? "," : "",
                                set->sockets[i].listener.name);
    return text_out;
}

/* ---- unix ---------------------------------------------------------------------------------- */

/* Removes a socket file that no process listens on. */
static bool remove_stale(const char *path, const union address *address, struct err *err)
{
    struct stat file;
    if (lstat(path, &file) != 0)
        return true; /* bind says what is wrong, if anything is */
    if (!S_ISSOCK(file.st_mode)) {
        err_set(err, "%s exists and is not a socket", path);
        return false;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool refused = probe >= 0 && connect(probe, &address->any, sizeof address->unix_path) != 0 &&
                   errno == ECONNREFUSED;
    if (probe >= 0)
        close(probe);
    if (!refused) {
        err_set(err, "%s is in use by another process", path);
        return false;
    }
    if (unlink(path) != 0) {
        err_set(err, "%s cannot be replaced: %s", path, strerror(errno));
        return false;
    }
    return true;
}

int listen_unix(const char *path, mode_t mode, struct err *err)
{
    union address address = {.unix_path = {.sun_family = AF_UNIX}};
    if (!slice_to_text(slice_of_text(path), address.unix_path.sun_path,
                       sizeof address.unix_path.sun_path)) {
        err_set(err, "%s is too long for a unix socket", path);
        return -1;
    }
    if (!remove_stale(path, &address, err))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t old_mask = umask(0777 & ~mode); /* no moment with a wider mode than asked for */
    bool bound = fd >= 0 && bind(fd, &address.any, sizeof address.unix_path) == 0;
    umask(old_mask);
    if (bound && listen(fd, BACKLOG) == 0)
        return fd;
    err_set(err, "%s cannot be listened on: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (bound)
        unlink(path);
    return -1;
}

/* ---- TCP ----------------------------------------------------------------------------------- */

/* "addr:port" or "[v6]:port" into a numeric address; no resolver is asked. */
static bool parse_tcp(const char *text, union address *address_out, socklen_t *len_out)
{
    char host[LISTEN_TEXT_BYTES];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || strlen(text) >= sizeof host || strtol(colon + 1, NULL, 10) > 65535)
        return false; /* getaddrinfo would cut the port to 16 bits */
    struct slice name = slice_of(text, (size_t)(colon - text));
    if (name.len >= 2 && name.at[0] == '[' && name.at[name.len - 1] == ']')
        name = slice_of(name.at + 1, name.len - 2);
    if (!slice_to_text(name, host, sizeof host))
        return false;
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (host[0] == '\0' || getaddrinfo(host, colon + 1, &hints, &found) != 0 || found == NULL)
        return false;
    memcpy(address_out, found->ai_addr, found->ai_addrlen);
    *len_out = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static int listen_tcp(const char *text, struct err *err)
{
    union address address = {0};
    socklen_t len = 0;
    int on = 1;
    if (!parse_tcp(text, &address, &len)) {
        err_set(err, "%s is not an address and a port", text);
        return -1;
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (address.any.sa_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
        bind(fd, &address.any, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    if (errno == EADDRINUSE)
        err_set(err, "%s is in use by another process", text);
    else
        err_set(err, "%s cannot be listened on: %s", text, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- sets ---------------------------------------------------------------------------------- */

bool listen_has(const struct listen_set *set, int fd)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->sockets[i].listener.fd == fd)
            return true;
    }
    return false;
}

/* Closes one and removes a unix socket's file. One that the service manager made stays, open here
 * as it is there: a later reload may name it again, and nobody else could bind its address. */
static void close_socket(struct listen_socket *socket)
{
    if (socket->inherited)
        return;
    close(socket->listener.fd);
    if (socket->listener.is_unix)
        unlink(socket->listener.name + strlen("unix:"));
}

/* The text as a socket's name would have it: "[0::1]:80" is "[::1]:80". */
static const char *spell(const char *text, struct listener *spelled_out)
{
    union address address = {0};
    socklen_t len = 0;
    if (strncmp(text, "unix:", 5) != 0 && parse_tcp(text, &address, &len) &&
        name_of(&address, len, spelled_out))
        return spelled_out->name;
    return text;
}

/* A socket that is open already: the same text before a reload, or the same address inherited. */
static bool find_open(const char *text, const struct listen_set *current,
                      const struct listen_set *inherited, const struct listen_set *used,
                      struct listen_socket *socket_out)
{
    for (size_t i = 0; i < current->count; i++) {
        const struct listen_socket *socket = &current->sockets[i];
        if (strcmp(socket->text, text) == 0 && !listen_has(used, socket->listener.fd)) {
            *socket_out = *socket;
            return true;
        }
    }
    struct listener spelled;
    const char *name = spell(text, &spelled);
    for (size_t i = 0; i < inherited->count; i++) {
        const struct listen_socket *socket = &inherited->sockets[i];
        if (strcmp(socket->listener.name, name) == 0 && !listen_has(used, socket->listener.fd)) {
            socket_out->listener = socket->listener;
            socket_out->inherited = true;
            return true;
        }
    }
    return false;
}

static bool add_socket(const char *text, const struct listen_set *current,
                       const struct listen_set *inherited, struct listen_set *set, struct err *err)
{
    if (set->count == LISTENERS_MAX) {
        err_set(err, "more than %d addresses", LISTENERS_MAX);
        return false;
    }
    struct listen_socket *socket = &set->sockets[set->count];
    *socket = (struct listen_socket){0};
    snprintf(socket->text, sizeof socket->text, "%s", text);
    if (!find_open(text, current, inherited, set, socket)) {
        int fd = strncmp(text, "unix:", 5) == 0 ? listen_unix(text + 5, 0666, err)
                                                : listen_tcp(text, err);
        if (fd < 0)
            return false;
        if (!listen_name_of(fd, &socket->listener)) {
            err_set(err, "%s has no name after it was bound", text);
            close(fd);
            return false;
        }
    }
    set->count++;
    return true;
}

/* Takes the next item off a comma separated list, without the blanks around it. */
static struct slice next_item(const char **list)
{
    size_t len = strcspn(*list, ",");
    struct slice item = slice_of(*list, len);
    *list += (*list)[len] == ',' ? len + 1 : len;
    while (item.len > 0 && (*item.at == ' ' || *item.at == '\t'))
        item = slice_of(item.at + 1, item.len - 1);
    while (item.len > 0 && (item.at[item.len - 1] == ' ' || item.at[item.len - 1] == '\t'))
        item.len--;
    return item;
}

bool listen_open(const char *list, const struct listen_set *current,
                 const struct listen_set *inherited, struct listen_set *set_out, struct err *err)
{
    struct listen_set set = {0};
    struct err cause = {0};
    bool ok = true;
    while (ok && *list != '\0') {
        char text[LISTEN_TEXT_BYTES];
        if (slice_to_text(next_item(&list), text, sizeof text)) {
            ok = add_socket(text, current, inherited, &set, &cause);
        } else {
            err_set(&cause, "an address is longer than %d bytes", LISTEN_TEXT_BYTES - 1);
            ok = false;
        }
    }
    if (!ok) {
        for (size_t i = 0; i < set.count; i++) {
            int fd = set.sockets[i].listener.fd;
            if (!listen_has(current, fd) && !listen_has(inherited, fd))
                close_socket(&set.sockets[i]);
        }
        err_set(err, "http.listen: %s", cause.text);
        return false;
    }
    *set_out = set;
    return true;
}

void listen_close_others(struct listen_set *set, const struct listen_set *kept)
{
    for (size_t i = 0; i < set->count; i++) {
        if (kept == NULL || !listen_has(kept, set->sockets[i].listener.fd))
            close_socket(&set->sockets[i]);
    }
    set->count = 0;
}
