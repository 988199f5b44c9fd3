/* The table of domains: a hash with a random key, because strangers choose the names; an idle list,
 * the longest idle first; and a binary heap of those that wait for a time. */
#include "domains.h"

#include <stdlib.h>

#include "gatepost/siphash.h"

void domains_init(struct domains *domains, size_t max, const uint64_t key[2])
{
    *domains = (struct domains){.key = {key[0], key[1]}, .bucket_count = 1};
    while (domains->bucket_count < max + DOMAINS_IDLE_MAX)
        domains->bucket_count *= 2;
    domains->buckets = xcalloc(domains->bucket_count, sizeof(struct domain *));
    TAILQ_INIT(&domains->idle);
    domains->heap_max = 64;
    domains->heap = xcalloc(domains->heap_max + 1, sizeof(struct domain *));
}

void domains_fini(struct domains *domains)
{
    for (size_t i = 0; i < domains->bucket_count; i++) {
        struct domain *next, *domain = domains->buckets[i];
        for (; domain != NULL; domain = next) {
            next = domain->hash_next;
            free(domain);
        }
    }
    free(domains->buckets);
    free(domains->heap);
    *domains = (struct domains){0};
}

static uint64_t hash_of(const struct domains *domains, const char *name)
{
    uint64_t hash = siphash(domains->key, name, strlen(name));
    return hash != 0 ? hash : 1;
}

static struct domain **bucket_of(const struct domains *domains, uint64_t hash)
{
    return &domains->buckets[hash & (domains->bucket_count - 1)];
}

struct domain *domains_find(const struct domains *domains, const char *name)
{
    uint64_t hash = hash_of(domains, name);
    struct domain *at = *bucket_of(domains, hash);

    while (at != NULL && (at->hash != hash || strcmp(at->name, name) != 0))
        at = at->hash_next;
    return at;
}

struct domain *domains_add(struct domains *domains, const char *name)
{
    size_t bytes = strlen(name) + 1;
    struct domain *domain = xcalloc(1, sizeof(*domain) + bytes);

    domain->hash = hash_of(domains, name);
    memcpy(domain->name, name, bytes);
    for (size_t i = 0; i < URGENCIES; i++) {
        for (size_t place = 0; place < PLACES; place++) {
            TAILQ_INIT(&domain->waiting[i][place]);
            domain->ring[i][place] = RINGS;
        }
    }
    struct domain **bucket = bucket_of(domains, domain->hash);
    domain->hash_next = *bucket;
    *bucket = domain;
    domains->count++;
    return domain;
}

/* ---- idle ones ----------------------------------------------------------------------------------
 */

static void forget(struct domains *domains, struct domain *domain)
{
    struct domain **at = bucket_of(domains, domain->hash);

    domains_wake(domains, domain);
    while (*at != domain)
        at = &(*at)->hash_next;
    *at = domain->hash_next;
    domains->count--;
    free(domain);
}

void domains_rest(struct domains *domains, struct domain *domain, mono_ns now)
{
    BUG_ON(domain->is_idle);
    domains_wait_no_more(domains, domain);
    domain->is_idle = true;
    domain->idle_since = now;
    TAILQ_INSERT_TAIL(&domains->idle, domain, idle_link);
    if (++domains->idle_count > DOMAINS_IDLE_MAX)
        forget(domains, TAILQ_FIRST(&domains->idle));
}

void domains_wake(struct domains *domains, struct domain *domain)
{
    if (!domain->is_idle)
        return;
    TAILQ_REMOVE(&domains->idle, domain, idle_link);
    domains->idle_count--;
    domain->is_idle = false;
}

void domains_forget(struct domains *domains, mono_ns now)
{
    for (int i = 0; i < 64; i++) {
        struct domain *oldest = TAILQ_FIRST(&domains->idle);
        if (oldest == NULL || now < oldest->idle_since + DOMAIN_IDLE_S * NS_PER_S)
            return;
        forget(domains, oldest);
    }
}

/* ---- those that wait for a time -----------------------------------------------------------------
 */

static void heap_put(struct domains *domains, size_t at, struct domain *domain)
{
    domains->heap[at] = domain;
    domain->heap_at = at;
}

static void heap_rise(struct domains *domains, size_t at, struct domain *domain)
{
    while (at > 1 && domains->heap[at / 2]->opens_at > domain->opens_at) {
        heap_put(domains, at, domains->heap[at / 2]);
        at /= 2;
    }
    heap_put(domains, at, domain);
}

static void heap_sink(struct domains *domains, size_t at, struct domain *domain)
{
    for (;;) {
        size_t child = 2 * at;
        if (child > domains->heap_count)
            break;
        if (child < domains->heap_count &&
            domains->heap[child + 1]->opens_at < domains->heap[child]->opens_at)
            child++;
        if (domains->heap[child]->opens_at >= domain->opens_at)
            break;
        heap_put(domains, at, domains->heap[child]);
        at = child;
    }
    heap_put(domains, at, domain);
}

static void heap_grow(struct domains *domains)
{
    struct domain **larger = xcalloc(2 * domains->heap_max + 1, sizeof(struct domain *));

    memcpy(larger, domains->heap, (domains->heap_max + 1) * sizeof(struct domain *));
    free(domains->heap);
    domains->heap = larger;
    domains->heap_max *= 2;
}

void domains_wait_until(struct domains *domains, struct domain *domain, mono_ns at)
{
    if (domain->heap_at != 0 && domain->opens_at == at)
        return;
    domains_wait_no_more(domains, domain);
    if (domains->heap_count == domains->heap_max)
        heap_grow(domains);
    domain->opens_at = at;
    heap_rise(domains, ++domains->heap_count, domain);
}

void domains_wait_no_more(struct domains *domains, struct domain *domain)
{
    size_t at = domain->heap_at;

    if (at == 0)
        return;
    struct domain *last = domains->heap[domains->heap_count--];
    domain->heap_at = 0;
    if (last == domain)
        return;
    if (at > 1 && domains->heap[at / 2]->opens_at > last->opens_at)
        heap_rise(domains, at, last);
    else
        heap_sink(domains, at, last);
}

struct domain *domains_first_waiting(const struct domains *domains)
{
    return domains->heap_count > 0 ? domains->heap[1] : NULL;
}

void domain_works(struct domain *domain, mono_ns now)
{
    mono_ns broken = circuit_on_success(&domain->circuit, now);

    if (broken > 0)
        pace_warm_up(&domain->pace, now, broken);
    domain->strikes = 0;
    domain->is_proven = true;
}
