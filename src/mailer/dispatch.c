/* From the queue to the transport, and what comes back from it.
 *
 * Invariant: a letter's tries count attempts that were about the letter. What the relay does to
 * everybody (no connection, TLS, AUTH, 421) slows its circuit down, and the letter goes to another
 * relay, or to its lane's end, where it cannot hold up others. */
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/secret.h"
#include "mailer.h"
#include "relay_metrics.h"
#include "urgency.h"

static wall_ms end_of_life(const struct mailer *mailer, const struct delivery *delivery)
{
    return wall_add(delivery->created, mailer->config->mail_lifetime_s * 1000);
}

/* Is it over? A link that has expired is not the end: a claim makes a new one. */
static struct slice why_over(const struct mailer *mailer, const struct delivery *delivery,
                             wall_ms now)
{
    if (end_of_life(mailer, delivery) < now)
        return SLICE_LITERAL("not delivered within mail.lifetime_s");
    if (!mail_purpose_has_link(delivery->purpose) && delivery->expires <= now)
        return SLICE_LITERAL("too old to be of use");
    return SLICE_LITERAL("");
}

/* May it go without a claim? Straight from its lane, that is: before a sweep may have found its
 * row, and with the row as it was written. A worker that stood still announces letters that were
 * sent, put off and cancelled meanwhile. */
static bool is_fresh(const struct mailer *mailer, const struct mail_job *job, enum hand_seen seen)
{
    int64_t most_s = mailer->config->mail_sweep_s;

    if (most_s > MAIL_QUEUE_CLAIM_S)
        most_s = MAIL_QUEUE_CLAIM_S;
    return seen == HAND_SEEN_IN_LANE && job->created > mailer->stopped_at &&
           clock_wall_ms() < wall_add(job->created, most_s * 1000);
}

enum taken dispatch_take(struct mailer *mailer, const struct mail_job *job, struct slice request,
                         enum hand_seen seen, uint32_t tries, wall_ms due)
{
    /* What is in the outbox can wait there; room is kept for what comes fresh, most of it for the
     * urgent. */
    static const size_t room_for[URGENCIES] = {
        [URGENCY_HIGH] = HAND_MAX,
        [URGENCY_LINK] = HAND_MAX - HAND_MAX / 20,
        [URGENCY_NOTICE] = HAND_MAX - HAND_MAX / 10,
    };
    bool is_announced = seen == HAND_SEEN_IN_LANE;
    size_t room = is_announced ? room_for[urgency_of(job->purpose)] : HAND_MAX - HAND_MAX / 5;
    mono_ns now = clock_mono_ns();

    if (!is_announced && mail_queue_shuns(mailer->queue, job->to))
        return TAKEN_LATER;
    if (hand_count(mailer->hand) >= room)
        return TAKEN_FULL;
    switch (hand_take(mailer->hand, job, seen, tries, now)) {
    case HAND_TAKEN: {
        struct delivery *delivery = hand_last(mailer->hand, DELIVERY_WAITING);
        delivery->due = due;
        delivery_name_request(delivery, request);
        mail_queue_add(mailer->queue, delivery, is_fresh(mailer, job, seen), now);
        return TAKEN;
    }
    case HAND_KNOWN:
        return TAKEN;
    case HAND_FULL:
        break;
    }
    return TAKEN_FULL;
}

/* ---- out ----------------------------------------------------------------------------------------
 */

/* A letter that is not sent after all: its domain has not seen it. */
static void refuse(struct mailer *mailer, struct delivery *delivery, struct slice why, mono_ns now)
{
    (void)mail_queue_end(mailer->queue, delivery, DOMAIN_UNTOUCHED, now, 0);
    settle_refused(mailer, delivery, why);
}

static void hand_over(struct mailer *mailer, struct delivery *delivery, size_t len, mono_ns now)
{
    unsigned relay = relays_choose(&mailer->relays, delivery->avoid, now);

    BUG_ON(relay == RELAY_NONE);
    FAULT("m.composed");
    hand_move(delivery, DELIVERY_SENDING);
    delivery->relay = (uint8_t)relay;
    relay_begin(&mailer->relays.relay[relay], now);
    mailer->transport->send(mailer->transport, delivery, slice_of(mailer->letter, len));
}

/* Composes and hands over what the queue gave; there is room with a relay. */
static void send_one(struct mailer *mailer, struct delivery *delivery, mono_ns now)
{
    wall_ms wall = clock_wall_ms();
    struct slice over = why_over(mailer, delivery, wall);
    size_t len = 0;

    if (over.len > 0) {
        refuse(mailer, delivery, over, now);
        return;
    }
    switch (message_compose(&mailer->letter_head, delivery, wall, mailer->letter,
                            sizeof(mailer->letter), &len)) {
    case COMPOSED:
        hand_over(mailer, delivery, len, now);
        break;
    case COMPOSE_EXPIRED: /* the clock was set: a claim looks at the link */
        (void)mail_queue_end(mailer->queue, delivery, DOMAIN_UNTOUCHED, now, 0);
        mail_queue_add(mailer->queue, delivery, false, now);
        break;
    case COMPOSE_IMPOSSIBLE:
        refuse(mailer, delivery, SLICE_LITERAL("no letter can be made of this job"), now);
        break;
    }
}

/* While the relay is away nothing is composed, so age has to be looked at for its own sake. */
static void scan_ages(struct mailer *mailer, mono_ns now)
{
    if (now < mailer->expire_scan_at)
        return;
    mailer->expire_scan_at = now + EXPIRE_SCAN_S * NS_PER_S;
    wall_ms wall = clock_wall_ms();
    struct delivery *next, *delivery = hand_first(mailer->hand, DELIVERY_WAITING);
    for (; delivery != NULL; delivery = next) {
        struct slice over = why_over(mailer, delivery, wall);
        next = hand_next(delivery);
        if (over.len == 0)
            continue;
        mail_queue_remove(mailer->queue, delivery, now);
        settle_refused(mailer, delivery, over);
    }
}

/* A flush of the log takes as long as some letters do. */
enum { UNSETTLED_PER_LANE = 16 };

/* Letters whose fate is known here and not yet moved in the database. What a death of this process
 * alone repeats are the letters in transfer: the store hears a dead mailer's last words. Only if it
 * dies too, what it had been told goes with it: so a slow or absent store soon stops the sending.
 */
static bool too_much_unsettled(const struct mailer *mailer)
{
    return hand_count_in(mailer->hand, DELIVERY_TO_SETTLE) +
               hand_count_in(mailer->hand, DELIVERY_ASKED) >=
           mailer->lanes * UNSETTLED_PER_LANE;
}

void dispatch_turn(struct mailer *mailer, mono_ns now)
{
    struct delivery *delivery;

    if (mailer->stopping)
        return;
    scan_ages(mailer, now);
    if (orders_paused(mailer))
        return;
    claim_turn(mailer, now);
    while (!too_much_unsettled(mailer) && relays_have_room(&mailer->relays, now) &&
           (delivery = mail_queue_take(mailer->queue, now)) != NULL)
        send_one(mailer, delivery, now);
}

/* A time that has passed is no reason to wake: what was due then waits for something else, a
 * relay's room or the store. */
static mono_ns earlier(mono_ns a, mono_ns b, mono_ns now)
{
    return b > now && b < a ? b : a;
}

mono_ns dispatch_next_at(const struct mailer *mailer, mono_ns now)
{
    mono_ns next = UINT64_MAX;

    if (orders_paused(mailer) || hand_count_in(mailer->hand, DELIVERY_WAITING) == 0)
        return next;
    next = earlier(next, relays_next_at(&mailer->relays, now), now);
    next = earlier(next, mail_queue_next_at(mailer->queue), now);
    return earlier(next, mailer->claim_at, now);
}

/* ---- back ---------------------------------------------------------------------------------------
 */

static const char *trouble_name(enum trouble trouble)
{
    switch (trouble) {
    case TROUBLE_NONE:
    case TROUBLE_NETWORK:
        return "network";
    case TROUBLE_TLS:
        return "tls";
    case TROUBLE_LOGIN:
        return "login";
    case TROUBLE_DISK:
        return "disk";
    }
    BUG_ON("a trouble that does not exist");
    return "";
}

/* Logged at the first, then rarely: a relay that is away for a day is no news every minute. What
 * only the operator can mend is an error. */
static void log_trouble(struct mailer *mailer, struct relay *relay, const struct outcome *outcome,
                        mono_ns now)
{
    char reply[2 * DELIVERY_REPLY_MAX_BYTES];
    enum log_level level =
        outcome->trouble == TROUBLE_NETWORK ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;

    relay->troubles++;
    if (relay->logged_at != 0 && now - relay->logged_at < RELAY_LOG_S * NS_PER_S)
        return;
    relay->logged_at = now;
    log_event(level, "relay.troubled", "relay=%s kind=%s times=%llu waiting=%zu reply=%s",
              relay->name, trouble_name(outcome->trouble), (unsigned long long)relay->troubles,
              hand_count(mailer->hand), log_quoted(outcome->reply, reply, sizeof(reply)));
}

static void note_relay(struct mailer *mailer, struct delivery *delivery,
                       const struct outcome *outcome, mono_ns now, uint32_t random)
{
    struct relay *relay = &mailer->relays.relay[delivery->relay];
    const struct judgement *judgement = &outcome->judgement;
    bool perhaps_domain = judgement->domain != DOMAIN_UNTOUCHED;

    if (judgement->relay_troubled) {
        uint64_t domain = perhaps_domain ? mail_queue_domain_number(delivery) : 0;
        delivery->avoid = delivery->relay;
        if (relay_failed(relay, domain, now, random)) {
            relay_count_trouble(&mailer->transport->relays[delivery->relay]);
            log_trouble(mailer, relay, outcome, now);
        }
        return;
    }
    mono_ns broken = relay_took(relay, now);
    if (broken > 0)
        log_info("relay.recovered", "relay=%s troubles=%llu after_s=%llu", relay->name,
                 (unsigned long long)relay->troubles, (unsigned long long)(broken / NS_PER_S));
    relay->logged_at = 0;
    relay->troubles = 0;
}

static void note_domain(struct mailer *mailer, struct delivery *delivery,
                        const struct outcome *outcome, mono_ns now, uint32_t random)
{
    char reply[2 * DELIVERY_REPLY_MAX_BYTES];
    enum domain_word word = outcome->judgement.domain;

    if (outcome->judgement.greylisted &&
        !sched_is_greylisting(&mailer->sched, true, delivery->tries))
        word = DOMAIN_DEFERS; /* it has seen us come again, more than once */
    if (mail_queue_end(mailer->queue, delivery, word, now, random))
        log_info("domain.paused", "domain=%s reply=%s", strrchr(delivery->to, '@') + 1,
                 log_quoted(outcome->reply, reply, sizeof(reply)));
}

/* How long it is still worth sending. */
static int64_t left_ms(const struct mailer *mailer, const struct delivery *delivery, wall_ms now)
{
    wall_ms end = end_of_life(mailer, delivery);
    return (delivery->expires < end ? delivery->expires : end) - now;
}

static void retry(struct mailer *mailer, struct delivery *delivery, const struct outcome *outcome,
                  uint32_t random)
{
    wall_ms now = clock_wall_ms();

    if (why_over(mailer, delivery, now).len > 0) {
        settle_refused(mailer, delivery, outcome->reply);
        return;
    }
    settle_retry(mailer, delivery, outcome->reply,
                 now + (wall_ms)sched_wait_ms(&mailer->sched, outcome->judgement.greylisted,
                                              delivery->tries, left_ms(mailer, delivery, now),
                                              random));
}

void dispatch_on_outcome(void *context, struct delivery *delivery, const struct outcome *outcome)
{
    struct mailer *mailer = context;
    mono_ns now = clock_mono_ns();
    uint32_t random = 0; /* what goes well needs none */

    relay_end(&mailer->relays.relay[delivery->relay]);
    if (outcome->try_fresh) {
        delivery->fresh_connection = true;
        (void)mail_queue_end(mailer->queue, delivery, DOMAIN_UNTOUCHED, now, 0);
        hand_move(delivery, DELIVERY_WAITING);
        mail_queue_put_back(mailer->queue, delivery, true, now);
        return;
    }
    delivery->fresh_connection = false;
    if (outcome->judgement.verdict != VERDICT_DELIVERED)
        random_bytes(&random, sizeof(random));
    note_relay(mailer, delivery, outcome, now, random);
    note_domain(mailer, delivery, outcome, now, random);
    switch (outcome->judgement.verdict) {
    case VERDICT_DELIVERED:
        settle_delivered(mailer, delivery, outcome->reply);
        break;
    case VERDICT_RETRY:
        retry(mailer, delivery, outcome, random);
        break;
    case VERDICT_REFUSED:
        settle_refused(mailer, delivery, outcome->reply);
        break;
    case VERDICT_RELAY:
        hand_move(delivery, DELIVERY_WAITING);
        mail_queue_put_back(mailer->queue, delivery, false, now);
        break;
    }
}
