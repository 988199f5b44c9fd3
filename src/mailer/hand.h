/* What the mailer has in hand, and what it settled in the last minutes: the reason why a job that
 * is seen again (in a lane, in the outbox) makes no second letter. Bounded both. */
#ifndef MAILER_HAND_H
#define MAILER_HAND_H

#include "delivery.h"

struct hand;

/* max: most deliveries at once. remembered_max: a power of two. */
struct hand *hand_new(size_t max, size_t remembered_max);

/* Frees it with every delivery that is left: their rows stay pending. */
void hand_free(struct hand **hand);

enum hand_taken { HAND_TAKEN, HAND_KNOWN, HAND_FULL };

/* A job that has been checked. seen: by whom. What was read in the outbox is claimed before it is
 * sent, so the store says whether it was settled meanwhile; what a lane announced is not, so only
 * our memory tells that it was. */
enum hand_seen { HAND_SEEN_IN_LANE, HAND_SEEN_IN_OUTBOX };

/* Takes a job; its texts are copied. HAND_KNOWN: in hand, or (in a lane) settled and remembered
 * until later than now. A new delivery is WAITING, at the end of that list. */
MUST_USE enum hand_taken hand_take(struct hand *hand, const struct mail_job *job,
                                   enum hand_seen seen, uint32_t tries, mono_ns now);

size_t hand_count(const struct hand *hand);
bool hand_is_full(const struct hand *hand);

/* The first of the deliveries in that state, in the order in which they came into it, or NULL. */
struct delivery *hand_first(const struct hand *hand, enum delivery_state state);
struct delivery *hand_last(const struct hand *hand, enum delivery_state state);
struct delivery *hand_next(struct delivery *delivery);
size_t hand_count_in(const struct hand *hand, enum delivery_state state);

/* Moves a delivery to the end of another state's list. */
void hand_move(struct delivery *delivery, enum delivery_state state);

/* Settled: frees the delivery and remembers its job until then. */
void hand_release(struct delivery **delivery, mono_ns remember_until);

#endif
