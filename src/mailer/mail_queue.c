/* Rings of domains, one for each urgency and place; in each domain lists of letters.
 *
 * Invariants: a domain stands in a ring exactly when it has a letter there and may have its turn
 * (update() sees to it after every change), so that taking the next letter costs the same however
 * many wait. A domain that waits for a time, not for an outcome, is in the heap.
 *
 * A domain may have all lanes while it is alone. Beside others a part of the lanes stays free of
 * each domain, and all those together that nothing has gone through to lately have only the rest:
 * a domain that swallows connections, or many of them, cannot take the last lanes from those that
 * work. */
#include "mail_queue.h"

#include <stdlib.h>

#include "domains.h"

#define STRIKES_MAX   3U  /* deferrals in a row; from then on each one is trouble */
#define CLAIMS_A_LANE 16U /* letters of a domain that are claimed ahead, for each lane it has */

struct mail_queue {
    struct mail_queue_limits limits;
    unsigned reserve; /* lanes that one domain beside others leaves free */
    struct domains domains;
    struct domain_list rings[URGENCIES][RINGS];
    struct urgency_turns sending, claiming;
    bool unproven_turn[URGENCIES];
    size_t unproven_under_way;
    size_t waiting;  /* letters in all domains' lists */
    uint64_t doubts; /* how often all claims were voided */
};

struct mail_queue *mail_queue_new(const struct mail_queue_limits *limits, const uint64_t key[2])
{
    struct mail_queue *queue = xcalloc(1, sizeof(*queue));

    BUG_ON(limits->lanes == 0);
    queue->limits = *limits;
    if (limits->by_domain && limits->lanes > 1)
        queue->reserve = limits->lanes >= 8 ? limits->lanes / 4 : 1;
    domains_init(&queue->domains, limits->letters_max, key);
    for (size_t i = 0; i < URGENCIES; i++) {
        for (size_t ring = 0; ring < RINGS; ring++)
            TAILQ_INIT(&queue->rings[i][ring]);
    }
    return queue;
}

void mail_queue_free(struct mail_queue **queue)
{
    if (*queue == NULL)
        return;
    domains_fini(&(*queue)->domains);
    free(*queue);
    *queue = NULL;
}

/* ---- may a domain have its turn? ----------------------------------------------------------------
 */

/* Letters that it may have under way beside the others. */
static size_t share_of(const struct mail_queue *queue)
{
    return queue->domains.count > 1 ? queue->limits.lanes - queue->reserve : queue->limits.lanes;
}

static bool is_open(const struct mail_queue *queue, const struct domain *domain, mono_ns now)
{
    if (!queue->limits.by_domain)
        return true;
    return circuit_room(&domain->circuit, domain->under_way, now) > 0 &&
           domain->under_way < share_of(queue) && pace_next_at(&domain->pace, now) <= now;
}

static bool is_claimable(const struct domain *domain, mono_ns now)
{
    return now >= domain->circuit.resume_at &&
           domain->claiming + domain->waiting_count[PLACE_READY] <
               (size_t)domain->circuit.allowed * CLAIMS_A_LANE;
}

static void enter_ring(struct mail_queue *queue, struct domain *domain, size_t urgency,
                       enum domain_place place, enum domain_ring ring)
{
    enum domain_ring was = domain->ring[urgency][place];

    if (was == ring)
        return;
    if (was != RINGS)
        TAILQ_REMOVE(&queue->rings[urgency][was], domain, ring_link[urgency][place]);
    domain->ring[urgency][place] = ring;
    if (ring != RINGS)
        TAILQ_INSERT_TAIL(&queue->rings[urgency][ring], domain, ring_link[urgency][place]);
}

/* When time alone may open it; 0: time alone does not. */
static mono_ns opens_at(const struct mail_queue *queue, const struct domain *domain, mono_ns now)
{
    if (!queue->limits.by_domain || domain->under_way >= domain->circuit.allowed)
        return 0;
    mono_ns at = pace_next_at(&domain->pace, now);
    if (domain->circuit.resume_at > at)
        at = domain->circuit.resume_at;
    return at > now ? at : 0;
}

/* After every change of a domain. */
static void update(struct mail_queue *queue, struct domain *domain, mono_ns now)
{
    size_t ready = domain->waiting_count[PLACE_READY];
    size_t unclaimed = domain->waiting_count[PLACE_UNCLAIMED];
    bool open = ready > 0 && is_open(queue, domain, now);
    bool claimable = unclaimed > 0 && is_claimable(domain, now);
    enum domain_ring ring = domain->is_proven ? RING_PROVEN : RING_UNPROVEN;

    for (size_t i = 0; i < URGENCIES; i++) {
        bool has_ready = open && !TAILQ_EMPTY(&domain->waiting[i][PLACE_READY]);
        bool has_unclaimed = claimable && !TAILQ_EMPTY(&domain->waiting[i][PLACE_UNCLAIMED]);
        enter_ring(queue, domain, i, PLACE_READY, has_ready ? ring : RINGS);
        enter_ring(queue, domain, i, PLACE_UNCLAIMED, has_unclaimed ? RING_UNCLAIMED : RINGS);
    }
    mono_ns at = ready + unclaimed > 0 ? opens_at(queue, domain, now) : 0;
    if (at != 0)
        domains_wait_until(&queue->domains, domain, at);
    else
        domains_wait_no_more(&queue->domains, domain);
    if (ready + unclaimed + domain->claiming + domain->under_way == 0 && !domain->is_idle)
        domains_rest(&queue->domains, domain, now);
}

static void wake(struct mail_queue *queue, mono_ns now)
{
    struct domain *domain;

    domains_forget(&queue->domains, now);
    while ((domain = domains_first_waiting(&queue->domains)) != NULL && domain->opens_at <= now) {
        domains_wait_no_more(&queue->domains, domain);
        update(queue, domain, now);
    }
}

/* ---- letters come and go ------------------------------------------------------------------------
 */

static struct domain *domain_of(struct mail_queue *queue, const char *address)
{
    const struct mail_queue_limits *limits = &queue->limits;
    struct domain *domain = domains_find(&queue->domains, domain_name_of(address));
    unsigned most = limits->lanes;

    if (domain != NULL) {
        domains_wake(&queue->domains, domain);
        return domain;
    }
    domain = domains_add(&queue->domains, domain_name_of(address));
    if (limits->domain_connections != 0 && limits->domain_connections < most)
        most = limits->domain_connections;
    circuit_init(&domain->circuit, most, limits->by_domain && most > 1 ? most / 2 : most,
                 limits->first_s, limits->max_s);
    pace_init(&domain->pace, limits->domain_rate);
    domain->is_proven = !limits->by_domain;
    return domain;
}

static void enter(struct mail_queue *queue, struct domain *domain, struct delivery *delivery,
                  enum domain_place place, bool at_front)
{
    struct mail_queue_list *list = &domain->waiting[delivery->urgency][place];

    delivery->domain = domain;
    delivery->place = (uint8_t)place;
    domain->waiting_count[place]++;
    queue->waiting++;
    if (at_front)
        TAILQ_INSERT_HEAD(list, delivery, queue_link);
    else
        TAILQ_INSERT_TAIL(list, delivery, queue_link);
}

static void leave(struct mail_queue *queue, struct delivery *delivery)
{
    struct domain *domain = delivery->domain;

    TAILQ_REMOVE(&domain->waiting[delivery->urgency][delivery->place], delivery, queue_link);
    domain->waiting_count[delivery->place]--;
    queue->waiting--;
    delivery->place = PLACES;
}

void mail_queue_add(struct mail_queue *queue, struct delivery *delivery, bool is_fresh, mono_ns now)
{
    struct domain *domain = domain_of(queue, delivery->to);

    delivery->urgency = (uint8_t)urgency_of(delivery->purpose);
    if (is_fresh)
        delivery->good_until = now + MAIL_QUEUE_CLAIM_S * NS_PER_S;
    delivery->doubts = queue->doubts;
    enter(queue, domain, delivery, is_fresh ? PLACE_READY : PLACE_UNCLAIMED, false);
    update(queue, domain, now);
}

void mail_queue_doubt(struct mail_queue *queue)
{
    queue->doubts++;
}

void mail_queue_put_back(struct mail_queue *queue, struct delivery *delivery, bool at_front,
                         mono_ns now)
{
    struct domain *domain = domain_of(queue, delivery->to);

    enter(queue, domain, delivery, PLACE_READY, at_front);
    update(queue, domain, now);
}

void mail_queue_remove(struct mail_queue *queue, struct delivery *delivery, mono_ns now)
{
    struct domain *domain = delivery->domain;

    leave(queue, delivery);
    delivery->domain = NULL;
    update(queue, domain, now);
}

/* ---- the next one -------------------------------------------------------------------------------
 */

/* The ring to take from, of those that are READY in that urgency; NULL: neither has one. The two
 * take turns, so that new domains are not held up by busy ones. */
static struct domain_list *ready_ring(struct mail_queue *queue, size_t urgency)
{
    struct domain_list *proven = &queue->rings[urgency][RING_PROVEN];
    struct domain_list *unproven = &queue->rings[urgency][RING_UNPROVEN];
    bool has_unproven =
        !TAILQ_EMPTY(unproven) && queue->unproven_under_way < queue->limits.lanes - queue->reserve;

    if (has_unproven && (queue->unproven_turn[urgency] || TAILQ_EMPTY(proven)))
        return unproven;
    return TAILQ_EMPTY(proven) ? NULL : proven;
}

/* Behind the others, if it is still in that ring. */
static void go_behind(struct mail_queue *queue, struct domain *domain, size_t urgency,
                      enum domain_place place)
{
    enum domain_ring ring = domain->ring[urgency][place];

    if (ring == RINGS)
        return;
    enter_ring(queue, domain, urgency, place, RINGS);
    enter_ring(queue, domain, urgency, place, ring);
}

static void set_under_way(struct mail_queue *queue, struct delivery *delivery, mono_ns now)
{
    struct domain *domain = delivery->domain;

    domain->under_way++;
    delivery->is_unproven = !domain->is_proven;
    if (delivery->is_unproven)
        queue->unproven_under_way++;
    pace_take(&domain->pace, now);
}

struct delivery *mail_queue_take(struct mail_queue *queue, mono_ns now)
{
    wake(queue, now);
    for (;;) {
        unsigned ready = 0;
        for (size_t i = 0; i < URGENCIES; i++)
            ready |= ready_ring(queue, i) != NULL ? 1U << i : 0;
        if (ready == 0)
            return NULL;
        enum urgency urgency = urgency_choose(&queue->sending, ready);
        struct domain *domain = TAILQ_FIRST(ready_ring(queue, urgency));
        struct delivery *delivery = TAILQ_FIRST(&domain->waiting[urgency][PLACE_READY]);

        queue->unproven_turn[urgency] = domain->is_proven;
        leave(queue, delivery);
        bool is_stale = now >= delivery->good_until || delivery->doubts != queue->doubts;
        if (is_stale)
            enter(queue, domain, delivery, PLACE_UNCLAIMED, false);
        else
            set_under_way(queue, delivery, now);
        update(queue, domain, now);
        go_behind(queue, domain, urgency, PLACE_READY);
        if (!is_stale)
            return delivery;
    }
}

struct delivery *mail_queue_take_unclaimed(struct mail_queue *queue, mono_ns now)
{
    unsigned ready = 0;

    wake(queue, now);
    for (size_t i = 0; i < URGENCIES; i++)
        ready |= TAILQ_EMPTY(&queue->rings[i][RING_UNCLAIMED]) ? 0 : 1U << i;
    if (ready == 0)
        return NULL;
    enum urgency urgency = urgency_choose(&queue->claiming, ready);
    struct domain *domain = TAILQ_FIRST(&queue->rings[urgency][RING_UNCLAIMED]);
    struct delivery *delivery = TAILQ_FIRST(&domain->waiting[urgency][PLACE_UNCLAIMED]);

    leave(queue, delivery);
    delivery->doubts = queue->doubts;
    domain->claiming++;
    update(queue, domain, now);
    go_behind(queue, domain, urgency, PLACE_UNCLAIMED);
    return delivery;
}

void mail_queue_claimed(struct mail_queue *queue, struct delivery *delivery,
                        enum mail_queue_claim claim, uint64_t good_ms, mono_ns now)
{
    struct domain *domain = delivery->domain;

    BUG_ON(domain->claiming == 0);
    domain->claiming--;
    switch (claim) {
    case CLAIM_GOOD:
        delivery->good_until = now + good_ms * NS_PER_MS;
        enter(queue, domain, delivery, PLACE_READY, false);
        break;
    case CLAIM_AGAIN:
        enter(queue, domain, delivery, PLACE_UNCLAIMED, false);
        break;
    case CLAIM_GONE:
        delivery->domain = NULL;
        break;
    }
    update(queue, domain, now);
}

/* ---- what came of it ----------------------------------------------------------------------------
 */

static bool troubled(struct domain *domain, enum domain_word word, mono_ns now, uint32_t random)
{
    domain->is_proven = false;
    domain->strikes += word == DOMAIN_LOST ? STRIKES_MAX : 1;
    if (domain->strikes < STRIKES_MAX)
        return false;
    domain->strikes = STRIKES_MAX;
    return circuit_on_trouble(&domain->circuit, now, random);
}

bool mail_queue_end(struct mail_queue *queue, struct delivery *delivery, enum domain_word word,
                    mono_ns now, uint32_t random)
{
    struct domain *domain = delivery->domain;
    bool pauses = false;

    BUG_ON(domain->under_way == 0);
    domain->under_way--;
    if (delivery->is_unproven)
        queue->unproven_under_way--;
    delivery->is_unproven = false;
    delivery->domain = NULL;
    if (queue->limits.by_domain && word == DOMAIN_WORKS)
        domain_works(domain, now);
    else if (queue->limits.by_domain && word != DOMAIN_UNTOUCHED)
        pauses = troubled(domain, word, now, random);
    update(queue, domain, now);
    return pauses;
}

mono_ns mail_queue_next_at(const struct mail_queue *queue)
{
    const struct domain *domain = domains_first_waiting(&queue->domains);
    return domain != NULL ? domain->opens_at : UINT64_MAX;
}

bool mail_queue_shuns(const struct mail_queue *queue, struct slice address)
{
    char text[256];

    if (!slice_to_text(address, text, sizeof(text)))
        return false;
    const struct domain *domain = domains_find(&queue->domains, domain_name_of(text));
    if (domain == NULL || domain->strikes < STRIKES_MAX)
        return false;
    size_t most = queue->waiting < queue->limits.letters_max / 4 ? MAIL_QUEUE_SHUNNED_MAX
                                                                 : MAIL_QUEUE_SHUNNED_FEW;
    return domain->waiting_count[PLACE_READY] + domain->waiting_count[PLACE_UNCLAIMED] >= most;
}

uint64_t mail_queue_domain_number(const struct delivery *delivery)
{
    return delivery->domain->hash;
}

size_t mail_queue_domain_count(const struct mail_queue *queue)
{
    return queue->domains.count;
}
