/* What became of each request: counted always, one log line each with log.access. */
#ifndef WORKER_ACCESS_LOG_H
#define WORKER_ACCESS_LOG_H

#include <h2o.h>

#include "worker.h"

/* Registers for every request that ends on this path, those that libh2o answers included. */
void access_log_register(h2o_pathconf_t *path, struct worker *worker);

#endif
