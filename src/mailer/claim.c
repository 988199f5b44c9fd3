/* The claim: before a letter that is not fresh leaves, the store says whether it is still wanted.
 *
 * A letter straight from its lane goes at once, without. One that waited, was read in the outbox or
 * is tried again is claimed: its row may be gone, its link followed, superseded, or near its end
 * (then the store makes a new one, and the answer is the job with it). Invariant: what is sent
 * after a claim is what the row said MAIL_QUEUE_CLAIMED_S ago at most. */
#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "job.h"
#include "mailer.h"

#define CLAIMS_MAX 256 /* asks under way; settling has its own share of the lane */

static void drop(struct mailer *mailer, struct delivery *delivery, mono_ns now)
{
    mail_queue_claimed(mailer->queue, delivery, CLAIM_GONE, 0, now);
    hand_release(&delivery, now + REMEMBER_S * NS_PER_S);
}

static void withdraw(struct mailer *mailer, struct delivery *delivery, mono_ns now)
{
    char id[UUID_TEXT_BYTES];

    uuid_format(&delivery->job_id, id);
    delivery_log_about(delivery);
    log_info("mail.withdrawn", "job=%s purpose=%s tries=%u", id,
             mail_purpose_name(delivery->purpose), (unsigned)delivery->tries);
    log_about("");
    metric_count(METRIC_MAIL_WITHDRAWN);
    drop(mailer, delivery, now);
}

/* The same letter, perhaps with another link. Returns false when the answer makes no sense. */
static bool take_job(struct delivery *delivery, struct slice payload)
{
    struct outbox_claim_answer answer;
    struct mail_job job;

    if (!outbox_claim_answer_unpack(payload, &answer) || !job_read(answer.job, &job) ||
        !uuid_equal(&job.job_id, &delivery->job_id) || job.purpose != delivery->purpose ||
        !slice_equal(job.to, slice_of_text(delivery->to)))
        return false;
    delivery->proof_id = job.proof_id;
    delivery->expires = job.expires;
    if (answer.renewed) {
        char id[UUID_TEXT_BYTES];
        uuid_format(&delivery->job_id, id);
        delivery_log_about(delivery);
        log_info("mail.renewed", "job=%s purpose=%s", id, mail_purpose_name(delivery->purpose));
        log_about("");
        metric_count(METRIC_MAIL_RENEWED);
    }
    return true;
}

/* A claimed letter is as good as sent; one with a dead link would be claimed for ever. */
static bool is_dead(const struct delivery *delivery)
{
    return delivery->expires <= clock_wall_ms();
}

/* A claim says that half of the link's life is left: most of that is to be left when it goes. */
static uint64_t good_ms(const struct delivery *delivery)
{
    uint64_t left_ms = (uint64_t)(delivery->expires - clock_wall_ms());
    uint64_t longest_ms = MAIL_QUEUE_CLAIMED_S * 1000;

    return left_ms / 4 < longest_ms ? left_ms / 4 : longest_ms;
}

static void send_on(struct mailer *mailer, struct delivery *delivery, mono_ns now)
{
    FAULT("m.row_claimed");
    if (is_dead(delivery)) {
        mail_queue_claimed(mailer->queue, delivery, CLAIM_GONE, 0, now);
        settle_refused(mailer, delivery, SLICE_LITERAL("expired"));
        return;
    }
    hand_move(delivery, DELIVERY_WAITING);
    mail_queue_claimed(mailer->queue, delivery, CLAIM_GOOD, good_ms(delivery), now);
}

/* It stays in hand: forgotten, it would be swept up and claimed again, and again. */
static void stick(struct mailer *mailer, struct delivery *delivery, enum store_status status,
                  mono_ns now)
{
    char id[UUID_TEXT_BYTES];

    uuid_format(&delivery->job_id, id);
    delivery_log_about(delivery);
    log_error("mail.unclaimed", "job=%s status=%d", id, (int)status);
    log_about("");
    mail_queue_claimed(mailer->queue, delivery, CLAIM_GONE, 0, now);
    hand_move(delivery, DELIVERY_STUCK);
}

static void on_claimed(void *context, enum store_status status, struct slice payload)
{
    struct delivery *delivery = context;
    struct mailer *mailer = delivery->mailer;
    mono_ns now = clock_mono_ns();

    switch (status) {
    case STORE_OK:
        if (!take_job(delivery, payload)) {
            stick(mailer, delivery, status, now);
            return;
        }
        send_on(mailer, delivery, now);
        return;
    case STORE_NOT_FOUND:
        drop(mailer, delivery, now);
        return;
    case STORE_SPENT:
        withdraw(mailer, delivery, now);
        return;
    case STORE_BUSY:
    case STORE_AWAY:
        mailer->claim_at = now + STORE_PAUSE_MS * NS_PER_MS;
        hand_move(delivery, DELIVERY_WAITING);
        mail_queue_claimed(mailer->queue, delivery, CLAIM_AGAIN, 0, now);
        return;
    case STORE_DUPLICATE:
    case STORE_REFUSED:
    case STORE_POISON:
    case STORE_STATUS_COUNT:
        break;
    }
    stick(mailer, delivery, status, now);
}

static bool ask(struct mailer *mailer, struct delivery *delivery, mono_ns now)
{
    uint8_t bytes[128];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const wall_ms wall = clock_wall_ms();

    outbox_claim_ask_pack(&packer, &(struct outbox_claim_ask){
                                       .job_id = delivery->job_id,
                                       .due = delivery->due,
                                       .proof_id = uuid_new(wall),
                                       .verify_s = (uint32_t)mailer->config->proof_verify_s,
                                       .reset_s = (uint32_t)mailer->config->proof_reset_s,
                                       .now = wall,
                                   });
    BUG_ON(packer.overflow);
    delivery->mailer = mailer;
    return store_ask(mailer->store, STORE_OUTBOX_CLAIM, packer_slice(&packer),
                     now + SETTLE_ASK_S * NS_PER_S, on_claimed, delivery);
}

void claim_turn(struct mailer *mailer, mono_ns now)
{
    struct delivery *delivery;

    if (now < mailer->claim_at || !relays_work(&mailer->relays, now))
        return;
    while (hand_count_in(mailer->hand, DELIVERY_CLAIMING) < CLAIMS_MAX &&
           (delivery = mail_queue_take_unclaimed(mailer->queue, now)) != NULL) {
        if (!ask(mailer, delivery, now)) {
            mailer->claim_at = now + STORE_PAUSE_MS * NS_PER_MS;
            mail_queue_claimed(mailer->queue, delivery, CLAIM_AGAIN, 0, now);
            return;
        }
        hand_move(delivery, DELIVERY_CLAIMING);
        FAULT("m.claim_asked");
    }
}
