/* One letter to be delivered, from the job that asked for it to the store's word that it is
 * settled.
 *
 * States: WAITING (in the queue) -> SENDING (the transport has it) -> TO_SETTLE (the verdict is
 * known) -> ASKED (the store has been told) -> released. A letter that is not fresh goes from
 * WAITING to CLAIMING (the store is asked whether it is still wanted) and back, or is released. A
 * failure of the relay takes it from SENDING back to WAITING; a store that is busy or away from
 * ASKED back to TO_SETTLE. */
#ifndef MAILER_DELIVERY_H
#define MAILER_DELIVERY_H

#include <sys/queue.h>

#include "gatepost/store_messages.h"

#define DELIVERY_REPLY_MAX_BYTES 512 /* as outbox_settle_ask.reply */

enum delivery_state {
    DELIVERY_WAITING,
    DELIVERY_CLAIMING,
    DELIVERY_SENDING,
    DELIVERY_TO_SETTLE,
    DELIVERY_ASKED,
    DELIVERY_STUCK, /* the store refuses to settle it: held, so that it is not sent again */
};

struct domain;
struct hand;
struct mailer;

struct delivery {
    struct uuid job_id;    /* the outbox row's key; the letter's Message-ID */
    struct uuid proof_id;  /* what the link proves */
    uint8_t purpose;       /* enum mail_purpose, known */
    uint8_t relay;         /* SENDING: index into the transport's relays */
    uint8_t avoid;         /* the relay that failed with it last; RELAYS_MAX: none */
    uint8_t urgency;       /* enum urgency; from here on to queue_link: private to mail_queue.c */
    uint8_t place;         /* which of its domain's lists it is in */
    bool is_unproven;      /* under way, to a domain that had not worked lately */
    mono_ns good_until;    /* may be sent without a claim, if the queue's doubts are still */
    uint64_t doubts;       /* as many as then */
    struct domain *domain; /* NULL: not in the queue, nor under way */
    TAILQ_ENTRY(delivery) queue_link;
    enum delivery_state state;   /* also says which list it is in */
    bool fresh_connection;       /* a reused connection failed: use a new one */
    enum outbox_verdict verdict; /* from TO_SETTLE on */
    uint32_t tries;              /* before this one, as the row says */
    char language[36];           /* BCP 47, or "" */
    wall_ms created;             /* of the job */
    wall_ms expires;             /* of the proof */
    wall_ms due;                 /* of the row as we saw it; from TO_SETTLE on of OUTBOX_RETRY */
    char *reply;                 /* from TO_SETTLE on: heap text, or NULL */
    char *username;              /* NUL-terminated, no control characters; in this allocation */
    const char *judge;           /* from TO_SETTLE on: the relay that judged, "" if none did */
    char *request;              /* heap text: id of the HTTP request that it is of; NULL: unknown */
    struct mailer *mailer;      /* CLAIMING and from TO_SETTLE on: who asks */
    struct hand *hand;          /* whose it is */
    struct delivery *hash_next; /* private to hand.c */
    TAILQ_ENTRY(delivery) link; /* private to hand.c */
    char to[];                  /* NUL-terminated canonical address; the username follows */
};

/* Sets request; one that is not safe stays unknown. Who calls it: dispatch_take. */
void delivery_name_request(struct delivery *delivery, struct slice request);

/* What is logged from here on, until log_about(""), names it. */
void delivery_log_about(const struct delivery *delivery);

#endif
