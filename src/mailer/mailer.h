/* The mailer's own state: one struct, made at the start, used by the loop's steps in turn. */
#ifndef MAILER_MAILER_H
#define MAILER_MAILER_H

#include "alarm.h"
#include "bounce.h"
#include "gatepost/config.h"
#include "gatepost/proc.h"
#include "gatepost/store_client.h"
#include "hand.h"
#include "mail_queue.h"
#include "message.h"
#include "relays.h"
#include "sched.h"
#include "transport.h"

#define HAND_MAX       20000  /* deliveries in hand; beyond it jobs wait in the outbox */
#define REMEMBERED_MAX 262144 /* settled jobs that are known again */
#define REMEMBER_S     300    /* for so long */
#define SETTLE_ASK_S   60     /* deadline of one ask */
#define STORE_PAUSE_MS 1000   /* after the store said busy */
#define EXPIRE_SCAN_S  10     /* how often waiting letters are looked at for their age */
#define RELAY_LOG_S    600    /* a relay that stays away is logged this often */
#define CLOCK_JUMP_MS  2000   /* back by more: due times in the outbox may be far ahead */

struct intake;
struct lmtp_server;
struct sweep;

struct mailer {
    struct heritage *heritage;
    const struct config *config;
    struct segment *segment;
    struct secret mail_key;
    struct dkim *dkim;                              /* NULL: letters go unsigned */
    struct relay_secrets relay_secrets[RELAYS_MAX]; /* by the relay's number */
    struct store_client *store;
    struct transport *transport;
    struct hand *hand;
    struct mail_queue *queue; /* of those in hand that wait or are under way */
    struct relays relays;     /* in the transport's order */
    size_t lanes;             /* of all relays */
    struct sched sched;
    struct alarm alarm;
    struct letter_head letter_head;
    struct return_path return_path;
    struct intake *intake;
    struct sweep *sweep;
    struct bounce_rules bounce_rules;
    struct lmtp_server *bounces; /* NULL: no mail.bounce_socket */
    mono_ns settle_at;           /* no settle asks before: the store is busy */
    mono_ns claim_at;            /* no claims before */
    mono_ns expire_scan_at;      /* next look at the age of what waits */
    mono_ns watch_at;            /* next look of watch.c */
    mono_ns sandbox_at;          /* next look at what the sandbox reaches */
    bool outdated;               /* that is why it is stopping */
    uint64_t orders_seen;        /* BOARD_MAIL_ORDERS, as of the last look */
    uint64_t stops_seen;         /* BOARD_MAIL_STOPS, as of the last look */
    wall_ms stopped_at;          /* when that had grown; 0: not in our time */
    mono_ns orders_again_at; /* the sweep that an order asked for is made once more then; 0: no */
    bool stopping;
    bool is_called;  /* the master has said something, as of the last wait */
    mono_ns stop_at; /* with stopping: the end, whatever is still under way */
    char letter[LETTER_MAX_BYTES];
};

/* settle.c: the word to the store. The delivery is TO_SETTLE from then on; reply is copied. */
void settle_delivered(struct mailer *mailer, struct delivery *delivery, struct slice reply);
void settle_retry(struct mailer *mailer, struct delivery *delivery, struct slice reply,
                  wall_ms due);
void settle_refused(struct mailer *mailer, struct delivery *delivery, struct slice reply);
/* A row that is no letter: settled without ever having been in hand. False: ask again later. */
MUST_USE bool settle_nonsense(struct mailer *mailer, const struct uuid *job_id);
void settle_turn(struct mailer *mailer, mono_ns now);

/* orders.c: what an operator wants of the mail, as the store tells it by the board. */
void orders_turn(struct mailer *mailer, mono_ns now);
bool orders_paused(const struct mailer *mailer); /* nothing new is to be sent */

/* claim.c: is it still wanted? */
void claim_turn(struct mailer *mailer, mono_ns now);

/* dispatch.c: into the queue, from the queue to the transport, and what comes back. */
enum taken {
    TAKEN,       /* or it was in hand before */
    TAKEN_LATER, /* not now; others may */
    TAKEN_FULL,
};
/* request: the id of the HTTP request that it is of, where that is known; copied. */
MUST_USE enum taken dispatch_take(struct mailer *mailer, const struct mail_job *job,
                                  struct slice request, enum hand_seen seen, uint32_t tries,
                                  wall_ms due);
/* When there may be more to send without anything having happened; UINT64_MAX: never. */
mono_ns dispatch_next_at(const struct mailer *mailer, mono_ns now);
void dispatch_turn(struct mailer *mailer, mono_ns now);
void dispatch_on_outcome(void *context, struct delivery *delivery, const struct outcome *outcome);

#endif
