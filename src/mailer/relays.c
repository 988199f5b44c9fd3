/* Choice among relays: order, then smooth weighted round robin (as nginx does it: everybody's
 * standing grows by its weight, the highest is chosen and pays the whole sum back), which spreads a
 * relay's share evenly instead of in bursts. */
#include "relays.h"

void relays_add(struct relays *relays, const char *name, unsigned lanes, unsigned order,
                unsigned weight, struct config_rate rate, uint64_t first_s, uint64_t max_s)
{
    BUG_ON(relays->count == RELAYS_MAX || weight == 0);
    struct relay *relay = &relays->relay[relays->count++];

    *relay = (struct relay){.name = name, .order = order, .weight = weight};
    circuit_init(&relay->circuit, lanes, lanes, first_s, max_s);
    pace_init(&relay->pace, rate);
}

static bool has_room(const struct relay *relay, mono_ns now)
{
    return circuit_room(&relay->circuit, relay->under_way, now) > 0 &&
           pace_next_at(&relay->pace, now) <= now;
}

/* The next order after `after` (-1: the first), or -1 when there is none. */
static int64_t next_order(const struct relays *relays, int64_t after)
{
    int64_t order = -1;

    for (unsigned i = 0; i < relays->count; i++) {
        int64_t at = relays->relay[i].order;
        if (at > after && (order < 0 || at < order))
            order = at;
    }
    return order;
}

/* Bits of those of an order that have room. *works_out: one of them works, busy or not. */
static unsigned candidates(const struct relays *relays, int64_t order, mono_ns now, bool *works_out)
{
    unsigned bits = 0;

    *works_out = false;
    for (unsigned i = 0; i < relays->count; i++) {
        const struct relay *relay = &relays->relay[i];
        if (relay->order != order)
            continue;
        *works_out |= !circuit_is_broken(&relay->circuit);
        if (has_room(relay, now))
            bits |= 1U << i;
    }
    return bits;
}

/* Those of the first order that has room, with none before it that works. */
static unsigned first_candidates(const struct relays *relays, mono_ns now)
{
    int64_t order = -1;
    bool works;

    while ((order = next_order(relays, order)) >= 0) {
        unsigned bits = candidates(relays, order, now, &works);
        if (bits != 0 || works)
            return bits;
    }
    return 0;
}

/* Any other that works and has room, of the lowest order. */
static unsigned others(const struct relays *relays, unsigned avoid, mono_ns now)
{
    int64_t order = UINT32_MAX + 1LL;
    unsigned bits = 0;

    for (unsigned i = 0; i < relays->count; i++) {
        const struct relay *relay = &relays->relay[i];
        if (i == avoid || circuit_is_broken(&relay->circuit) || !has_room(relay, now) ||
            relay->order > order)
            continue;
        bits = relay->order < order ? 1U << i : bits | 1U << i;
        order = relay->order;
    }
    return bits;
}

static unsigned next_in_round(struct relays *relays, unsigned bits)
{
    unsigned chosen = RELAY_NONE;
    int64_t sum = 0;

    for (unsigned i = 0; i < relays->count; i++) {
        struct relay *relay = &relays->relay[i];
        if ((bits & (1U << i)) == 0)
            continue;
        relay->standing += relay->weight;
        sum += relay->weight;
        if (chosen == RELAY_NONE || relay->standing > relays->relay[chosen].standing)
            chosen = i;
    }
    if (chosen != RELAY_NONE)
        relays->relay[chosen].standing -= sum;
    return chosen;
}

unsigned relays_choose(struct relays *relays, unsigned avoid, mono_ns now)
{
    unsigned bits = avoid < relays->count ? others(relays, avoid, now) : 0;

    return next_in_round(relays, bits != 0 ? bits : first_candidates(relays, now));
}

bool relays_have_room(const struct relays *relays, mono_ns now)
{
    return first_candidates(relays, now) != 0;
}

bool relays_work(const struct relays *relays, mono_ns now)
{
    for (unsigned i = 0; i < relays->count; i++) {
        if (now >= relays->relay[i].circuit.resume_at)
            return true;
    }
    return false;
}

mono_ns relays_next_at(const struct relays *relays, mono_ns now)
{
    mono_ns earliest = UINT64_MAX;

    for (unsigned i = 0; i < relays->count; i++) {
        const struct relay *relay = &relays->relay[i];
        mono_ns at = pace_next_at(&relay->pace, now);
        if (relay->under_way >= relay->circuit.allowed)
            continue;
        if (relay->circuit.resume_at > at)
            at = relay->circuit.resume_at;
        if (at > now && at < earliest)
            earliest = at;
    }
    return earliest;
}

void relay_begin(struct relay *relay, mono_ns now)
{
    relay->under_way++;
    pace_take(&relay->pace, now);
}

void relay_end(struct relay *relay)
{
    BUG_ON(relay->under_way == 0);
    relay->under_way--;
}

mono_ns relay_took(struct relay *relay, mono_ns now)
{
    mono_ns broken = circuit_on_success(&relay->circuit, now);

    if (broken > 0)
        pace_warm_up(&relay->pace, now, broken);
    relay->suspect = 0;
    return broken;
}

bool relay_failed(struct relay *relay, uint64_t domain, mono_ns now, uint32_t random)
{
    if (domain != 0 && (relay->suspect == 0 || relay->suspect == domain)) {
        relay->suspect = domain;
        return false;
    }
    (void)circuit_on_trouble(&relay->circuit, now, random);
    return true;
}
