/* Clients that left while their request is with the hash threads. */
#ifndef WORKER_GONE_H
#define WORKER_GONE_H

#include "worker.h"

/* Gives up the requests of those who are gone. Who calls it: the loop, now and then while a hash is
 * under way. Cost: one poll(2) over their sockets. */
void gone_look(struct worker *worker);

#endif
