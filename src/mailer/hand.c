/* The table of deliveries in hand and the memory of settled jobs.
 *
 * Two hash tables over job ids. In hand: chains through the deliveries. Remembered: a ring of the
 * last settled jobs, chained by index, so the oldest gives way and memory is constant. The hash
 * has a random key, because job ids in a lane are chosen by a worker that may be in foreign hands.
 */
#include "hand.h"

#include <stdlib.h>

#include "gatepost/config.h"
#include "gatepost/log.h"
#include "gatepost/secret.h"

#define NOBODY UINT32_MAX
#define STATES (DELIVERY_STUCK + 1)

TAILQ_HEAD(delivery_list, delivery);

struct remembered {
    struct uuid job_id;
    mono_ns until; /* 0: the place is empty */
    uint32_t next; /* in its chain */
};

struct hand {
    uint64_t hash_key[2];
    size_t max;
    size_t count;
    size_t bucket_count; /* of both tables' heads: powers of two */
    struct delivery **buckets;
    struct delivery_list lists[STATES];
    size_t list_counts[STATES];
    size_t remembered_max;
    size_t remembered_at; /* where the next one goes: the oldest */
    struct remembered *remembered;
    uint32_t *remembered_heads; /* remembered_max of them */
};

struct hand *hand_new(size_t max, size_t remembered_max)
{
    BUG_ON(max == 0 || remembered_max == 0 || (remembered_max & (remembered_max - 1)) != 0);
    struct hand *hand = xcalloc(1, sizeof(*hand));

    random_bytes(hand->hash_key, sizeof(hand->hash_key));
    hand->max = max;
    for (hand->bucket_count = 1; hand->bucket_count < max; hand->bucket_count *= 2)
        continue;
    hand->buckets = xcalloc(hand->bucket_count, sizeof(struct delivery *));
    for (size_t i = 0; i < STATES; i++)
        TAILQ_INIT(&hand->lists[i]);
    hand->remembered_max = remembered_max;
    hand->remembered = xcalloc(remembered_max, sizeof(struct remembered));
    hand->remembered_heads = xcalloc(remembered_max, sizeof(uint32_t));
    memset(hand->remembered_heads, 0xff, remembered_max * sizeof(uint32_t));
    return hand;
}

static void delivery_free(struct delivery *delivery)
{
    free(delivery->reply);
    free(delivery->request);
    free(delivery);
}

void delivery_name_request(struct delivery *delivery, struct slice request)
{
    if (!request_id_is_safe(request))
        return;
    free(delivery->request);
    delivery->request = xcalloc(1, request.len + 1);
    memcpy(delivery->request, request.at, request.len);
}

void delivery_log_about(const struct delivery *delivery)
{
    log_about(delivery->request != NULL ? delivery->request : "");
}

void hand_free(struct hand **hand)
{
    if (*hand == NULL)
        return;
    for (size_t i = 0; i < STATES; i++) {
        struct delivery *delivery;
        while ((delivery = TAILQ_FIRST(&(*hand)->lists[i])) != NULL) {
            TAILQ_REMOVE(&(*hand)->lists[i], delivery, link);
            delivery_free(delivery);
        }
    }
    free((*hand)->buckets);
    free((*hand)->remembered);
    free((*hand)->remembered_heads);
    free(*hand);
    *hand = NULL;
}

/* Both halves multiplied under the key, the product folded (the mixing step of wyhash). */
static size_t job_hash(const struct hand *hand, const struct uuid *job_id)
{
    uint64_t halves[2];
    memcpy(halves, job_id->bytes, sizeof(halves));
    __uint128_t product =
        (__uint128_t)(halves[0] ^ hand->hash_key[0]) * (__uint128_t)(halves[1] ^ hand->hash_key[1]);
    return (size_t)((uint64_t)product ^ (uint64_t)(product >> 64));
}

static struct delivery **bucket_of(const struct hand *hand, const struct uuid *job_id)
{
    return &hand->buckets[job_hash(hand, job_id) & (hand->bucket_count - 1)];
}

static uint32_t *remembered_head_of(const struct hand *hand, const struct uuid *job_id)
{
    return &hand->remembered_heads[job_hash(hand, job_id) & (hand->remembered_max - 1)];
}

static bool is_in_hand(const struct hand *hand, const struct uuid *job_id)
{
    const struct delivery *at = *bucket_of(hand, job_id);
    while (at != NULL && !uuid_equal(&at->job_id, job_id))
        at = at->hash_next;
    return at != NULL;
}

/* A job may be remembered twice (a retry, then its end); the later one counts. */
static bool is_remembered(const struct hand *hand, const struct uuid *job_id, mono_ns now)
{
    for (uint32_t i = *remembered_head_of(hand, job_id); i != NOBODY;
         i = hand->remembered[i].next) {
        if (hand->remembered[i].until > now && uuid_equal(&hand->remembered[i].job_id, job_id))
            return true;
    }
    return false;
}

static void forget_oldest(struct hand *hand)
{
    struct remembered *oldest = &hand->remembered[hand->remembered_at];
    if (oldest->until == 0)
        return;
    uint32_t *at = remembered_head_of(hand, &oldest->job_id);
    while (*at != hand->remembered_at)
        at = &hand->remembered[*at].next;
    *at = oldest->next;
}

static void remember(struct hand *hand, const struct uuid *job_id, mono_ns until)
{
    forget_oldest(hand);
    uint32_t *head = remembered_head_of(hand, job_id);
    hand->remembered[hand->remembered_at] = (struct remembered){
        .job_id = *job_id,
        .until = until == 0 ? 1 : until,
        .next = *head,
    };
    *head = (uint32_t)hand->remembered_at;
    hand->remembered_at = (hand->remembered_at + 1) & (hand->remembered_max - 1);
}

static struct delivery *delivery_new(const struct mail_job *job, uint32_t tries)
{
    struct delivery *delivery =
        xcalloc(1, sizeof(*delivery) + job->to.len + 1 + job->username.len + 1);

    delivery->job_id = job->job_id;
    delivery->proof_id = job->proof_id;
    delivery->purpose = job->purpose;
    BUG_ON(!slice_to_text(job->language, delivery->language, sizeof(delivery->language)));
    delivery->avoid = RELAYS_MAX;
    delivery->tries = tries;
    delivery->created = job->created;
    delivery->expires = job->expires;
    delivery->username = delivery->to + job->to.len + 1;
    memcpy(delivery->to, job->to.at, job->to.len);
    if (job->username.len > 0)
        memcpy(delivery->username, job->username.at, job->username.len);
    return delivery;
}

enum hand_taken hand_take(struct hand *hand, const struct mail_job *job, enum hand_seen seen,
                          uint32_t tries, mono_ns now)
{
    if (is_in_hand(hand, &job->job_id) ||
        (seen == HAND_SEEN_IN_LANE && is_remembered(hand, &job->job_id, now)))
        return HAND_KNOWN;
    if (hand_is_full(hand))
        return HAND_FULL;

    struct delivery *delivery = delivery_new(job, tries);
    struct delivery **bucket = bucket_of(hand, &job->job_id);
    delivery->hand = hand;
    delivery->hash_next = *bucket;
    *bucket = delivery;
    delivery->state = DELIVERY_WAITING;
    TAILQ_INSERT_TAIL(&hand->lists[DELIVERY_WAITING], delivery, link);
    hand->list_counts[DELIVERY_WAITING]++;
    hand->count++;
    return HAND_TAKEN;
}

size_t hand_count(const struct hand *hand)
{
    return hand->count;
}

bool hand_is_full(const struct hand *hand)
{
    return hand->count >= hand->max;
}

struct delivery *hand_first(const struct hand *hand, enum delivery_state state)
{
    return TAILQ_FIRST(&hand->lists[state]);
}

struct delivery *hand_last(const struct hand *hand, enum delivery_state state)
{
    return TAILQ_LAST(&hand->lists[state], delivery_list);
}

struct delivery *hand_next(struct delivery *delivery)
{
    return TAILQ_NEXT(delivery, link);
}

size_t hand_count_in(const struct hand *hand, enum delivery_state state)
{
    return hand->list_counts[state];
}

static void leave_list(struct delivery *delivery)
{
    struct hand *hand = delivery->hand;
    TAILQ_REMOVE(&hand->lists[delivery->state], delivery, link);
    hand->list_counts[delivery->state]--;
}

void hand_move(struct delivery *delivery, enum delivery_state state)
{
    leave_list(delivery);
    delivery->state = state;
    TAILQ_INSERT_TAIL(&delivery->hand->lists[state], delivery, link);
    delivery->hand->list_counts[state]++;
}

void hand_release(struct delivery **delivery, mono_ns remember_until)
{
    struct hand *hand = (*delivery)->hand;
    struct delivery **at = bucket_of(hand, &(*delivery)->job_id);

    while (*at != *delivery)
        at = &(*at)->hash_next;
    *at = (*delivery)->hash_next;
    leave_list(*delivery);
    hand->count--;
    remember(hand, &(*delivery)->job_id, remember_until);
    delivery_free(*delivery);
    *delivery = NULL;
}
