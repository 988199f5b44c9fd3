/* When each request is due: fixed by rate and seed before the first one is sent, whatever becomes
 * of the earlier ones. */
#ifndef BENCH_SCHEDULE_H
#define BENCH_SCHEDULE_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

struct schedule {
    bool is_poisson;  /* independent clients; else even gaps */
    double gap_ns;    /* between two on average */
    mono_ns start;    /* set before the first is taken */
    mono_ns end;      /* none is due from then on */
    double offset_ns; /* of the next one from the start */
    uint64_t dice;    /* state of the generator of random numbers */
};

void schedule_init(struct schedule *schedule, double rate_per_second, bool is_poisson,
                   uint64_t seed);

/* When the next one is due, or the end of time when there is none. */
mono_ns schedule_due(const struct schedule *schedule);

/* Takes it: the one after it is next. */
void schedule_advance(struct schedule *schedule);

/* A number below that, for the kind of the request. */
unsigned schedule_draw(struct schedule *schedule, unsigned below);

#endif
