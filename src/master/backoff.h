/* How long to wait before a role that keeps dying is started again; arithmetic only. */
#ifndef GATEPOST_BACKOFF_H
#define GATEPOST_BACKOFF_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

#define BACKOFF_DEATHS    6U /* the sixth within the window is one too many */
#define BACKOFF_WINDOW_NS (10 * NS_PER_S)
#define BACKOFF_FIRST_NS  (100 * NS_PER_MS)
#define BACKOFF_MOST_NS   (10 * NS_PER_S)
#define BACKOFF_LIFE_NS   (10 * NS_PER_S) /* who lived this long has made up for the past */

/* One a role; all zero is "nothing happened yet". */
struct backoff {
    mono_ns deaths[BACKOFF_DEATHS]; /* the latest ones; a ring */
    uint32_t next;         /* where the next death goes, which is where the oldest stands */
    mono_ns delay_ns;      /* 0 while deaths are rare */
    mono_ns not_before_ns; /* the next start */
};

/* A death that counts: before READY, or by the process's own fault. lived_ns: since its fork. */
void backoff_count_death(struct backoff *backoff, mono_ns now, mono_ns lived_ns);

/* May the role be started now? */
bool backoff_permits(const struct backoff *backoff, mono_ns now);

#endif
