/* The users of the growth bench: all of a user follows from its number, so that whoever knows how
 * many there are can ask for any of them. bench/works/population.py says the same in Python.
 *
 * Identifiers are in the order of time, as they are given out. Names are scattered: those of
 * numbers that are next to one another lie on different pages, as names do that people choose. */
#ifndef BENCH_GROWTH_POPULATION_H
#define BENCH_GROWTH_POPULATION_H

#include <stdio.h>

#include "gatepost/uuid.h"

#define PERSON_NAME_BYTES  12
#define PERSON_EMAIL_BYTES 32

#define POPULATION_SINCE   1600000000000ULL /* September 2020 */
#define POPULATION_STEP_MS 15000ULL         /* between two who joined */

struct person {
    struct uuid user_id;
    wall_ms joined;
    char name[PERSON_NAME_BYTES];
    char email[PERSON_EMAIL_BYTES];
};

/* One to one on 40 bits: multiplications by odd numbers, and a shift between them. */
static inline uint64_t population_scatter(uint64_t number)
{
    const uint64_t mask = (1ULL << 40) - 1;
    uint64_t mixed = (number * 0x9e3779b97fULL) & mask;

    mixed ^= mixed >> 20;
    mixed = (mixed * 0xbf58476d1dULL) & mask;
    return mixed ^ (mixed >> 20);
}

static inline struct person population_person(uint64_t number)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct person person = {.joined = (wall_ms)(POPULATION_SINCE + number * POPULATION_STEP_MS)};
    const uint64_t scattered = population_scatter(number);
    const uint64_t low = scattered * 0x9e3779b97f4a7c15ULL;

    person.name[0] = 'u';
    for (unsigned i = 0; i < 8; i++)
        person.name[1 + i] = digits[(scattered >> (35 - 5 * i)) & 31];
    snprintf(person.email, sizeof(person.email), "%s@example.com", person.name);
    for (unsigned i = 0; i < 6; i++)
        person.user_id.bytes[i] = (uint8_t)((uint64_t)person.joined >> (40 - 8 * i));
    for (unsigned i = 0; i < 8; i++)
        person.user_id.bytes[8 + i] = (uint8_t)(low >> (56 - 8 * i));
    person.user_id.bytes[6] = 0x70; /* version 7 */
    person.user_id.bytes[8] = (uint8_t)(0x80 | (person.user_id.bytes[8] & 0x3f));
    return person;
}

#endif
