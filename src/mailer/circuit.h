/* The circuit of whoever takes letters, a relay or a recipient's domain: how many may be under way
 * to it. Trouble halves it; at one, it is left in peace for a while, and then one probe goes
 * through at a time. What works again is trusted step by step: as many successes as are allowed at
 * once make one more. Source: Postfix's qmgr, its concurrency feedback and its dead destinations;
 * AIMD. */
#ifndef MAILER_CIRCUIT_H
#define MAILER_CIRCUIT_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

#define CIRCUIT_PAUSE_MAX_S 60

struct circuit {
    unsigned max;      /* most at once, when all is well; at least 1 */
    unsigned allowed;  /* now; 1..max */
    unsigned credit;   /* successes since it last grew */
    uint64_t first_s;  /* first pause */
    uint64_t max_s;    /* longest */
    uint32_t pauses;   /* in a row, without a success between them */
    mono_ns paused_at; /* begin of the first of them */
    mono_ns resume_at; /* end of the last one; 0: none */
};

/* start: how many at once before anything is known, 1..max. A pause is at most max_s and
 * CIRCUIT_PAUSE_MAX_S, and a quarter by chance. */
void circuit_init(struct circuit *circuit, unsigned max, unsigned start, uint64_t first_s,
                  uint64_t max_s);

/* How many more may be sent, with so many under way. */
unsigned circuit_room(const struct circuit *circuit, size_t under_way, mono_ns now);

/* It had to be left in peace, and nothing has succeeded since: what goes there is a probe. */
static inline bool circuit_is_broken(const struct circuit *circuit)
{
    return circuit->pauses > 0;
}

/* Something went through. Returns how long it had been broken, 0 when it was not. */
mono_ns circuit_on_success(struct circuit *circuit, mono_ns now);

/* Something failed that is not about one letter. Returns true when that begins a pause. random: any
 * 32 bits. */
bool circuit_on_trouble(struct circuit *circuit, mono_ns now, uint32_t random);

#endif
