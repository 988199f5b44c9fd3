/* What is known of each recipient domain, and its letters in the queue: a table of bounded size.
 * Private to mail_queue.c and domains.c. */
#ifndef MAILER_DOMAINS_H
#define MAILER_DOMAINS_H

#include "circuit.h"
#include "delivery.h"
#include "pace.h"
#include "urgency.h"

#define DOMAINS_IDLE_MAX 4096 /* remembered without a letter in hand */
#define DOMAIN_IDLE_S    900  /* and for so long */

/* Where a waiting letter stands with its domain. */
enum domain_place {
    PLACE_READY,     /* may be sent */
    PLACE_UNCLAIMED, /* the store is to be asked first */
    PLACES
};

/* Rings of domains that have something in a place, and may have their turn. */
enum domain_ring {
    RING_PROVEN,   /* READY, and something went through lately */
    RING_UNPROVEN, /* READY */
    RING_UNCLAIMED,
    RINGS
};

TAILQ_HEAD(mail_queue_list, delivery);
TAILQ_HEAD(domain_list, domain);

struct domain {
    uint64_t hash; /* of the name under the table's key; never 0 */
    struct domain *hash_next;
    struct mail_queue_list waiting[URGENCIES][PLACES];
    size_t waiting_count[PLACES];
    size_t claiming;  /* letters that the store is being asked about */
    size_t under_way; /* letters that relays have */
    struct circuit circuit;
    struct pace pace;
    uint32_t strikes; /* deferrals in a row that were about the domain */
    bool is_proven;
    enum domain_ring ring[URGENCIES][PLACES]; /* RINGS: in none */
    TAILQ_ENTRY(domain) ring_link[URGENCIES][PLACES];
    TAILQ_ENTRY(domain) idle_link;
    bool is_idle;
    mono_ns idle_since;
    mono_ns opens_at; /* in the heap by this; while heap_at is not 0 */
    size_t heap_at;   /* its place there, from 1; 0: not in it */
    char name[];
};

struct domains {
    uint64_t key[2];
    size_t count;
    size_t bucket_count; /* a power of two */
    struct domain **buckets;
    struct domain_list idle; /* the longest first */
    size_t idle_count;
    struct domain **heap; /* from 1 */
    size_t heap_count, heap_max;
};

/* max: of domains with letters. key: random. */
void domains_init(struct domains *domains, size_t max, const uint64_t key[2]);
void domains_fini(struct domains *domains); /* frees every domain */

/* Of an address. */
static inline const char *domain_name_of(const char *address)
{
    const char *at = strrchr(address, '@');
    return at != NULL ? at + 1 : address;
}

/* The domain of that name, or NULL. */
struct domain *domains_find(const struct domains *domains, const char *name);

/* A new one, with nothing in it. */
struct domain *domains_add(struct domains *domains, const char *name);

/* It has nothing any more: it is remembered for a while. Others may be freed for it. */
void domains_rest(struct domains *domains, struct domain *domain, mono_ns now);
void domains_wake(struct domains *domains, struct domain *domain);

/* Frees those that have been idle for too long, a few at a time. */
void domains_forget(struct domains *domains, mono_ns now);

/* The clock: domains by the time at which they may have their turn again. */
void domains_wait_until(struct domains *domains, struct domain *domain, mono_ns at);
void domains_wait_no_more(struct domains *domains, struct domain *domain);
struct domain *domains_first_waiting(const struct domains *domains); /* or NULL */

/* A letter went through to it. */
void domain_works(struct domain *domain, mono_ns now);

#endif
