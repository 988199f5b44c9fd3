/* Invariant: in any stretch of t seconds at most rate * t letters go, and one second's share more.
 * Source: the generic cell rate algorithm (ITU-T I.371): a token bucket with one word of state. */
#include "pace.h"

void pace_init(struct pace *pace, struct config_rate rate)
{
    *pace = (struct pace){0};
    if (rate.count > 0)
        pace->interval_ns = (uint64_t)rate.period_s * NS_PER_S / rate.count;
}

static bool is_warming(const struct pace *pace, mono_ns now)
{
    return now < pace->warm_until;
}

static uint64_t interval_ns(const struct pace *pace, mono_ns now)
{
    if (!is_warming(pace, now))
        return pace->interval_ns;
    uint64_t seconds = (now - pace->warm_from) / NS_PER_S + 1;
    uint64_t warm_ns = NS_PER_S / (PACE_WARM_RATE * seconds);
    return warm_ns > pace->interval_ns ? warm_ns : pace->interval_ns;
}

/* How far ahead of the even spacing a letter may go. */
static uint64_t tolerance_ns(const struct pace *pace, mono_ns now, uint64_t interval)
{
    uint64_t share_ns = is_warming(pace, now) ? NS_PER_S / 10 : NS_PER_S;
    return interval < share_ns ? share_ns - interval : 0;
}

mono_ns pace_next_at(const struct pace *pace, mono_ns now)
{
    uint64_t interval = interval_ns(pace, now);
    uint64_t tolerance = tolerance_ns(pace, now, interval);

    if (interval == 0 || pace->due <= tolerance)
        return now;
    mono_ns at = pace->due - tolerance;
    /* A slow warm-up that has ended meanwhile holds nothing up. */
    return pace->warm_until > now && at > pace->warm_until ? pace->warm_until : at;
}

void pace_take(struct pace *pace, mono_ns now)
{
    uint64_t interval = interval_ns(pace, now);

    if (interval == 0)
        return;
    if (pace->due < now)
        pace->due = now;
    pace->due += interval;
}

void pace_warm_up(struct pace *pace, mono_ns now, mono_ns outage)
{
    const uint64_t longest = (uint64_t)PACE_WARM_MAX_S * NS_PER_S;

    pace->warm_from = now;
    pace->warm_until = now + (outage < longest ? outage : longest);
}
