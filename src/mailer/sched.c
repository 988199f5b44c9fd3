/* Invariant of the circuit: trouble never makes a loop without a wait. Every trouble halves what is
 * allowed, and at one it pauses, so a dead relay costs a handful of attempts and then one for each
 * pause. Source: Postfix's qmgr_queue_throttle and its slow start; AIMD. */
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

void relay_init(struct relay *relay, unsigned connections_max, uint64_t first_s, uint64_t max_s)
{
    *relay = (struct relay){
        .connections_max = connections_max,
        .allowed = connections_max,
        .first_s = first_s,
        .max_s = max_s < RELAY_PAUSE_MAX_S ? max_s : RELAY_PAUSE_MAX_S,
    };
}

unsigned relay_room(const struct relay *relay, mono_ns now)
{
    if (now < relay->resume_at || relay->under_way >= relay->allowed)
        return 0;
    return relay->allowed - (unsigned)relay->under_way;
}

bool relay_on_success(struct relay *relay)
{
    bool was_paused = relay->pauses > 0;
    if (relay->allowed < relay->connections_max)
        relay->allowed++;
    relay->pauses = 0;
    relay->resume_at = 0;
    return was_paused;
}

bool relay_on_trouble(struct relay *relay, mono_ns now, uint32_t random)
{
    if (now < relay->resume_at)
        return false; /* an attempt that began before the pause */
    if (relay->allowed > 1) {
        relay->allowed /= 2;
        return false;
    }
    relay->resume_at =
        now + sched_backoff_ms(relay->first_s, relay->max_s, relay->pauses, random) * NS_PER_MS;
    if (relay->pauses < UINT32_MAX)
        relay->pauses++;
    return true;
}
