/* Once a second: a look at every letter in hand that is not sent. The oldest of those that are due
 * is in hand, if anything is: the outbox is read in the order of due times. */
#include "watch.h"

#include "gatepost/log.h"
#include "gatepost/metrics.h"

#define LOOK_S 1

/* Ages: those up to the bound, and in the end all that are older. */
static const struct {
    enum metric_gauge gauge;
    uint64_t under_s;
} ages[] = {{GAUGE_MAIL_DUE_NOW, 10},
            {GAUGE_MAIL_DUE_MINUTE, 60},
            {GAUGE_MAIL_DUE_MINUTES, 600},
            {GAUGE_MAIL_DUE_HOUR, 3600},
            {GAUGE_MAIL_DUE_LONG, UINT64_MAX}};

static void count_age(uint64_t counts[ARRAY_LEN(ages)], uint64_t age_s)
{
    size_t i = 0;

    while (age_s >= ages[i].under_s && i + 1 < ARRAY_LEN(ages))
        i++;
    counts[i]++;
}

/* Shows how old those are that are due, and returns when the oldest was. */
static wall_ms look_at_ages(const struct mailer *mailer, wall_ms now)
{
    static const enum delivery_state unsent[] = {DELIVERY_WAITING, DELIVERY_CLAIMING,
                                                 DELIVERY_SENDING};
    uint64_t counts[ARRAY_LEN(ages)] = {0};
    wall_ms oldest = now;

    for (size_t i = 0; i < ARRAY_LEN(unsent); i++) {
        struct delivery *delivery = hand_first(mailer->hand, unsent[i]);
        for (; delivery != NULL; delivery = hand_next(delivery)) {
            if (delivery->due <= now)
                count_age(counts, (uint64_t)(now - delivery->due) / 1000);
            if (delivery->due < oldest)
                oldest = delivery->due;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(ages); i++)
        metric_set(ages[i].gauge, counts[i]);
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
    uint64_t age_s = (uint64_t)(wall - look_at_ages(mailer, wall)) / 1000;

    metric_set(GAUGE_MAIL_OLDEST_DUE, age_s);
    metric_set(GAUGE_MAIL_WAITING, hand_count_in(mailer->hand, DELIVERY_WAITING));
    metric_set(GAUGE_MAIL_CLAIMING, hand_count_in(mailer->hand, DELIVERY_CLAIMING));
    metric_set(GAUGE_MAIL_SENDING, hand_count_in(mailer->hand, DELIVERY_SENDING));
    metric_set(GAUGE_MAIL_SETTLING, hand_count_in(mailer->hand, DELIVERY_TO_SETTLE) +
                                        hand_count_in(mailer->hand, DELIVERY_ASKED));
    tell(mailer, age_s);
}
