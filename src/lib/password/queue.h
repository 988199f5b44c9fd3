/* The bounded queue before the hash threads. Not safe by itself: the engine's mutex guards it. */
#ifndef GATEPOST_PASSWORD_QUEUE_H
#define GATEPOST_PASSWORD_QUEUE_H

#include "gatepost/password.h"

#include "client_counts.h"

struct work_list {
    struct password_work *first;
    struct password_work *last;
};

void work_list_append(struct work_list *list, struct password_work *work);
struct password_work *work_list_take(struct work_list *list); /* the first; NULL: none */

enum queue_kind { QUEUE_LANES, QUEUE_CALLS, QUEUE_KINDS };

struct queue {
    size_t max;
    size_t calls_max; /* of those, how many may be calls */
    size_t waiting;   /* works in lists; never more than max */
    size_t calls_waiting;
    mono_ns earliest_deadline;  /* of those: before it there is nothing overdue */
    mono_ns apart[QUEUE_KINDS]; /* between two works of one client: what one of them takes */
    struct work_list lists[QUEUE_KINDS][PASSWORD_PRIORITIES];
    struct work_list ended; /* to be given back uncomputed; they do not count as waiting */
    struct client_counts clients;
};

/* calls_max: as max at first; apart: 0. */
void queue_init(struct queue *queue, size_t max);
void queue_fini(struct queue *queue); /* it must be empty */

/* Takes the work, or returns false when the queue is full and nobody has to make room. Whoever had
 * to is among the ended ones. */
MUST_USE bool queue_offer(struct queue *queue, struct password_work *work);

/* The next of that kind, or NULL. */
struct password_work *queue_take(struct queue *queue, enum queue_kind kind);
MUST_USE bool queue_has(const struct queue *queue, enum queue_kind kind);

/* Moves a waiting work to the ended ones. false: it does not wait here. */
bool queue_end(struct queue *queue, const struct password_work *work);

/* Moves those whose deadline has passed, or all. */
void queue_end_overdue(struct queue *queue, mono_ns now, bool all);

#endif
