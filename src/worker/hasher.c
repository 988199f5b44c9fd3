/* Requests, and others who want a hash <-> password engine.
 *
 * A job travels loop -> engine -> message queue -> loop and is wiped and freed there; exactly one
 * comes back for each that the engine took. Its owner stays alive meanwhile: a client's leaving
 * only cuts a request loose from libh2o. */
#include "hasher.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "gatepost/password_policy.h"
#include "gatepost/secret.h"

#include "http2.h"
#include "peer.h"
#include "reply.h"
#include "server.h"

/* So many at once that their memory is worth giving back: half a MiB and more. */
#define STORM_PENDING 128

/* One that waits is answered within this time (docs/design.md section 9). */
#define HASH_WAIT_NS (60 * NS_PER_S)

/* The gauges need no more; the engine's lock is for those who hash. */
#define SHOW_NS (10 * NS_PER_MS)

struct hasher {
    struct worker *worker;
    struct password_engine *engine;
    h2o_multithread_receiver_t receiver;
    struct password_cost cost; /* today's */
    size_t pending;
    size_t pending_most;                 /* since it was 0 */
    mono_ns shown;                       /* when the gauges were set */
    uint64_t client_key;                 /* random: addresses are mixed with it */
    char nobody[PASSWORD_ENCODED_BYTES]; /* a stored form that no password matches */
};

struct hash_job {
    struct password_work work; /* first: the engine knows the job by it */
    h2o_multithread_message_t message;
    hasher_done_fn on_done;
    void *owner;
    const struct password_work **under_way;
    bool cancelled; /* the loop's */
    size_t typed_len;
    char *typed; /* VERIFY: as it was typed, to be tried next, where that is not as it is hashed */
};

_Static_assert(offsetof(struct hash_job, work) == 0, "the engine's pointer is the job's");

/* On a hash thread. */
static void on_hashed(void *context, struct password_work *work)
{
    struct hasher *hasher = context;
    struct hash_job *job = (struct hash_job *)work;

    FAULT("w.hashed");
    h2o_multithread_send_message(&hasher->receiver, &job->message);
}

void hasher_show(struct hasher *hasher, mono_ns now)
{
    struct password_engine_view view;

    if (now - hasher->shown < SHOW_NS)
        return;
    hasher->shown = now;
    password_engine_look(hasher->engine, &view);
    metric_set(GAUGE_HASH_QUEUE, view.waiting);
    metric_set(GAUGE_HASH_LANES, view.lanes_busy);
}

/* The engine may not know yet that its last one is back. After a storm its memory goes back to the
 * machine, which the allocator would keep. */
static void rest(struct hasher *hasher)
{
    if (hasher->pending_most >= STORM_PENDING)
        (void)malloc_trim(0);
    hasher->pending_most = 0;
    hasher->shown = 0;
    metric_set(GAUGE_HASH_QUEUE, 0);
    metric_set(GAUGE_HASH_LANES, 0);
}

static void forget_typed(struct hash_job *job)
{
    if (job->typed == NULL)
        return;
    secret_wipe(job->typed, job->typed_len);
    free(job->typed);
    job->typed = NULL;
}

static void job_free(struct hash_job *job)
{
    forget_typed(job);
    secret_wipe(job, sizeof(*job));
    free(job);
}

static void count(const struct hash_job *job)
{
    if (job->work.expired) {
        metric_count(job->cancelled ? METRIC_HASH_CANCELLED : METRIC_HASH_EXPIRED);
        return;
    }
    metric_count(METRIC_HASHES);
    metric_observe(HISTOGRAM_HASH_WAIT, job->work.waited_ns);
    metric_observe(HISTOGRAM_HASH_TIME, job->work.computed_ns);
}

/* Passwords are hashed as password_prepare spells them; not so those of accounts that were
 * imported. So what does not match is tried once more as it was typed. What is in ASCII, and most
 * of what is not, is spelled alike, and costs one hash; a wrong password in the other spelling
 * costs two, whoever's it is. */
static bool try_as_typed(struct hasher *hasher, struct hash_job *job)
{
    struct password_work *work = &job->work;

    if (job->typed == NULL || work->expired || work->matches || job->cancelled)
        return false;
    memcpy(work->password, job->typed, job->typed_len);
    work->password_len = job->typed_len;
    forget_typed(job);
    work->deadline = clock_mono_ns() + HASH_WAIT_NS;
    if (password_engine_submit(hasher->engine, &work)) {
        secret_wipe_stack();
        return true;
    }
    metric_count(METRIC_HASH_REFUSED);
    job->work.expired = true;
    return false;
}

/* On the loop. */
static void on_messages(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct hasher *hasher = H2O_STRUCT_FROM_MEMBER(struct hasher, receiver, receiver);

    while (!h2o_linklist_is_empty(messages)) {
        struct hash_job *job =
            H2O_STRUCT_FROM_MEMBER(struct hash_job, message.link, messages->next);
        h2o_linklist_unlink(&job->message.link);
        count(job);
        if (try_as_typed(hasher, job))
            continue;
        hasher->pending--;
        *job->under_way = NULL;
        job->on_done(job->owner, &job->work);
        job_free(job);
    }
    if (hasher->pending == 0)
        rest(hasher);
}

static struct password_cost cost_of(const struct config *config)
{
    return (struct password_cost){
        .algorithm = (enum password_algorithm)config->password_algorithm,
        .iterations = (uint32_t)config->password_iterations,
        .argon2_memory_kib = (uint32_t)config->password_argon2_memory_kib,
        .argon2_passes = (uint32_t)config->password_argon2_passes,
        .argon2_lanes = (uint32_t)config->password_argon2_lanes,
        .scrypt_log2_n = (uint32_t)config->password_scrypt_log2_n,
        .scrypt_r = (uint32_t)config->password_scrypt_r,
        .scrypt_p = (uint32_t)config->password_scrypt_p,
    };
}

/* All workers hash at once when there is much to do. */
static double processors_of_each_thread(const struct config *config)
{
    const double threads = (double)(config->http_workers * config->password_threads);
    const double cores = cores_available();

    return threads > cores ? cores / threads : 1;
}

struct hasher *hasher_new(struct worker *worker)
{
    const struct config *config = worker->config;
    struct hasher *hasher = xcalloc(1, sizeof(*hasher));

    hasher->worker = worker;
    hasher->cost = cost_of(config);
    password_form_nobody(&hasher->cost, hasher->nobody);
    random_bytes(&hasher->client_key, sizeof(hasher->client_key));
    h2o_multithread_register_receiver(worker->server->context.queue, &hasher->receiver,
                                      on_messages);
    const struct password_engine_options options = {
        /* What an administrator sets in a minute needs no more. */
        .threads = worker->heritage->role == ROLE_ADMIN ? 1 : (unsigned)config->password_threads,
        .lanes_max = (unsigned)config->password_lanes,
        .queue_max = (unsigned)config->password_queue_max,
        .answer_within = (mono_ns)config->master_drain_s * NS_PER_S / 2,
        .processors = processors_of_each_thread(config),
        .cost = hasher->cost,
        .on_done = on_hashed,
        .context = hasher,
    };
    hasher->engine = password_engine_new(&options);
    if (hasher->engine == NULL)
        die(EXIT_FAILED, "no kernel of this machine computes a right password hash");
    return hasher;
}

bool hasher_free(struct hasher **hasher)
{
    if (*hasher == NULL)
        return true;
    const bool ended = password_engine_free(&(*hasher)->engine);
    server_run((*hasher)->worker->server, 0); /* what came back meanwhile */
    h2o_multithread_unregister_receiver((*hasher)->receiver.queue, &(*hasher)->receiver);
    free(*hasher);
    *hasher = NULL;
    return ended;
}

/* As it is hashed; as it was typed where that would be too long, as no new password can be. */
static void take_password(struct hash_job *job, struct slice typed)
{
    struct password_work *work = &job->work;

    if (!password_prepare(typed, work->password, &work->password_len)) {
        memcpy(work->password, typed.at, typed.len);
        work->password_len = typed.len;
    }
    if (work->task == PASSWORD_ENCODE ||
        (typed.len == work->password_len && secret_equal(typed.at, work->password, typed.len)))
        return;
    job->typed = xcalloc(1, typed.len);
    job->typed_len = typed.len;
    memcpy(job->typed, typed.at, typed.len);
}

static struct hash_job *job_new(const struct hasher *hasher, const struct hash_order *order)
{
    struct hash_job *job = xcalloc(1, sizeof(*job));
    struct password_work *work = &job->work;

    BUG_ON(order->password.len > PASSWORD_MAX_BYTES);
    work->task = order->task;
    work->priority = order->priority;
    work->client = order->peer != NULL ? peer_client(order->peer, hasher->client_key) : 0;
    work->deadline = clock_mono_ns() + HASH_WAIT_NS;
    work->cost = hasher->cost;
    work->keep_if_outdated = order->keep_if_outdated;
    take_password(job, order->password);
    if (order->encoded != NULL)
        snprintf(work->encoded, sizeof(work->encoded), "%s", order->encoded);
    job->on_done = order->on_done;
    job->owner = order->owner;
    job->under_way = order->under_way;
    return job;
}

bool hasher_submit(struct hasher *hasher, const struct hash_order *order)
{
    struct hash_job *job = job_new(hasher, order);
    struct password_work *work = &job->work;

    *order->under_way = work;
    FAULT("w.before_hash");
    if (!password_engine_submit(hasher->engine, &work)) {
        *order->under_way = NULL;
        job_free(job);
        metric_count(METRIC_HASH_REFUSED);
        return false;
    }
    secret_wipe_stack(); /* the copy went through registers, which callees may have saved */
    if (++hasher->pending > hasher->pending_most)
        hasher->pending_most = hasher->pending;
    return true;
}

/* Completes the order of a request. */
static bool submit_for(struct request **request, struct hash_order *order)
{
    (*request)->hashed = true;
    order->peer = request_peer(*request);
    order->owner = *request;
    order->under_way = &(*request)->hash;
    if ((*request)->gone) /* a stream that was reset while the store was asked */
        metric_count(METRIC_HASH_CANCELLED);
    else if (!http2_may_hash(*request))
        metric_count(METRIC_HASH_REFUSED);
    else if (hasher_submit((*request)->worker->hasher, order))
        return true;
    reply_problem(request, PROBLEM_UNAVAILABLE);
    return false;
}

bool hasher_encode(struct request **request, struct slice password, hasher_done_fn on_done)
{
    struct hash_order order = {.task = PASSWORD_ENCODE,
                               .priority = PASSWORD_SIGNUP,
                               .password = password,
                               .on_done = on_done};

    return submit_for(request, &order);
}

bool hasher_verify(struct request **request, struct slice password, const char *encoded,
                   bool keep_if_outdated, hasher_done_fn on_done)
{
    struct hash_order order = {.task = PASSWORD_VERIFY,
                               .priority = PASSWORD_LOGIN,
                               .password = password,
                               .encoded = encoded,
                               .keep_if_outdated = keep_if_outdated,
                               .on_done = on_done};

    if (encoded[0] == '\0')
        order.encoded = (*request)->worker->hasher->nobody;
    return submit_for(request, &order);
}

void hasher_cancel(struct hasher *hasher, const struct password_work *work)
{
    ((struct hash_job *)(uintptr_t)work)->cancelled = true; /* the job is ours, the work is not */
    password_engine_cancel(hasher->engine, work);
}

size_t hasher_pending(const struct hasher *hasher)
{
    return hasher->pending;
}

bool hasher_is_busy(struct hasher *hasher)
{
    struct password_engine_view view;

    password_engine_look(hasher->engine, &view);
    return view.waiting * 2 > view.queue_max;
}
