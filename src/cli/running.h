/* The running server, as the commands reload, stop and status see it. Private to this folder. */
#ifndef GATEPOST_CLI_RUNNING_H
#define GATEPOST_CLI_RUNNING_H

#include <sys/types.h>

#include "gatepost/config.h"

struct running {
    struct config *config;
    pid_t pid; /* 0: no server runs */
};

/* Loads the configuration and looks who holds its pid file. Prints what is wrong.
 * Returns EXIT_DONE with *running_out filled, EXIT_CONFIG, CLI_NOT_RUNNING, or EXIT_FAILED when
 * the lock is held by nobody that can be trusted to be the server.
 * Owner: the caller; running_fini. */
MUST_USE int running_find(const struct config_source *source, struct running *running_out);
/* The same for who only looks: with a wrong configuration it goes on with what can be read of it,
 * and returns EXIT_CONFIG when that leads to no server. */
MUST_USE int running_find_anyhow(const struct config_source *source, struct running *running_out);
void running_fini(struct running *running);

/* Does that server still hold its pid file, or its children? */
bool running_still(const struct running *running);

/* The status page, whole. Returns false when nobody answers there. Gives: heap text. */
MUST_USE bool running_read_page(const struct running *running, char **page_out, struct err *err);

/* The text after "key: " on the page's first line of that key, cut at the array's size; false when
 * there is none. */
MUST_USE bool page_find(const char *page, const char *key, char *text_out, size_t text_bytes);

void pause_ms(uint32_t ms);

#endif
