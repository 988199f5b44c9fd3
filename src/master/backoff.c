/* The rule of docs/design.md section 7: more than 5 deaths of one role in 10 s delay its next start
 * by 100 ms, doubling up to 10 s, back to nothing after 10 s of life.
 *
 * Once there is a delay, deaths are too far apart to fill the window, so every further one
 * doubles it, until a child has lived long enough. */
#include "backoff.h"

void backoff_count_death(struct backoff *backoff, mono_ns now, mono_ns lived_ns)
{
    backoff->deaths[backoff->next] = now;
    backoff->next = (backoff->next + 1) % BACKOFF_DEATHS;
    /* `next` now stands at the oldest of the six, this one included; 0 is a place never filled. */
    mono_ns oldest = backoff->deaths[backoff->next];

    if (lived_ns >= BACKOFF_LIFE_NS)
        backoff->delay_ns = 0;
    if (backoff->delay_ns > 0)
        backoff->delay_ns =
            backoff->delay_ns * 2 < BACKOFF_MOST_NS ? backoff->delay_ns * 2 : BACKOFF_MOST_NS;
    else if (oldest != 0 && now - oldest <= BACKOFF_WINDOW_NS)
        backoff->delay_ns = BACKOFF_FIRST_NS;
    backoff->not_before_ns = now + backoff->delay_ns;
}

bool backoff_permits(const struct backoff *backoff, mono_ns now)
{
    return now >= backoff->not_before_ns;
}
