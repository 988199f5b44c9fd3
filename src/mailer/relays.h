/* The relays: which one gets the next letter, and how each of them is doing. */
#ifndef MAILER_RELAYS_H
#define MAILER_RELAYS_H

#include "circuit.h"
#include "gatepost/config.h"
#include "pace.h"

/* One way out: a relay, or the folder. */
struct relay {
    const char *name; /* in the log */
    unsigned order;   /* lower first */
    unsigned weight;  /* its share among those of the same order; at least 1 */
    int64_t standing; /* of the weighted round */
    struct circuit circuit;
    struct pace pace;
    size_t under_way;  /* letters that it has */
    uint64_t suspect;  /* the domain whose letters it lost last, since it worked; 0: none */
    mono_ns logged_at; /* when trouble was last logged; 0: it works */
    uint64_t troubles; /* since it worked */
};

struct relays {
    unsigned count;
    struct relay relay[RELAYS_MAX];
};

#define RELAY_NONE RELAYS_MAX

/* Adds one. lanes: most letters at once; first_s, max_s: as circuit_init. */
void relays_add(struct relays *relays, const char *name, unsigned lanes, unsigned order,
                unsigned weight, struct config_rate rate, uint64_t first_s, uint64_t max_s);

/* The relay for the next letter, and RELAY_NONE when none may have one now. Of the lowest order
 * that works: one that is busy, or at its rate, keeps what it can have later, but a broken one
 * hands over to the next order at once. avoid: the relay that failed with this letter last, or
 * RELAY_NONE: any other one that works is better. */
unsigned relays_choose(struct relays *relays, unsigned avoid, mono_ns now);

/* Has any of them room? What relays_choose would find, without choosing. */
bool relays_have_room(const struct relays *relays, mono_ns now);

/* Is there one that is not left in peace? */
bool relays_work(const struct relays *relays, mono_ns now);

/* When time alone may give room: a pause ends, or a rate allows the next one. Never at or before
 * now; UINT64_MAX: only what is under way can. */
mono_ns relays_next_at(const struct relays *relays, mono_ns now);

/* A letter goes there. It comes back with relay_took or relay_troubled, or with neither. */
void relay_begin(struct relay *relay, mono_ns now);
void relay_end(struct relay *relay);

/* It took a letter, or judged one: it works. Returns how long it had been broken, or 0. */
mono_ns relay_took(struct relay *relay, mono_ns now);

/* It failed. domain: 0, or a number for whose letter it was when that may be the reason (a loss
 * after the recipient was named): then only the next one of another domain counts, and nothing of
 * the same one does. Returns true when it was held against the relay. */
bool relay_failed(struct relay *relay, uint64_t domain, mono_ns now, uint32_t random);

#endif
