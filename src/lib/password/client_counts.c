/* Open addressing with linear probing, at most half full; a removal closes the gap it leaves, so
 * that there are no tombstones and a look-up ends at the first free place. Clients' numbers are
 * mixed already (see password_work.client). Source: Knuth, TAOCP volume 3, 6.4, algorithm R. */
#include "client_counts.h"

#include <stdlib.h>

void client_counts_init(struct client_counts *counts, size_t works_max)
{
    size_t places = 4;

    while (places < 2 * works_max)
        places *= 2;
    counts->places = xcalloc(places, sizeof(counts->places[0]));
    counts->mask = places - 1;
}

void client_counts_fini(struct client_counts *counts)
{
    free(counts->places);
    counts->places = NULL;
}

/* Where the client stands, or the free place where it would. */
static size_t place_of(const struct client_counts *counts, uint64_t client)
{
    size_t at = client & counts->mask;

    while (counts->places[at].count > 0 && counts->places[at].client != client)
        at = (at + 1) & counts->mask;
    return at;
}

void client_counts_add(struct client_counts *counts, uint64_t client)
{
    struct client_count *place = &counts->places[place_of(counts, client)];

    place->client = client;
    place->count++;
}

void client_counts_remove(struct client_counts *counts, uint64_t client)
{
    size_t gap = place_of(counts, client);

    BUG_ON(counts->places[gap].count == 0);
    if (--counts->places[gap].count > 0)
        return;
    /* Whoever stands behind the gap and would have stood in it moves up. */
    for (size_t at = (gap + 1) & counts->mask; counts->places[at].count > 0;
         at = (at + 1) & counts->mask) {
        const size_t home = counts->places[at].client & counts->mask;

        if (((at - home) & counts->mask) < ((at - gap) & counts->mask))
            continue; /* it is between its home and the place after the gap */
        counts->places[gap] = counts->places[at];
        counts->places[at].count = 0;
        gap = at;
    }
}

uint32_t client_counts_of(const struct client_counts *counts, uint64_t client)
{
    return counts->places[place_of(counts, client)].count;
}

struct client_count client_counts_most(const struct client_counts *counts)
{
    struct client_count most = {.count = 0};

    for (size_t i = 0; i <= counts->mask; i++) {
        if (counts->places[i].count > most.count)
            most = counts->places[i];
    }
    return most;
}
