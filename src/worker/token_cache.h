/* Access tokens that were checked here, and whose account and session the store has said to stand:
 * a token that is found costs no signature, no JSON and no question.
 *
 * Found is one only while all of this holds: it is byte for byte the token that was checked; the
 * wall clock stands between the moment of the check and the end of token and session, so that
 * neither a clock set forward nor one set back lets anything pass that a check would refuse;
 * nothing about the user and the session has changed since the store was asked (gatepost/epochs.h).
 * Keys do not change under it: a worker that loads other ones begins with an empty cache.
 * Refusals are not kept: whoever has no good token pays with his own patience.
 * The loop thread alone. */
#ifndef WORKER_TOKEN_CACHE_H
#define WORKER_TOKEN_CACHE_H

#include "gatepost/epochs.h"

#include "account.h"

struct token_cache;

#define TOKEN_CACHE_TOKEN_MAX 1024 /* longer ones are checked each time */

/* entries_max: rounded up to a multiple of 8; 0 gives NULL, which is a cache that keeps nothing.
 * segment: borrowed. Memory: 130 bytes for each entry of entries_max; then for each that is taken
 * the token and its account, 3 KiB at most. */
struct token_cache *token_cache_new(const struct segment *segment, size_t entries_max);

/* Wipes what is left. */
void token_cache_free(struct token_cache **cache);

/* The account of that token, held for the caller; NULL when it is not here or not good any more. */
const struct account *token_cache_find(struct token_cache *cache, struct slice token, wall_ms now);

/* What a check has shown. seen: from before the store was asked. from: what the clock was at the
 * check of the token; until: the first moment when it, or its session, is no longer good. */
struct token_proof {
    const struct account *account; /* held once more */
    struct epochs_seen seen;
    wall_ms from;
    wall_ms until;
};

void token_cache_keep(struct token_cache *cache, struct slice token,
                      const struct token_proof *proof);

#endif
