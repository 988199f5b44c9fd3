/* From the queue to the transport, and what comes back from it.
 *
 * Invariant: a letter's tries count attempts that were about the letter. What the relay does to
 * everybody (no connection, TLS, AUTH, 421) slows the circuit down and puts the letter at the
 * queue's end, where it cannot hold up others. */
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/secret.h"
#include "mailer.h"

static bool is_too_old(const struct mailer *mailer, const struct delivery *delivery, wall_ms now)
{
    return wall_add(delivery->created, mailer->config->mail_lifetime_s * 1000) < now;
}

/* Refuses what nobody needs any more. Returns true when the delivery is out of the queue. */
static bool refuse_if_over(struct mailer *mailer, struct delivery *delivery, wall_ms now)
{
    if (delivery->expires <= now)
        settle_refused(mailer, delivery, SLICE_LITERAL("link expired"));
    else if (is_too_old(mailer, delivery, now))
        settle_refused(mailer, delivery, SLICE_LITERAL("not delivered within mail.lifetime_s"));
    else
        return false;
    return true;
}

/* Composes and hands over the first in the queue. */
static void send_one(struct mailer *mailer, struct delivery *delivery, unsigned relay)
{
    wall_ms now = clock_wall_ms();
    size_t len = 0;

    if (refuse_if_over(mailer, delivery, now))
        return;
    switch (message_compose(&mailer->letter_head, delivery, now, mailer->letter,
                            sizeof(mailer->letter), &len)) {
    case COMPOSED:
        FAULT("m.composed");
        hand_move(delivery, DELIVERY_SENDING);
        delivery->relay = (uint8_t)relay;
        mailer->relays[relay].under_way++;
        mailer->transport->send(mailer->transport, delivery, slice_of(mailer->letter, len));
        break;
    case COMPOSE_EXPIRED:
        settle_refused(mailer, delivery, SLICE_LITERAL("link expired"));
        break;
    case COMPOSE_IMPOSSIBLE:
        settle_refused(mailer, delivery, SLICE_LITERAL("no letter can be made of this job"));
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
        next = hand_next(delivery);
        (void)refuse_if_over(mailer, delivery, wall);
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
    size_t lanes = 0;

    for (unsigned i = 0; i < mailer->transport->relay_count; i++)
        lanes += mailer->transport->relays[i].lanes;
    return hand_count_in(mailer->hand, DELIVERY_TO_SETTLE) +
               hand_count_in(mailer->hand, DELIVERY_ASKED) >=
           lanes * UNSETTLED_PER_LANE;
}

/* The first in the order of configuration that may have a letter; relay_count: none. */
static unsigned choose_relay(const struct mailer *mailer, mono_ns now)
{
    unsigned relay = 0;

    while (relay < mailer->transport->relay_count && relay_room(&mailer->relays[relay], now) == 0)
        relay++;
    return relay;
}

void dispatch_turn(struct mailer *mailer, mono_ns now)
{
    struct delivery *delivery;
    unsigned relay;

    if (mailer->stopping)
        return;
    scan_ages(mailer, now);
    if (orders_paused(mailer))
        return;
    while (!too_much_unsettled(mailer) &&
           (relay = choose_relay(mailer, now)) < mailer->transport->relay_count &&
           (delivery = hand_first(mailer->hand, DELIVERY_WAITING)) != NULL)
        send_one(mailer, delivery, relay);
}

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
static void log_trouble(struct mailer *mailer, unsigned number, const struct outcome *outcome,
                        mono_ns now)
{
    struct relay *relay = &mailer->relays[number];
    char reply[2 * DELIVERY_REPLY_MAX_BYTES];
    enum log_level level =
        outcome->trouble == TROUBLE_NETWORK ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;

    relay->troubles++;
    if (relay->logged_at != 0 && now - relay->logged_at < RELAY_LOG_S * NS_PER_S)
        return;
    relay->logged_at = now;
    log_event(level, "relay.troubled", "relay=%s kind=%s times=%llu waiting=%zu reply=%s",
              mailer->transport->relays[number].name, trouble_name(outcome->trouble),
              (unsigned long long)relay->troubles, hand_count(mailer->hand),
              log_quoted(outcome->reply, reply, sizeof(reply)));
}

static void note_relay(struct mailer *mailer, unsigned number, const struct outcome *outcome,
                       mono_ns now)
{
    struct relay *relay = &mailer->relays[number];
    uint32_t random;

    if (!outcome->judgement.relay_troubled) {
        if (relay_on_success(relay))
            log_info("relay.recovered", "relay=%s troubles=%llu",
                     mailer->transport->relays[number].name, (unsigned long long)relay->troubles);
        relay->logged_at = 0;
        relay->troubles = 0;
        return;
    }
    log_trouble(mailer, number, outcome, now);
    random_bytes(&random, sizeof(random));
    (void)relay_on_trouble(relay, now, random);
}

void dispatch_on_outcome(void *context, struct delivery *delivery, const struct outcome *outcome)
{
    struct mailer *mailer = context;

    mailer->relays[delivery->relay].under_way--;
    if (outcome->try_fresh) {
        delivery->fresh_connection = true;
        hand_put_back(delivery);
        return;
    }
    delivery->fresh_connection = false;
    note_relay(mailer, delivery->relay, outcome, clock_mono_ns());
    switch (outcome->judgement.verdict) {
    case VERDICT_DELIVERED:
        settle_delivered(mailer, delivery, outcome->reply);
        break;
    case VERDICT_RETRY:
        if (is_too_old(mailer, delivery, clock_wall_ms()))
            settle_refused(mailer, delivery, outcome->reply);
        else
            settle_retry(mailer, delivery, outcome->reply);
        break;
    case VERDICT_REFUSED:
        settle_refused(mailer, delivery, outcome->reply);
        break;
    case VERDICT_RELAY:
        hand_move(delivery, DELIVERY_WAITING);
        break;
    }
}
