/* Once a second: a look at every letter in hand that is not sent. The oldest of those that are due
 * is in hand, if anything is: the outbox is read in the order of due times. */
#include "watch.h"

#include "gatepost/log.h"
#include "gatepost/metrics.h"

#define LOOK_S 1

static wall_ms oldest_due(const struct mailer *mailer, wall_ms now)
{
    static const enum delivery_state unsent[] = {DELIVERY_WAITING, DELIVERY_CLAIMING,
                                                 DELIVERY_SENDING};
    wall_ms oldest = now;

    for (size_t i = 0; i < ARRAY_LEN(unsent); i++) {
        struct delivery *delivery = hand_first(mailer->hand, unsent[i]);
        for (; delivery != NULL; delivery = hand_next(delivery)) {
            if (delivery->due < oldest)
                oldest = delivery->due;
        }
    }
    return oldest;
}

static void tell(struct mailer *mailer, uint64_t age_s)
{
    switch (alarm_look(&mailer->alarm, age_s)) {
    case ALARM_NONE:
        break;
    case ALARM_LATE:
        log_warning("mail.late", "oldest_s=%llu waiting=%zu under_way=%zu",
                    (unsigned long long)age_s, hand_count_in(mailer->hand, DELIVERY_WAITING),
                    hand_count_in(mailer->hand, DELIVERY_SENDING));
        break;
    case ALARM_OVER:
        log_info("mail.caught_up", "oldest_s=%llu", (unsigned long long)age_s);
        break;
    }
}

void watch_turn(struct mailer *mailer, mono_ns now)
{
    if (now < mailer->watch_at)
        return;
    mailer->watch_at = now + LOOK_S * NS_PER_S;
    wall_ms wall = clock_wall_ms();
    uint64_t age_s = (uint64_t)(wall - oldest_due(mailer, wall)) / 1000;

    metric_set(GAUGE_MAIL_OLDEST_DUE, age_s);
    metric_set(GAUGE_MAIL_WAITING, hand_count_in(mailer->hand, DELIVERY_WAITING));
    metric_set(GAUGE_MAIL_CLAIMING, hand_count_in(mailer->hand, DELIVERY_CLAIMING));
    metric_set(GAUGE_MAIL_SENDING, hand_count_in(mailer->hand, DELIVERY_SENDING));
    metric_set(GAUGE_MAIL_SETTLING, hand_count_in(mailer->hand, DELIVERY_TO_SETTLE) +
                                        hand_count_in(mailer->hand, DELIVERY_ASKED));
    tell(mailer, age_s);
}
