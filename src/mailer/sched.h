/* When to send: the waits between tries of one letter, and the relay's health for all of them. */
#ifndef MAILER_SCHED_H
#define MAILER_SCHED_H

#include "gatepost/base.h"
#include "gatepost/clock.h"

/* The wait before the next try: first_s doubled `tries` times, at most max_s, then between 75 and
 * 125 percent of that. random: any 32 bits. */
uint64_t sched_backoff_ms(uint64_t first_s, uint64_t max_s, uint32_t tries, uint32_t random);

#define RELAY_PAUSE_MAX_S 60

/* The circuit: how many letters may be under way. Trouble halves it; at one, the relay is left in
 * peace for a while, and then one probe goes through at a time. Every success adds one. */
struct relay {
    unsigned connections_max; /* smtp.connections */
    unsigned allowed;         /* now; 1..connections_max */
    uint64_t first_s;         /* first pause */
    uint64_t max_s;           /* longest */
    uint32_t pauses;          /* in a row, without a success between them */
    mono_ns resume_at;        /* 0: not paused */
    size_t under_way;         /* letters that it has; counted by dispatch.c */
    mono_ns logged_at;        /* when trouble was last logged; 0: it works */
    uint64_t troubles;        /* since it worked */
};

void relay_init(struct relay *relay, unsigned connections_max, uint64_t first_s, uint64_t max_s);

/* How many more letters it may be given. */
unsigned relay_room(const struct relay *relay, mono_ns now);

/* The relay took a letter, or judged one: it works. Returns true when it had been paused. */
bool relay_on_success(struct relay *relay);

/* Something failed that is not about a letter. Returns true when that pauses the relay. */
bool relay_on_trouble(struct relay *relay, mono_ns now, uint32_t random);

#endif
