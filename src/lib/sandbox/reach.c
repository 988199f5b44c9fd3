/* The paths of each role, as data. The store has its directory. The mailer has mail.dir or what
 * names, TLS and tokens of relays take; no more than one of the two, so the mailer that writes
 * files has no sockets to tell of them, and the other nothing to write. Workers have none.
 *
 * What the operator's own keys name is read before the sandbox and needs no path: keys, client
 * certificates, smtp.ca_file. */
#include "reach.h"

#include <stdlib.h>

/* Of the mailer that speaks to relays: names (glibc reads these again when they change), modules of
 * the resolver, authorities of TLS. */
static const char *const relay_places[] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/services",
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ssl/openssl.cnf",
    "/etc/ssl/certs",
    "/etc/pki/tls",
    "/etc/pki/ca-trust",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
};

/* A token's file is replaced by its next one, so what is reached is its directory. */
static bool reach_folder_of(const char *path, reach_fn fn, void *context, struct err *err)
{
    char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');

    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    bool done = fn(context, slash != NULL ? folder : ".", REACH_READ, err);
    free(folder);
    return done;
}

static bool reach_relays(const struct config *config, reach_fn fn, void *context, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(relay_places); i++) {
        if (!fn(context, relay_places[i], REACH_READ, err))
            return false;
    }
    for (unsigned i = 0; i < RELAYS_MAX; i++) {
        const struct relay_config relay = config_relay(config, i);
        if (relay.host[0] != '\0' && relay.token_file[0] != '\0' &&
            !reach_folder_of(relay.token_file, fn, context, err))
            return false;
    }
    return true;
}

static bool reach_of_role(enum proc_role role, const struct config *config, reach_fn fn,
                          void *context, struct err *err)
{
    switch (role) {
    case ROLE_STORE:
        return fn(context, config->store_dir, REACH_KEEP, err);
    case ROLE_MAILER:
        if (config->mail_transport == CONFIG_TRANSPORT_FILE)
            return fn(context, config->mail_dir, REACH_KEEP, err);
        return reach_relays(config, fn, context, err);
    case ROLE_WORKER:
    case ROLE_ADMIN:
    case ROLE_MASTER:
    case ROLE_COUNT:
        break;
    }
    return true;
}

bool reach_each(enum proc_role role, const struct config *config, reach_fn fn, void *context,
                struct err *err)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    if (!fn(context, "/proc", REACH_READ, err)) /* their maps and threads */
        return false;
#endif
    return reach_of_role(role, config, fn, context, err);
}
