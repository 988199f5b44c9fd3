/* Gaps of one length, or of exponential length, which is what many independent clients make. */
#include "schedule.h"

#include <math.h>

/* SplitMix64: any seed will do, and one number costs a few instructions. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

void schedule_init(struct schedule *schedule, double rate_per_second, bool is_poisson,
                   uint64_t seed)
{
    *schedule = (struct schedule){
        .is_poisson = is_poisson, .gap_ns = (double)NS_PER_S / rate_per_second, .dice = seed};
}

mono_ns schedule_due(const struct schedule *schedule)
{
    mono_ns due = schedule->start + (mono_ns)schedule->offset_ns;

    return due < schedule->end ? due : UINT64_MAX;
}

void schedule_advance(struct schedule *schedule)
{
    double gaps = 1;

    /* 53 bits and a half: never 0, whose logarithm there is not. */
    if (schedule->is_poisson)
        gaps = -log(((double)(next_random(&schedule->dice) >> 11) + 0.5) / 9007199254740992.0);
    schedule->offset_ns += gaps * schedule->gap_ns;
}

unsigned schedule_draw(struct schedule *schedule, unsigned below)
{
    return (unsigned)((next_random(&schedule->dice) >> 32) * below >> 32);
}
