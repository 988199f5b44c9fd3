/* The forbidden calls, as a table, and what each is tried on. */
#ifndef SANDBOX_TRIAL_H
#define SANDBOX_TRIAL_H

#include "gatepost/sandbox.h"

#define TRIAL_PAGE_BYTES 4096

/* Made outside of the sandbox, so that without one the plain calls succeed: a trial that cannot
 * fail proves nothing. */
struct bench {
    const struct config *config;
    int tcp_fd, bound_fd, udp_fd;
    char file[64]; /* in /tmp; to be removed */
    void *page;    /* to read and write */
};

struct trial {
    unsigned roles; /* to whom it is forbidden, as bits */
    const char *name;
    long (*call)(const struct bench *bench);          /* -1 with errno is a refusal */
    const char *(*path)(const struct config *config); /* instead of a call: to open that */
};

const struct trial *trial_of(size_t number);

#endif
