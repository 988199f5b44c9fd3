/* Requests <-> password engine.
 *
 * A job travels loop -> engine -> message queue -> loop and is freed there; exactly one comes back
 * for each that the engine took. The request stays alive meanwhile: a client's leaving only cuts it
 * loose from libh2o. */
#include "hasher.h"

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"

#include "reply.h"
#include "server.h"

/* One that waits is answered within this time (docs/design.md section 9). */
#define HASH_WAIT_NS (60 * NS_PER_S)

struct hasher {
    struct worker *worker;
    struct password_engine *engine;
    h2o_multithread_receiver_t receiver;
    struct password_cost cost;           /* today's */
    char nobody[PASSWORD_ENCODED_BYTES]; /* a stored form that no password matches */
};

struct hash_job {
    struct password_work work; /* first: the engine knows the job by it */
    h2o_multithread_message_t message;
    struct request *request;
    hasher_done_fn on_done;
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

/* On the loop. */
static void on_messages(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    (void)receiver;
    while (!h2o_linklist_is_empty(messages)) {
        struct hash_job *job =
            H2O_STRUCT_FROM_MEMBER(struct hash_job, message.link, messages->next);
        h2o_linklist_unlink(&job->message.link);
        if (!job->work.expired)
            metric_count(METRIC_HASHES);
        job->request->hash = NULL;
        job->on_done(job->request, &job->work);
        secret_wipe(job, sizeof(*job));
        free(job);
    }
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

struct hasher *hasher_new(struct worker *worker)
{
    struct hasher *hasher = xcalloc(1, sizeof(*hasher));

    hasher->worker = worker;
    hasher->cost = cost_of(worker->config);
    password_form_nobody(&hasher->cost, hasher->nobody);
    h2o_multithread_register_receiver(worker->server->context.queue, &hasher->receiver,
                                      on_messages);
    const struct password_engine_options options = {
        .threads = (unsigned)worker->config->password_threads,
        .lanes_max = 16,
        .queue_max = (unsigned)worker->config->password_queue_max,
        .on_done = on_hashed,
        .context = hasher,
    };
    hasher->engine = password_engine_new(&options);
    return hasher;
}

void hasher_free(struct hasher **hasher)
{
    if (*hasher == NULL)
        return;
    password_engine_free(&(*hasher)->engine);
    server_run((*hasher)->worker->server, 0); /* what came back meanwhile */
    h2o_multithread_unregister_receiver((*hasher)->receiver.queue, &(*hasher)->receiver);
    free(*hasher);
    *hasher = NULL;
}

/* Takes the job. */
static bool submit(struct request **request, struct hash_job *job, struct slice password,
                   hasher_done_fn on_done)
{
    struct hasher *hasher = (*request)->worker->hasher;
    struct password_work *work = &job->work;

    BUG_ON(password.len > PASSWORD_MAX_BYTES);
    memcpy(work->password, password.at, password.len);
    work->password_len = password.len;
    work->cost = hasher->cost;
    work->deadline = clock_mono_ns() + HASH_WAIT_NS;
    job->request = *request;
    job->on_done = on_done;
    (*request)->hash = work;
    FAULT("w.before_hash");
    if (password_engine_submit(hasher->engine, &work))
        return true;
    secret_wipe(job, sizeof(*job));
    free(job);
    (*request)->hash = NULL;
    metric_count(METRIC_HASH_REFUSED);
    reply_problem(request, PROBLEM_UNAVAILABLE);
    return false;
}

bool hasher_encode(struct request **request, struct slice password, hasher_done_fn on_done)
{
    struct hash_job *job = xcalloc(1, sizeof(*job));

    job->work.task = PASSWORD_ENCODE;
    job->work.priority = PASSWORD_SIGNUP;
    return submit(request, job, password, on_done);
}

bool hasher_verify(struct request **request, struct slice password, const char *encoded,
                   hasher_done_fn on_done)
{
    struct hash_job *job = xcalloc(1, sizeof(*job));

    job->work.task = PASSWORD_VERIFY;
    job->work.priority = PASSWORD_LOGIN;
    snprintf(job->work.encoded, sizeof(job->work.encoded), "%s",
             encoded[0] != '\0' ? encoded : (*request)->worker->hasher->nobody);
    return submit(request, job, password, on_done);
}

void hasher_cancel(struct hasher *hasher, const struct password_work *work)
{
    password_engine_cancel(hasher->engine, work);
}
