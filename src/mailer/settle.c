/* The word to the store about each letter, asked until it is answered.
 *
 * Invariant: a delivery leaves the hand only when the store has said that the row is moved or gone.
 * A delivery that the store refuses to settle stays in hand, STUCK: forgotten, it would be swept
 * up and sent again, and again. */
#include <stdlib.h>

#include "bounce_class.h"
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "mailer.h"
#include "relay_metrics.h"

static void wish(struct mailer *mailer, struct delivery *delivery, enum outbox_verdict verdict,
                 struct slice reply)
{
    size_t len = reply.len < DELIVERY_REPLY_MAX_BYTES ? reply.len : DELIVERY_REPLY_MAX_BYTES;

    free(delivery->reply);
    delivery->reply = xcalloc(len + 1, 1);
    if (len > 0)
        memcpy(delivery->reply, reply.at, len);
    delivery->judge =
        delivery->state == DELIVERY_SENDING ? mailer->transport->relays[delivery->relay].name : "";
    delivery->mailer = mailer;
    delivery->verdict = verdict;
    hand_move(delivery, DELIVERY_TO_SETTLE);
}

static void count_verdict(const struct mailer *mailer, const struct delivery *delivery)
{
    static const enum metric all[] = {[OUTBOX_DELIVERED] = METRIC_MAIL_DELIVERED,
                                      [OUTBOX_RETRY] = METRIC_MAIL_RETRY,
                                      [OUTBOX_REFUSED] = METRIC_MAIL_REFUSED};

    metric_count(all[delivery->verdict]);
    if (delivery->judge[0] != '\0')
        relay_count_verdict(&mailer->transport->relays[delivery->relay], delivery->verdict);
}

static void log_verdict(enum log_level level, const char *event, const struct delivery *delivery)
{
    char id[UUID_TEXT_BYTES], reply[2 * DELIVERY_REPLY_MAX_BYTES];

    uuid_format(&delivery->job_id, id);
    delivery_log_about(delivery);
    log_event(level, event, "job=%s tries=%u relay=%s reply=%s", id, (unsigned)delivery->tries + 1,
              delivery->judge[0] != '\0' ? delivery->judge : "-",
              log_quoted(slice_of_text(delivery->reply), reply, sizeof(reply)));
    log_debug("mail.address", "job=%s to=%s", id, delivery->to);
    log_about("");
}

void settle_delivered(struct mailer *mailer, struct delivery *delivery, struct slice reply)
{
    FAULT("m.delivered");
    wish(mailer, delivery, OUTBOX_DELIVERED, reply);
    count_verdict(mailer, delivery);
    log_verdict(LOG_LEVEL_INFO, "mail.delivered", delivery);
}

void settle_refused(struct mailer *mailer, struct delivery *delivery, struct slice reply)
{
    wish(mailer, delivery, OUTBOX_REFUSED, reply);
    count_verdict(mailer, delivery);
    log_verdict(LOG_LEVEL_WARNING, "mail.refused", delivery);
}

void settle_retry(struct mailer *mailer, struct delivery *delivery, struct slice reply, wall_ms due)
{
    delivery->due = due;
    wish(mailer, delivery, OUTBOX_RETRY, reply);
    count_verdict(mailer, delivery);
    log_verdict(LOG_LEVEL_INFO, "mail.deferred", delivery);
}

/* A retry is remembered until it is due: an old page or a late lane must not bring it forward. */
static mono_ns remember_until(const struct delivery *delivery)
{
    mono_ns now = clock_mono_ns();
    if (delivery->verdict != OUTBOX_RETRY)
        return now + REMEMBER_S * NS_PER_S;
    wall_ms wait_ms = delivery->due - clock_wall_ms();
    return wait_ms > 0 ? now + (mono_ns)wait_ms * NS_PER_MS : now;
}

static void on_settled(void *context, enum store_status status, struct slice payload)
{
    struct delivery *delivery = context;
    char id[UUID_TEXT_BYTES];

    (void)payload;
    switch (status) {
    case STORE_OK:
    case STORE_NOT_FOUND:
        FAULT("m.settled");
        hand_release(&delivery, remember_until(delivery));
        return;
    case STORE_BUSY:
        delivery->mailer->settle_at = clock_mono_ns() + STORE_PAUSE_MS * NS_PER_MS;
        hand_move(delivery, DELIVERY_TO_SETTLE);
        return;
    case STORE_AWAY:
        hand_move(delivery, DELIVERY_TO_SETTLE);
        return;
    case STORE_DUPLICATE:
    case STORE_SPENT:
    case STORE_REFUSED:
    case STORE_POISON:
    case STORE_STATUS_COUNT:
        break;
    }
    uuid_format(&delivery->job_id, id);
    delivery_log_about(delivery);
    log_error("mail.unsettled", "job=%s status=%d", id, (int)status);
    log_about("");
    hand_move(delivery, DELIVERY_STUCK);
}

/* A hard bounce, told in the session instead of by a report; only where the code says so itself. */
static bool says_no_mailbox(const struct delivery *delivery)
{
    struct status_code status;

    return delivery->verdict == OUTBOX_REFUSED && delivery->judge[0] != '\0' &&
           status_code_find(slice_of_text(delivery->reply), &status) && status.class == 5 &&
           bounce_is_hard(&status, 0);
}

static bool ask(struct mailer *mailer, const struct outbox_settle_ask *settle,
                store_answer_fn on_answer, void *context)
{
    uint8_t bytes[DELIVERY_REPLY_MAX_BYTES + 128];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    outbox_settle_ask_pack(&packer, settle);
    BUG_ON(packer.overflow);
    return store_ask(mailer->store, STORE_OUTBOX_SETTLE, packer_slice(&packer),
                     clock_mono_ns() + SETTLE_ASK_S * NS_PER_S, on_answer, context);
}

void settle_turn(struct mailer *mailer, mono_ns now)
{
    struct delivery *delivery;

    if (now < mailer->settle_at)
        return;
    while ((delivery = hand_first(mailer->hand, DELIVERY_TO_SETTLE)) != NULL) {
        const struct outbox_settle_ask settle = {
            .job_id = delivery->job_id,
            .verdict = (uint8_t)delivery->verdict,
            .due = delivery->due,
            .reply = slice_of_text(delivery->reply),
            .relay = slice_of_text(delivery->judge),
            .no_mailbox = says_no_mailbox(delivery),
            .now = clock_wall_ms(),
        };
        if (!ask(mailer, &settle, on_settled, delivery))
            return;
        hand_move(delivery, DELIVERY_ASKED);
        FAULT("m.settle_asked");
    }
}

/* The row stays where it is if this fails: the next sweep finds it again. */
static void on_nonsense_settled(void *context, enum store_status status, struct slice payload)
{
    (void)context;
    (void)payload;
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        log_warning("outbox.unsettled", "status=%d", (int)status);
}

bool settle_nonsense(struct mailer *mailer, const struct uuid *job_id)
{
    char id[UUID_TEXT_BYTES];
    const struct outbox_settle_ask settle = {
        .job_id = *job_id,
        .verdict = OUTBOX_REFUSED,
        .reply = SLICE_LITERAL("the job cannot be read"),
        .now = clock_wall_ms(),
    };

    if (!ask(mailer, &settle, on_nonsense_settled, NULL))
        return false;
    uuid_format(job_id, id);
    log_error("outbox.unreadable", "job=%s", id);
    metric_count(METRIC_MAIL_REFUSED);
    return true;
}
