/* The queue: which letter is the next one.
 *
 * By urgency first; within it the domains that may have a letter take turns, so that no recipient,
 * no domain and no letter stands in the way of another's. A letter is in the queue, being claimed
 * (mail_queue_take_unclaimed to mail_queue_claimed), or under way (mail_queue_take to
 * mail_queue_end). */
#ifndef MAILER_MAIL_QUEUE_H
#define MAILER_MAIL_QUEUE_H

#include "delivery.h"
#include "gatepost/config.h"
#include "verdict.h"

#define MAIL_QUEUE_CLAIM_S   5  /* a letter that waited longer is claimed before it is sent */
#define MAIL_QUEUE_CLAIMED_S 60 /* for so long a claim holds at most */

/* Letters in hand of a domain that is in trouble; and of each such when there are many letters. */
#define MAIL_QUEUE_SHUNNED_MAX 1250
#define MAIL_QUEUE_SHUNNED_FEW 64

struct mail_queue_limits {
    size_t letters_max;             /* in all */
    unsigned lanes;                 /* letters under way to all relays */
    bool by_domain;                 /* false: domains have no limits and no circuits */
    unsigned domain_connections;    /* to one domain; 0: no limit */
    struct config_rate domain_rate; /* of one domain */
    uint64_t first_s, max_s;        /* of a domain's pauses */
};

struct mail_queue;

struct mail_queue *mail_queue_new(const struct mail_queue_limits *limits, const uint64_t key[2]);
void mail_queue_free(struct mail_queue **queue); /* not the deliveries */

/* At its lane's end. is_fresh: it may go without a claim. */
void mail_queue_add(struct mail_queue *queue, struct delivery *delivery, bool is_fresh,
                    mono_ns now);

/* The letter that is to be sent now, or NULL. It is under way from now on. */
struct delivery *mail_queue_take(struct mail_queue *queue, mono_ns now);

/* It is under way no more; word is what its end says of its domain. random: any 32 bits. Returns
 * true when its domain is left in peace for a while from now on. */
bool mail_queue_end(struct mail_queue *queue, struct delivery *delivery, enum domain_word word,
                    mono_ns now, uint32_t random);

/* A letter that may go soon and is to be claimed before, or NULL. */
struct delivery *mail_queue_take_unclaimed(struct mail_queue *queue, mono_ns now);

/* Its claim has an answer: it may be sent within good_ms, or is to be claimed again later, or is in
 * the queue no more. */
enum mail_queue_claim { CLAIM_GOOD, CLAIM_AGAIN, CLAIM_GONE };
void mail_queue_claimed(struct mail_queue *queue, struct delivery *delivery,
                        enum mail_queue_claim claim, uint64_t good_ms, mono_ns now);

/* From now on no claim that was asked for before holds, and nothing is fresh that was added before.
 */
void mail_queue_doubt(struct mail_queue *queue);

/* What was under way, and has ended, is to be sent again: at the front of its lane, when it had its
 * turn and something stale was in its way; else at the end. */
void mail_queue_put_back(struct mail_queue *queue, struct delivery *delivery, bool at_front,
                         mono_ns now);

/* Takes a letter out that is in the queue. */
void mail_queue_remove(struct mail_queue *queue, struct delivery *delivery, mono_ns now);

/* When time alone may give the next letter: a domain's pause ends, or its rate allows one.
 * UINT64_MAX: it does not. */
mono_ns mail_queue_next_at(const struct mail_queue *queue);

/* Is the domain of that address in trouble, with enough of its letters in hand? */
bool mail_queue_shuns(const struct mail_queue *queue, struct slice address);

/* A number that stands for the delivery's domain, never 0. */
uint64_t mail_queue_domain_number(const struct delivery *delivery);

size_t mail_queue_domain_count(const struct mail_queue *queue);

#endif
