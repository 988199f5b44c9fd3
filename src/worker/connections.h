/* For server.c alone: listeners and connections. */
#ifndef WORKER_CONNECTIONS_H
#define WORKER_CONNECTIONS_H

#include "server.h"

void connections_init(struct server *server);
void connections_fini(struct server *server);

#endif
