/* Invariant: trouble never makes a loop without a wait. Every trouble halves what is allowed, and
 * at one it pauses, so a dead relay costs a handful of attempts and then one for each pause. */
#include "circuit.h"

#include "sched.h"

void circuit_init(struct circuit *circuit, unsigned max, unsigned start, uint64_t first_s,
                  uint64_t max_s)
{
    BUG_ON(start == 0 || start > max);
    *circuit = (struct circuit){
        .max = max,
        .allowed = start,
        .first_s = first_s,
        .max_s = max_s < CIRCUIT_PAUSE_MAX_S ? max_s : CIRCUIT_PAUSE_MAX_S,
    };
}

unsigned circuit_room(const struct circuit *circuit, size_t under_way, mono_ns now)
{
    if (now < circuit->resume_at || under_way >= circuit->allowed)
        return 0;
    return circuit->allowed - (unsigned)under_way;
}

mono_ns circuit_on_success(struct circuit *circuit, mono_ns now)
{
    mono_ns broken = 0;

    if (circuit_is_broken(circuit))
        broken = now > circuit->paused_at ? now - circuit->paused_at : 1;
    circuit->pauses = 0;
    circuit->resume_at = 0;
    if (circuit->allowed < circuit->max && ++circuit->credit >= circuit->allowed) {
        circuit->allowed++;
        circuit->credit = 0;
    }
    return broken;
}

bool circuit_on_trouble(struct circuit *circuit, mono_ns now, uint32_t random)
{
    if (now < circuit->resume_at)
        return false; /* an attempt that began before the pause */
    circuit->credit = 0;
    if (circuit->allowed > 1) {
        circuit->allowed /= 2;
        return false;
    }
    if (circuit->pauses == 0)
        circuit->paused_at = now;
    circuit->resume_at =
        now +
        sched_backoff_ms(circuit->first_s, circuit->max_s, circuit->pauses, random) * NS_PER_MS;
    if (circuit->pauses < UINT32_MAX)
        circuit->pauses++;
    return true;
}
