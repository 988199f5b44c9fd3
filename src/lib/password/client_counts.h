/* How many works of each client wait: a table of counts that finds the client with most. */
#ifndef GATEPOST_PASSWORD_CLIENT_COUNTS_H
#define GATEPOST_PASSWORD_CLIENT_COUNTS_H

#include "gatepost/base.h"

struct client_count {
    uint64_t client;
    uint32_t count; /* 0: the place is free */
};

struct client_counts {
    struct client_count *places;
    size_t mask; /* places less one, a power of two less one */
};

/* works_max: never more than so many counted at once. */
void client_counts_init(struct client_counts *counts, size_t works_max);
void client_counts_fini(struct client_counts *counts);

void client_counts_add(struct client_counts *counts, uint64_t client);
void client_counts_remove(struct client_counts *counts, uint64_t client);
uint32_t client_counts_of(const struct client_counts *counts, uint64_t client);

/* The one with most; count 0: nobody waits. Cost: a look at every place. */
struct client_count client_counts_most(const struct client_counts *counts);

#endif
