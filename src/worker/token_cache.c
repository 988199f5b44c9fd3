/* See token_cache.h.
 *
 * Eight-way sets, as in a processor: a token can stand in eight places, which its tag tells. The
 * tag is a keyed hash of the token's last bytes, its signature: who can be heard in time of that
 * learns nothing about another's token, and nobody can aim at a set. Then the whole token is
 * compared, in constant time. In a full set what is no longer good goes first, else what has been
 * of no use for longest. */
#include "token_cache.h"

#include <stdlib.h>

#include "gatepost/metrics.h"
#include "gatepost/secret.h"
#include "gatepost/siphash.h"

#define WAYS         8
#define TAGGED_BYTES 32 /* of the token's end; shorter ones are never good */

struct entry {
    struct token_proof proof;
    uint64_t used; /* the cache's turn when it was found last */
    size_t token_len;
    char token[];
};

struct set {
    uint64_t tags[WAYS];
    struct entry *entries[WAYS]; /* NULL: free */
};

struct token_cache {
    const struct segment *segment;
    uint64_t key[2];
    uint64_t turn;
    size_t set_count;
    struct set sets[];
};

struct token_cache *token_cache_new(const struct segment *segment, size_t entries_max)
{
    size_t set_count = (entries_max + WAYS - 1) / WAYS;
    struct token_cache *cache;

    if (set_count == 0)
        return NULL;
    cache = xcalloc(1, sizeof(*cache) + set_count * sizeof(cache->sets[0]));
    cache->segment = segment;
    cache->set_count = set_count;
    random_bytes(cache->key, sizeof(cache->key));
    return cache;
}

static void entry_drop(struct entry **entry)
{
    struct entry *dropped = *entry;

    *entry = NULL;
    if (dropped == NULL)
        return;
    account_drop(&dropped->proof.account);
    secret_wipe(dropped->token, dropped->token_len);
    free(dropped);
}

void token_cache_free(struct token_cache **cache)
{
    struct token_cache *gone = *cache;

    *cache = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < gone->set_count; i++) {
        for (size_t way = 0; way < WAYS; way++)
            entry_drop(&gone->sets[i].entries[way]);
    }
    free(gone);
}

/* Of a token the end is what differs: its signature. */
static uint64_t tag_of(const struct token_cache *cache, struct slice token)
{
    return siphash(cache->key, token.at + token.len - TAGGED_BYTES, TAGGED_BYTES);
}

/* ---- find and keep ------------------------------------------------------------------------------
 */

static bool fits(const struct token_cache *cache, struct slice token)
{
    return cache != NULL && token.len >= TAGGED_BYTES && token.len <= TOKEN_CACHE_TOKEN_MAX;
}

static bool is_good(const struct token_cache *cache, const struct entry *entry, wall_ms now)
{
    return now >= entry->proof.from && now < entry->proof.until &&
           epochs_stand(cache->segment, &entry->proof.seen);
}

/* The place of that token, or NULL. */
static struct entry **look(struct set *set, uint64_t tag, struct slice token)
{
    for (size_t way = 0; way < WAYS; way++) {
        const struct entry *entry = set->entries[way];

        if (entry != NULL && set->tags[way] == tag && entry->token_len == token.len &&
            secret_equal(entry->token, token.at, token.len))
            return &set->entries[way];
    }
    return NULL;
}

const struct account *token_cache_find(struct token_cache *cache, struct slice token, wall_ms now)
{
    struct entry **place;

    if (!fits(cache, token))
        return NULL;
    uint64_t tag = tag_of(cache, token);
    place = look(&cache->sets[tag % cache->set_count], tag, token);
    if (place != NULL && !is_good(cache, *place, now))
        entry_drop(place);
    if (place == NULL || *place == NULL) {
        metric_count(METRIC_TOKEN_CACHE_MISSES);
        return NULL;
    }
    metric_count(METRIC_TOKEN_CACHE_HITS);
    (*place)->used = ++cache->turn;
    return account_hold((*place)->proof.account);
}

/* Which way to give up. */
static size_t choose(const struct token_cache *cache, const struct set *set, wall_ms now)
{
    size_t oldest = 0;

    for (size_t way = 0; way < WAYS; way++) {
        const struct entry *entry = set->entries[way];

        if (entry == NULL || !is_good(cache, entry, now))
            return way;
        if (entry->used < set->entries[oldest]->used)
            oldest = way;
    }
    return oldest;
}

void token_cache_keep(struct token_cache *cache, struct slice token,
                      const struct token_proof *proof)
{
    struct entry *entry;

    if (!fits(cache, token))
        return;
    uint64_t tag = tag_of(cache, token);
    struct set *set = &cache->sets[tag % cache->set_count];
    struct entry **place = look(set, tag, token); /* two requests may have asked at once */
    size_t way = place != NULL ? (size_t)(place - set->entries) : choose(cache, set, proof->from);

    entry_drop(&set->entries[way]);
    entry = xcalloc(1, sizeof(*entry) + token.len);
    entry->proof = *proof;
    entry->proof.account = account_hold(proof->account);
    entry->used = ++cache->turn;
    entry->token_len = token.len;
    memcpy(entry->token, token.at, token.len);
    set->tags[way] = tag;
    set->entries[way] = entry;
}
