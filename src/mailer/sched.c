/* Waits double, so that a relay or a recipient in trouble is asked ever more seldom; chance spreads
 * those that failed together; and the letter's life bounds them, for a link that dies in the queue
 * is worth nothing to who waits for it. */
#include "sched.h"

uint64_t sched_backoff_ms(uint64_t first_s, uint64_t max_s, uint32_t tries, uint32_t random)
{
    uint64_t wait_s = first_s < max_s ? first_s : max_s;
    while (tries > 0 && wait_s < max_s) {
        wait_s *= 2;
        tries--;
    }
    if (wait_s > max_s)
        wait_s = max_s;
    return wait_s * 750 + wait_s * 500 * (random & 0xffff) / 0xffff;
}

bool sched_is_greylisting(const struct sched *sched, bool greylisted, uint32_t tries)
{
    return greylisted && tries < sched->greylist_tries;
}

/* Never shorter than the operator said: who greylists counts from the first try, and one that comes
 * a second too early is in vain. A tenth more by chance. */
static uint64_t greylist_wait_ms(const struct sched *sched, uint32_t tries, uint32_t random)
{
    uint64_t wait_s = sched->greylist_s[tries];

    if (wait_s > sched->max_s)
        wait_s = sched->max_s;
    return wait_s * 1000 + wait_s * 100 * (random & 0xffff) / 0xffff;
}

uint64_t sched_wait_ms(const struct sched *sched, bool greylisted, uint32_t tries, int64_t left_ms,
                       uint32_t random)
{
    uint64_t wait_ms = sched_is_greylisting(sched, greylisted, tries)
                           ? greylist_wait_ms(sched, tries, random)
                           : sched_backoff_ms(sched->first_s, sched->max_s, tries, random);
    uint64_t most_ms = left_ms > 0 ? (uint64_t)left_ms / 4 : 0;

    if (wait_ms > most_ms) /* many have the same age: chance here as well, downwards */
        wait_ms = most_ms * 3 / 4 + most_ms / 4 * (random & 0xffff) / 0xffff;
    return wait_ms > SCHED_WAIT_MIN_MS ? wait_ms : SCHED_WAIT_MIN_MS;
}
