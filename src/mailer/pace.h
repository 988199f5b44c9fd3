/* How many letters a second: a limit that holds over every stretch of time, and the slow beginning
 * after an outage. */
#ifndef MAILER_PACE_H
#define MAILER_PACE_H

#include "gatepost/clock.h"
#include "gatepost/config.h"

/* After an outage the first second has so many letters, and each next one so many more; for as long
 * as the outage was, at most PACE_WARM_MAX_S. */
#define PACE_WARM_RATE  20U
#define PACE_WARM_MAX_S 60U

struct pace {
    uint64_t interval_ns; /* between two letters; 0: no limit */
    mono_ns due;          /* when the next one is, were they evenly spaced */
    mono_ns warm_from;    /* the end of an outage */
    mono_ns warm_until;   /* 0: no warm-up */
};

/* rate: so many in so many seconds, evenly; up to a second's share of them may go at once, at least
 * one. count 0 is no limit. */
void pace_init(struct pace *pace, struct config_rate rate);

/* When the next letter may go: at or before now when it may at once. */
mono_ns pace_next_at(const struct pace *pace, mono_ns now);

/* One has gone. */
void pace_take(struct pace *pace, mono_ns now);

/* Whoever takes the letters is back after so long. */
void pace_warm_up(struct pace *pace, mono_ns now, mono_ns outage);

#endif
