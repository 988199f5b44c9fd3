/* One worker process: what its files share. Everything here belongs to the loop thread. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "gatepost/lane.h"
#include "gatepost/proc.h"
#include "gatepost/store_client.h"
#include "gatepost/token_keys.h"

struct hasher;
struct server;
struct request;
struct rehash;
struct limits;
struct route_table;
struct peer_rules;
struct origins;
struct password_list;
struct token_cache;

/* How long a request waits for the store: longer than a store takes to be replaced. */
#define STORE_WAIT_NS (10 * NS_PER_S)

struct worker {
    const struct heritage *heritage;  /* borrowed */
    const struct config *config;      /* borrowed from heritage */
    struct segment *segment;          /* borrowed from heritage */
    uint32_t slot;                    /* of heritage */
    const struct route_table *routes; /* of its role */
    struct token_keys *token_keys;
    struct secret mail_key;
    struct secret idempotency_key; /* derived from token.secret_file */
    struct secret successor_key;   /* the same: makes a refresh token's successor */
    struct peer_rules *metrics_peers;
    struct peer_rules *trusted_proxies;
    struct limits *limits;
    struct origins *origins; /* that pages may have which call the API */
    struct password_list *refused_passwords;
    struct token_cache *token_cache; /* NULL: token.cache_max is 0 */
    struct server *server;
    struct store_client *store;
    struct hasher *hasher;
    struct lane mail_lane;

    struct request *requests; /* not yet answered, newest first */
    size_t request_count;     /* of those */
    struct rehash *rehashes;  /* under way, newest first */
    uint32_t audit_notes;     /* that wait for the store */
    mono_ns throttle_noted;   /* when the last 429 was told to the audit trail; 0: never */
    mono_ns hashes_seen;      /* when the hashes under way were last looked after */
    uint64_t answers;         /* replies sent; tells the loop that there is something to flush */
    uint64_t id_base;         /* random, and id_count: what request ids are made of */
    uint64_t id_count;

    bool listening;     /* there was a store, and clients are taken */
    bool stopping;      /* ORDER_STOP or ORDER_DRAIN came */
    bool draining;      /* it was ORDER_DRAIN: idle connections may finish */
    mono_ns stop_until; /* deadline of either */
};

#endif
