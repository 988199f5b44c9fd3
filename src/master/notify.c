/* What a service manager hears: READY, RELOADING, STOPPING, WATCHDOG, as datagrams.
 *
 * By hand and not by libsystemd: it is one sendto, and the master stays without a library.
 * Source: sd_notify(3), systemd.service(5) for Type=notify. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "master.h"

static struct {
    int fd; /* 0 until there is somebody to tell */
    struct sockaddr_un address;
    socklen_t address_len;
    mono_ns watchdog_ns; /* how often it wants a sign; 0: never */
    mono_ns next_sign_ns;
} manager;

void notify_init(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const char *watchdog_us = getenv("WATCHDOG_USEC");
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof manager.address.sun_path)
        return;
    manager.address.sun_family = AF_UNIX;
    memcpy(manager.address.sun_path, path, strlen(path));
    if (path[0] == '@')
        manager.address.sun_path[0] = '\0'; /* the abstract namespace */
    manager.address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    manager.fd = fd > 0 ? fd : 0;
    if (watchdog_us != NULL)
        manager.watchdog_ns = strtoull(watchdog_us, NULL, 10) * 1000 / 3;
}

void notify_send(const char *state)
{
    if (manager.fd == 0)
        return;
    char text[128];
    int len = snprintf(text, sizeof text, "%s\nMAINPID=%d", state, (int)getpid());
    (void)!sendto(manager.fd, text, (size_t)len, MSG_NOSIGNAL,
                  (const struct sockaddr *)&manager.address, manager.address_len);
}

void notify_reloading(void)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)(clock_mono_ns() / 1000));
    notify_send(text);
}

void notify_watchdog(mono_ns now)
{
    if (manager.watchdog_ns == 0 || now < manager.next_sign_ns)
        return;
    manager.next_sign_ns = now + manager.watchdog_ns;
    notify_send("WATCHDOG=1");
}
