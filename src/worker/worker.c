/* A worker: HTTP in, requests to the store and the hash threads, answers out. The admin process is
 * one too, with a listener and routes of its own and without the keys.
 *
 * worker_main is the order of docs/design.md section 7; what it opens it closes in reverse. One
 * thread runs the loop and owns everything in struct worker; the hash threads only see their work.
 *
 * The loop sleeps in libh2o's epoll. Answers of the store wake it by the slot's eventfd, hash
 * threads by libh2o's own queue; both bring replies, and a reply that was sent outside of
 * h2o_evloop_run is finished by the next run, which therefore must not sleep. */
#include "worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "gatepost/password_policy.h"
#include "gatepost/sandbox.h"

#include "gone.h"
#include "hasher.h"
#include "http2.h"
#include "new_password.h"
#include "origin.h"
#include "peer.h"
#include "rehash.h"
#include "reply.h"
#include "routes.h"
#include "server.h"
#include "throttle.h"
#include "tls.h"
#include "token_cache.h"
#include "tokens.h"

/* How often clients that wait for a hash are looked at. By the loop's turns, which go by the
 * monotonic clock: libh2o's timers stand still when the wall clock is set back. */
#define HASHES_LOOK_MS 250

/* After the last answer: turns of the loop for cut connections to be noticed and freed. */
#define FAREWELL_TURNS 16

/* ---- in -----------------------------------------------------------------------------------------
 */

/* Administration makes no token and checks none. */
static void load_secrets(struct worker *worker)
{
    const struct config *config = worker->config;
    const struct token_rules rules = {
        .secret_file = config->token_secret_file,
        .dir = config->token_key_dir,
        .algorithm = (enum token_algorithm)config->token_algorithm,
        .accept_hs256 = config->token_accept_hs256,
        .life_s = config->token_refresh_s > config->token_access_s ? config->token_refresh_s
                                                                   : config->token_access_s,
    };
    struct err err;

    if (worker->heritage->role == ROLE_ADMIN)
        return;
    secret_guard_keys();
    worker->token_keys = token_keys_load(&rules, &err);
    if (worker->token_keys == NULL ||
        !secret_load(config->mail_key_file, SECRET_KEY_MIN_BYTES, &worker->mail_key, &err))
        die(EXIT_SECRET, "%s", err.text);
    secret_derive(token_keys_secret(worker->token_keys), "gatepost idempotency",
                  &worker->idempotency_key);
    secret_derive(token_keys_secret(worker->token_keys), TOKEN_SUCCESSOR_PURPOSE,
                  &worker->successor_key);
}

static void on_wake(struct worker *worker)
{
    (void)worker; /* the turn that follows looks at the lane, and wake_done empties the eventfd */
}

static void on_master_gone(struct worker *worker)
{
    (void)worker;
    _exit(EXIT_ORPHANED);
}

/* ORDER_STOP after ORDER_DRAIN tightens it; the other way round changes nothing. */
static void begin_stop(struct worker *worker, bool draining, uint64_t within_ms)
{
    mono_ns until = clock_mono_ns() + within_ms * NS_PER_MS;

    if (!worker->stopping || until < worker->stop_until)
        worker->stop_until = until;
    worker->draining = draining && (worker->draining || !worker->stopping);
    if (worker->stopping)
        return;
    worker->stopping = true;
    FAULT("w.draining");
    life_enter(worker->segment, worker->slot, LIFE_DRAINING);
    server_stop_listening(worker->server);
    server_begin_shutdown(worker->server);
    rehash_stop(worker);
}

static void on_order(struct worker *worker)
{
    struct proc_message message;

    while (proc_receive(worker->heritage, &message)) {
        if (message.kind == ORDER_DRAIN)
            begin_stop(worker, true, message.value);
        else if (message.kind == ORDER_STOP)
            begin_stop(worker, false, message.value);
    }
}

/* All processes of a master have the same libraries, since they are forked from it: one of each
 * start asks for every method, and none serves before that one does. */
static bool hashes_right(enum proc_role role)
{
    return role == ROLE_ADMIN ? password_self_test() : password_chain_test();
}

static void open_all(struct worker *worker, SSL_CTX *tls)
{
    const struct heritage *heritage = worker->heritage;
    struct err err;

    if (worker->heritage->role == ROLE_WORKER)
        board_set(worker->segment, BOARD_TLS_EXPIRES_S, tls_certificate_end_s(tls));
    if (!hashes_right(heritage->role))
        die(EXIT_FAILED, "the password hashes of this machine are wrong");
    worker->metrics_peers = peer_rules_new(worker->config->http_metrics_allow, &err);
    if (worker->metrics_peers == NULL)
        die(EXIT_CONFIG, "http.metrics_allow: %s", err.text);
    worker->trusted_proxies = peer_rules_new(worker->config->http_trusted_proxies, &err);
    if (worker->trusted_proxies == NULL)
        die(EXIT_CONFIG, "http.trusted_proxies: %s", err.text);
    worker->limits = throttle_open(worker);
    worker->origins =
        origins_new(worker->config->http_cors_origins, worker->config->http_public_url);
    worker->refused_passwords = new_password_list(worker->config);
    worker->token_cache = token_cache_new(worker->segment, (size_t)worker->config->token_cache_max);
    random_bytes(&worker->id_base, sizeof(worker->id_base));
    worker->server = server_new(worker, tls);
    worker->store = store_client_new(worker->segment, worker->slot);
    worker->hasher = hasher_new(worker);
    worker->mail_lane = lane_open(worker->segment, worker->slot, LANE_MAIL);
    server_watch(worker->server, wake_fd(worker->segment, worker->slot), on_wake);
    server_watch(worker->server, heritage->alive_fd, on_master_gone);
    server_watch(worker->server, heritage->control_fd, on_order);
}

/* ---- the loop -----------------------------------------------------------------------------------
 */

/* The first look is a whole period after the first hash began: short ones never see one. */
static void look_after_hashes(struct worker *worker)
{
    const mono_ns now = clock_mono_ns();

    if (hasher_pending(worker->hasher) == 0)
        worker->hashes_seen = now;
    else
        hasher_show(worker->hasher, now);
    if (now - worker->hashes_seen < HASHES_LOOK_MS * NS_PER_MS)
        return;
    worker->hashes_seen = now;
    gone_look(worker);
}

/* At a start the workers are there before the first store, which wakes them. Until then clients
 * wait in the backlog: there is nothing to tell them. */
static bool may_listen(const struct worker *worker)
{
    return !worker->listening && !worker->stopping &&
           board_get(worker->segment, BOARD_STORE_EPOCH) != 0;
}

static void listen_when_there_is_a_store(struct worker *worker)
{
    if (!may_listen(worker))
        return;
    worker->listening = true;
    server_listen(worker->server, worker->heritage);
}

static void turn(struct worker *worker, int32_t wait_ms)
{
    wake_prepare(worker->segment, worker->slot);
    const bool has_work = store_client_has_work(worker->store) || may_listen(worker);
    server_run(worker->server, has_work ? 0 : wait_ms);
    wake_done(worker->segment, worker->slot);
    uint64_t answers = worker->answers;
    FAULT("w.loop");
    store_client_poll(worker->store, clock_mono_ns());
    if (worker->answers != answers)
        server_run(worker->server, 0); /* finishes those replies, and begins what came meanwhile */
    look_after_hashes(worker);
    http2_look(worker->server, clock_mono_ns());
    life_sign(worker->segment, worker->slot);
}

/* Requests are served to their end; idle connections may finish when draining, else they end with
 * the process. */
static bool may_leave(const struct worker *worker)
{
    if (worker->draining)
        return worker->server->connection_count == 0;
    return worker->requests == NULL;
}

static int32_t wait_ms(const struct worker *worker)
{
    mono_ns now = clock_mono_ns();

    if (!worker->stopping)
        return hasher_pending(worker->hasher) > 0 ? HASHES_LOOK_MS : WAKE_WAIT_MAX_MS;
    if (now >= worker->stop_until)
        return 0;
    uint64_t left_ms = (worker->stop_until - now) / NS_PER_MS + 1;
    return left_ms < 50 ? (int32_t)left_ms : 50;
}

static void show(const struct worker *worker)
{
    metric_set(GAUGE_HTTP_OPEN, worker->server->connection_count);
    metric_set(GAUGE_HTTP_UNANSWERED, worker->request_count);
    metric_count_dropped_lines();
    metric_usage_look(clock_mono_ns());
}

static void serve(struct worker *worker)
{
    for (;;) {
        if (worker->stopping && (may_leave(worker) || clock_mono_ns() >= worker->stop_until)) {
            wake_settle(worker->segment, worker->slot);
            return;
        }
        listen_when_there_is_a_store(worker);
        turn(worker, wait_ms(worker));
        show(worker);
        throttle_count_evictions(worker);
    }
}

static void refuse_all(struct worker *worker)
{
    for (struct request *at = worker->requests; at != NULL; at = at->older)
        reply_unavailable_and_cut(at);
}

/* Whoever is still here gets a 503; then every connection is closed. */
static void say_farewell(struct worker *worker)
{
    refuse_all(worker);
    server_run(worker->server, 0);
    server_cut_connections(worker->server);
    for (int i = 0; i < FAREWELL_TURNS && worker->server->connection_count > 0; i++) {
        refuse_all(worker); /* a request that came in the turn before keeps its connection open */
        server_run(worker->server, 0);
    }
    if (worker->draining)
        proc_send(worker->heritage->control_fd, MESSAGE_DRAINED, worker->slot,
                  worker->heritage->generation, -1);
}

/* ---- out ----------------------------------------------------------------------------------------
 */

/* Returns false when a hash thread is left, see hasher_free. */
static bool close_all(struct worker *worker)
{
    const bool alone = hasher_free(&worker->hasher);

    store_client_free(&worker->store);
    while (worker->requests != NULL) { /* what waited for the store: answered already */
        struct request *request = worker->requests;
        request_free(&request);
    }
    rehash_free_all(worker);
    token_cache_free(&worker->token_cache);
    server_free(&worker->server);
    limits_close(&worker->limits);
    peer_rules_free(&worker->trusted_proxies);
    origins_free(&worker->origins);
    password_list_free(&worker->refused_passwords);
    peer_rules_free(&worker->metrics_peers);
    secret_fini(&worker->successor_key);
    secret_fini(&worker->idempotency_key);
    secret_fini(&worker->mail_key);
    token_keys_free(&worker->token_keys);
    return alone;
}

int worker_main(struct heritage *heritage)
{
    struct worker worker = {
        .heritage = heritage,
        .config = heritage->config,
        .segment = heritage->segment,
        .slot = heritage->slot,
        .routes = heritage->role == ROLE_ADMIN ? &ADMIN_ROUTES : &WORKER_ROUTES,
    };

    proc_enter(heritage);
    metrics_init(worker.segment, worker.slot);
    load_secrets(&worker);
    SSL_CTX *tls = heritage->role == ROLE_ADMIN ? NULL : tls_load(worker.config);
    proc_drop_privileges(heritage);
    open_all(&worker, tls);
    sandbox_enter(heritage);
    FAULT("w.opened");
    proc_ready(heritage);
    serve(&worker);
    say_farewell(&worker);
    if (!close_all(&worker))
        _exit(EXIT_DONE);
    return EXIT_DONE;
}
