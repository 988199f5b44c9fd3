/* Who is next, and who has to go when there is no room.
 *
 * Next is the work with the earliest turn. A work's turn is the moment of its submission, moved
 * back twice. By its priority: a login passes the sign-ups of the last two seconds, but nobody
 * waits for ever behind a stream of logins. And by what its client has waiting already, as long as
 * that takes: who floods the queue waits for himself, and a newcomer goes before all of it (start-
 * time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996, with one flow for each client).
 *
 * A full queue is shared evenly. The newcomer takes the place of a waiting re-hash, which nobody
 * waits for; else of the newest work of the client with most waiting, if that leaves the two no
 * further apart. So one address that floods the server fills what the others leave.
 *
 * Calls have a bound of their own within that, since an imported hash may take a hundred times as
 * long as one of today's. */
#include "queue.h"

#define SIGNUP_LATER_NS (2 * NS_PER_S)
#define REHASH_LATER_NS (20 * NS_PER_S)

static const mono_ns later_ns[PASSWORD_PRIORITIES] = {
    [PASSWORD_SIGNUP] = SIGNUP_LATER_NS, [PASSWORD_REHASH] = REHASH_LATER_NS};

void queue_init(struct queue *queue, size_t max)
{
    *queue = (struct queue){.max = max, .calls_max = max, .earliest_deadline = UINT64_MAX};
    client_counts_init(&queue->clients, max);
}

void queue_fini(struct queue *queue)
{
    BUG_ON(queue->waiting != 0 || queue->ended.first != NULL);
    client_counts_fini(&queue->clients);
}

/* ---- lists ------------------------------------------------------------------------------------
 */

void work_list_append(struct work_list *list, struct password_work *work)
{
    work->next = NULL;
    if (list->first == NULL)
        list->first = work;
    else
        list->last->next = work;
    list->last = work;
}

struct password_work *work_list_take(struct work_list *list)
{
    struct password_work *work = list->first;

    if (work != NULL)
        list->first = work->next;
    return work;
}

/* Behind those whose turn is not later. */
static void insert(struct work_list *list, struct password_work *work)
{
    struct password_work *before = NULL;

    if (list->first == NULL || list->last->turn <= work->turn) {
        work_list_append(list, work);
        return;
    }
    for (struct password_work *at = list->first; at->turn <= work->turn; at = at->next)
        before = at;
    work->next = before == NULL ? list->first : before->next;
    *(before == NULL ? &list->first : &before->next) = work;
}

/* before: NULL for the first of the list. */
static struct password_work *remove_after(struct work_list *list, struct password_work *before)
{
    struct password_work *work = before == NULL ? list->first : before->next;

    if (before == NULL)
        list->first = work->next;
    else
        before->next = work->next;
    if (list->last == work)
        list->last = before;
    return work;
}

/* NULL: it is not in this list. */
static struct password_work *remove_wanted(struct work_list *list,
                                           const struct password_work *wanted)
{
    struct password_work *before = NULL;

    for (struct password_work *work = list->first; work != NULL; before = work, work = work->next) {
        if (work == wanted)
            return remove_after(list, before);
    }
    return NULL;
}

/* The client's newest; NULL: it has none in this list. */
static struct password_work *remove_newest(struct work_list *list, uint64_t client)
{
    struct password_work *before = NULL;
    struct password_work *before_newest = NULL;
    bool found = false;

    for (struct password_work *work = list->first; work != NULL; before = work, work = work->next) {
        if (work->client == client) {
            before_newest = before;
            found = true;
        }
    }
    return found ? remove_after(list, before_newest) : NULL;
}

/* ---- room ---------------------------------------------------------------------------------------
 */

static void left_queue(struct queue *queue, const struct password_work *work)
{
    queue->waiting--;
    queue->calls_waiting -= !work->in_lanes;
    client_counts_remove(&queue->clients, work->client);
}

static void end(struct queue *queue, struct password_work *work)
{
    left_queue(queue, work);
    work_list_append(&queue->ended, work);
}

/* The newest of the least urgent that the client has waiting. */
static bool end_newest_of(struct queue *queue, uint64_t client)
{
    for (size_t priority = PASSWORD_PRIORITIES; priority-- > 0;) {
        for (size_t kind = 0; kind < QUEUE_KINDS; kind++) {
            struct password_work *work = remove_newest(&queue->lists[kind][priority], client);

            if (work != NULL) {
                end(queue, work);
                return true;
            }
        }
    }
    return false;
}

static bool end_a_rehash(struct queue *queue)
{
    for (size_t kind = 0; kind < QUEUE_KINDS; kind++) {
        struct password_work *work = work_list_take(&queue->lists[kind][PASSWORD_REHASH]);

        if (work != NULL) {
            end(queue, work);
            return true;
        }
    }
    return false;
}

static bool make_room(struct queue *queue, const struct password_work *newcomer)
{
    if (newcomer->priority == PASSWORD_REHASH)
        return false;
    if (end_a_rehash(queue))
        return true;
    const uint32_t own = client_counts_of(&queue->clients, newcomer->client);
    if (own == queue->waiting) /* a flood from one address is refused at the least cost */
        return false;
    const struct client_count most = client_counts_most(&queue->clients);
    return most.count >= own + 2 && end_newest_of(queue, most.client);
}

bool queue_offer(struct queue *queue, struct password_work *work)
{
    const enum queue_kind kind = work->in_lanes ? QUEUE_LANES : QUEUE_CALLS;

    if (!work->in_lanes && queue->calls_waiting >= queue->calls_max)
        return false;
    if (queue->waiting >= queue->max && !make_room(queue, work))
        return false;
    work->turn = work->submitted + later_ns[work->priority] +
                 client_counts_of(&queue->clients, work->client) * queue->apart[kind];
    insert(&queue->lists[kind][work->priority], work);
    queue->waiting++;
    queue->calls_waiting += !work->in_lanes;
    client_counts_add(&queue->clients, work->client);
    if (work->deadline < queue->earliest_deadline)
        queue->earliest_deadline = work->deadline;
    return true;
}

/* ---- out ----------------------------------------------------------------------------------------
 */

struct password_work *queue_take(struct queue *queue, enum queue_kind kind)
{
    struct work_list *next = NULL;

    for (size_t priority = 0; priority < PASSWORD_PRIORITIES; priority++) {
        struct work_list *list = &queue->lists[kind][priority];

        if (list->first != NULL && (next == NULL || list->first->turn < next->first->turn))
            next = list;
    }
    if (next == NULL)
        return NULL;
    struct password_work *work = work_list_take(next);
    left_queue(queue, work);
    return work;
}

bool queue_has(const struct queue *queue, enum queue_kind kind)
{
    for (size_t priority = 0; priority < PASSWORD_PRIORITIES; priority++) {
        if (queue->lists[kind][priority].first != NULL)
            return true;
    }
    return false;
}

bool queue_end(struct queue *queue, const struct password_work *work)
{
    for (size_t kind = 0; kind < QUEUE_KINDS; kind++) {
        for (size_t priority = 0; priority < PASSWORD_PRIORITIES; priority++) {
            struct password_work *found = remove_wanted(&queue->lists[kind][priority], work);

            if (found != NULL) {
                end(queue, found);
                return true;
            }
        }
    }
    return false;
}

static void end_overdue_of(struct queue *queue, struct work_list *list, mono_ns now, bool all)
{
    struct work_list old = *list;
    struct password_work *work;

    *list = (struct work_list){0};
    while ((work = work_list_take(&old)) != NULL) {
        if (all || now >= work->deadline) {
            end(queue, work);
            continue;
        }
        work_list_append(list, work);
        if (work->deadline < queue->earliest_deadline)
            queue->earliest_deadline = work->deadline;
    }
}

void queue_end_overdue(struct queue *queue, mono_ns now, bool all)
{
    if (!all && now < queue->earliest_deadline)
        return;
    queue->earliest_deadline = UINT64_MAX;
    for (size_t kind = 0; kind < QUEUE_KINDS; kind++) {
        for (size_t priority = 0; priority < PASSWORD_PRIORITIES; priority++)
            end_overdue_of(queue, &queue->lists[kind][priority], now, all);
    }
}
