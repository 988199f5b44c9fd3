/* The listening sockets: made before the first fork, shared by all workers, kept across reloads. */
#ifndef GATEPOST_LISTEN_H
#define GATEPOST_LISTEN_H

#include "gatepost/err.h"
#include "gatepost/proc.h"

#define LISTEN_TEXT_BYTES   128
#define LISTEN_FDNAME_BYTES 64

struct listen_socket {
    struct listener listener;
    char text[LISTEN_TEXT_BYTES];      /* as http.listen has it: what a reload compares */
    bool inherited;                    /* the service manager made it, and keeps it: never closed */
    char fd_name[LISTEN_FDNAME_BYTES]; /* of an inherited one, what the manager calls it */
};

struct listen_set {
    struct listen_socket sockets[LISTENERS_MAX];
    size_t count;
};

/* inherit.c: sockets that a service manager passed (LISTEN_FDS, LISTEN_FDNAMES), by the address
 * they are bound to. Takes them out of the environment. Called once, before the first listen_open.
 * Errors: one that cannot be served. */
MUST_USE bool listen_adopt(struct listen_set *inherited_out, struct err *err);

/* Is every inherited socket in set? Errors: the first that is not, with what to do. */
MUST_USE bool listen_all_used(const struct listen_set *inherited, const struct listen_set *set,
                              struct err *err);

/* Opens every address of http.listen: a socket of `current` with the same text is kept, an
 * inherited one is taken by its address, anything else is bound.
 * Errors: the sentence names the address; then nothing was kept open that was not open before.
 * Owner: the sockets that set_out shares with current stay open when either is closed by
 * listen_close_others. */
MUST_USE bool listen_open(const char *list, const struct listen_set *current,
                          const struct listen_set *inherited, struct listen_set *set_out,
                          struct err *err);

/* Closes what is in set and not in kept (NULL: all of it), and unlinks its unix sockets; inherited
 * ones are left as they are. */
void listen_close_others(struct listen_set *set, const struct listen_set *kept);

/* A unix socket at path. A file that nobody listens on any more is replaced; any other is an
 * error. */
MUST_USE int listen_unix(const char *path, mode_t mode, struct err *err);

bool listen_has(const struct listen_set *set, int fd);

/* Fills in fd, kind and name of a bound socket: "127.0.0.1:8000", "[::1]:8000", "unix:/path",
 * "unix:@abstract". False for any other family. */
MUST_USE bool listen_name_of(int fd, struct listener *listener_out);

/* "127.0.0.1:8000,[::1]:8000", as the ready line has it. Returns text_out. */
const char *listen_names(const struct listen_set *set, char *text_out, size_t text_bytes);
#define LISTEN_NAMES_BYTES (LISTENERS_MAX * 130)

#endif
