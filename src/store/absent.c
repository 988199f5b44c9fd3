/* See absent.h. Exact keys, no digests: one that only looked like another would be an account
 * twice. A key has one place; its hash is no secret, and who finds two for one place costs us a
 * search. */
#include "absent.h"

#include <stdlib.h>
#include <string.h>

#define PLACES        2048U /* some hundred sign-ups under way, three keys each */
#define KEY_MAX_BYTES 62U   /* longer ones are searched for */

struct place {
    uint8_t table; /* and one; 0: empty */
    uint8_t len;
    uint8_t key[KEY_MAX_BYTES];
};

struct absent {
    struct place places[PLACES];
};

struct absent *absent_new(void)
{
    return xcalloc(1, sizeof(struct absent));
}

void absent_free(struct absent **absent)
{
    free(*absent);
    *absent = NULL;
}

/* FNV-1a, folded. */
static uint32_t place_of(enum table table, struct slice key)
{
    uint32_t hash = 2166136261U ^ (uint32_t)table;

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (uint8_t)key.at[i]) * 16777619U;
    return (hash ^ hash >> 16) % PLACES;
}

static bool is_of(const struct place *place, enum table table, struct slice key)
{
    return place->table == table + 1U && place->len == key.len &&
           memcmp(place->key, key.at, key.len) == 0;
}

void absent_note(struct absent *absent, enum table table, struct slice key)
{
    if (!absent || key.len > KEY_MAX_BYTES)
        return;
    struct place *place = &absent->places[place_of(table, key)];
    place->table = (uint8_t)(table + 1);
    place->len = (uint8_t)key.len;
    memcpy(place->key, key.at, key.len);
}

void absent_forget(struct absent *absent, enum table table, struct slice key)
{
    if (!absent || key.len > KEY_MAX_BYTES)
        return;
    struct place *place = &absent->places[place_of(table, key)];
    if (is_of(place, table, key))
        place->table = 0;
}

bool absent_knows(const struct absent *absent, enum table table, struct slice key)
{
    return absent && key.len <= KEY_MAX_BYTES &&
           is_of(&absent->places[place_of(table, key)], table, key);
}
