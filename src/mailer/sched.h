/* When to try again: the waits between tries of one letter. */
#ifndef MAILER_SCHED_H
#define MAILER_SCHED_H

#include "gatepost/base.h"
#include "gatepost/clock.h"
#include "gatepost/config.h"

/* The wait before the next try: first_s doubled `tries` times, at most max_s, then between 75 and
 * 125 percent of that. random: any 32 bits. */
uint64_t sched_backoff_ms(uint64_t first_s, uint64_t max_s, uint32_t tries, uint32_t random);

#define SCHED_WAIT_MIN_MS 1000 /* even for what has little time left */

struct sched {
    uint64_t first_s, max_s;                 /* of the back-off */
    uint32_t greylist_s[GREYLIST_TRIES_MAX]; /* waits after a greylisting: the first, the second */
    size_t greylist_tries;                   /* so many of them */
};

/* Was a letter of so many tries before this one greylisted as a first one is? */
bool sched_is_greylisting(const struct sched *sched, bool greylisted, uint32_t tries);

/* The wait after a try that was not the last. left_ms: how long the letter is still worth sending;
 * the wait is at most a quarter of it, so that it gets several more tries however long the waits
 * have become, but at least SCHED_WAIT_MIN_MS. */
uint64_t sched_wait_ms(const struct sched *sched, bool greylisted, uint32_t tries, int64_t left_ms,
                       uint32_t random);

#endif
