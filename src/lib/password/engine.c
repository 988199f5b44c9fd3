/* The hash threads and the bounded queue in front of them.
 *
 * Invariant: a work that was taken is at any time in exactly one place: a queue, the list of those
 * that ended without a computation, or the hands of one hash thread; and it leaves by on_done, on
 * a hash thread, once, without its password. All lists are under one mutex, which nobody holds
 * while it computes or calls on_done.
 *
 * Story of a hash thread: move what is overdue to the ended ones; give back one of those, if there
 * is one; else compute the first of the most urgent queue; else sleep. When the engine is being
 * freed everything that waits counts as ended, and a computation stops at its next step. */
#include "hash.h"

#include "gatepost/secret.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE_STEP 5

struct work_list {
    struct password_work *first;
    struct password_work *last;
};

struct password_engine {
    struct password_engine_options options;
    pthread_mutex_t mutex; /* guards all up to the threads */
    pthread_cond_t filled;
    struct work_list queues[PASSWORD_PRIORITIES];
    struct work_list ended;
    size_t waiting;            /* works in the queues */
    mono_ns earliest_deadline; /* of those: before it there is nothing overdue */
    atomic_bool stopping;      /* written under the mutex, read without it by computations */
    pthread_t threads[];       /* options.threads of them */
};

/* ---- lists: the caller holds the mutex
 * ----------------------------------------------------------- */

static void list_append(struct work_list *list, struct password_work *work)
{
    work->next = NULL;
    if (list->first == NULL)
        list->first = work;
    else
        list->last->next = work;
    list->last = work;
}

static struct password_work *list_take_first(struct work_list *list)
{
    struct password_work *work = list->first;

    if (work != NULL)
        list->first = work->next;
    return work;
}

/* Moves works of the queues to the ended ones: those whose deadline has passed, or all. */
static void end_overdue(struct password_engine *engine, mono_ns now, bool all)
{
    mono_ns earliest = UINT64_MAX;

    if (!all && now < engine->earliest_deadline)
        return;
    for (size_t i = 0; i < PASSWORD_PRIORITIES; i++) {
        struct work_list queue = engine->queues[i];
        struct password_work *work;

        engine->queues[i] = (struct work_list){0};
        while ((work = list_take_first(&queue)) != NULL) {
            if (all || now >= work->deadline) {
                list_append(&engine->ended, work);
                engine->waiting--;
            } else {
                list_append(&engine->queues[i], work);
                earliest = work->deadline < earliest ? work->deadline : earliest;
            }
        }
    }
    engine->earliest_deadline = earliest;
}

/* NULL: it is not in this list. */
static struct password_work *list_remove(struct work_list *list, const struct password_work *wanted)
{
    struct password_work *before = NULL;
    struct password_work *work = list->first;

    for (; work != NULL && work != wanted; work = work->next)
        before = work;
    if (work == NULL)
        return NULL;
    if (before == NULL)
        list->first = work->next;
    else
        before->next = work->next;
    if (list->last == work)
        list->last = before;
    return work;
}

/* ---- hash threads
 * -------------------------------------------------------------------------------- */

/* Waits for something to do. NULL: the engine ends and nothing is left.
 * ended_out: the work is to be given back without a computation. */
static struct password_work *take_work(struct password_engine *engine, bool *ended_out)
{
    struct password_work *work = NULL;
    bool stopping = false;

    pthread_mutex_lock(&engine->mutex);
    while (work == NULL && !stopping) {
        stopping = atomic_load_explicit(&engine->stopping, memory_order_relaxed);
        end_overdue(engine, clock_mono_ns(), stopping);
        work = list_take_first(&engine->ended);
        *ended_out = work != NULL;
        for (size_t i = 0; work == NULL && i < PASSWORD_PRIORITIES; i++) {
            work = list_take_first(&engine->queues[i]);
            engine->waiting -= work != NULL;
        }
        if (work == NULL && !stopping)
            pthread_cond_wait(&engine->filled, &engine->mutex);
    }
    pthread_mutex_unlock(&engine->mutex);
    return work;
}

static void give_back(const struct password_engine *engine, struct password_work *work,
                      bool expired)
{
    secret_wipe(work->password, sizeof(work->password));
    work->password_len = 0;
    work->next = NULL;
    work->expired = expired;
    engine->options.on_done(engine->options.context, work);
}

/* Linux keeps a nice value for each thread. A failure leaves hashing correct, only less polite. */
static void lower_priority(void)
{
    id_t thread = (id_t)gettid();

    (void)setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + NICE_STEP);
}

static void *hash_thread(void *context)
{
    struct password_engine *engine = context;
    struct password_work *work;
    bool ended;

    lower_priority();
    while ((work = take_work(engine, &ended)) != NULL) {
        bool computed = !ended && password_work_compute(work, &engine->stopping);

        give_back(engine, work, !computed);
    }
    return NULL;
}

/* ---- the submitter's side
 * ------------------------------------------------------------------------ */

struct password_engine *password_engine_new(const struct password_engine_options *options)
{
    sigset_t all;
    sigset_t before;

    BUG_ON(options->threads == 0 || options->queue_max == 0 || options->on_done == NULL);
    struct password_engine *engine =
        xcalloc(1, sizeof(*engine) + options->threads * sizeof(engine->threads[0]));
    engine->options = *options;
    engine->earliest_deadline = UINT64_MAX;
    BUG_ON(pthread_mutex_init(&engine->mutex, NULL) != 0);
    BUG_ON(pthread_cond_init(&engine->filled, NULL) != 0);

    /* Signals are the event loop's. */
    sigfillset(&all);
    BUG_ON(pthread_sigmask(SIG_SETMASK, &all, &before) != 0);
    for (unsigned i = 0; i < options->threads; i++)
        BUG_ON(pthread_create(&engine->threads[i], NULL, hash_thread, engine) != 0);
    BUG_ON(pthread_sigmask(SIG_SETMASK, &before, NULL) != 0);
    return engine;
}

void password_engine_free(struct password_engine **engine_pointer)
{
    struct password_engine *engine = *engine_pointer;

    if (engine == NULL)
        return;
    pthread_mutex_lock(&engine->mutex);
    atomic_store_explicit(&engine->stopping, true, memory_order_relaxed);
    pthread_cond_broadcast(&engine->filled);
    pthread_mutex_unlock(&engine->mutex);
    for (unsigned i = 0; i < engine->options.threads; i++)
        BUG_ON(pthread_join(engine->threads[i], NULL) != 0);
    BUG_ON(engine->waiting != 0 || engine->ended.first != NULL);
    pthread_cond_destroy(&engine->filled);
    pthread_mutex_destroy(&engine->mutex);
    free(engine);
    *engine_pointer = NULL;
}

bool password_engine_submit(struct password_engine *engine, struct password_work **work)
{
    struct password_work *taken = *work;

    BUG_ON((unsigned)taken->priority >= PASSWORD_PRIORITIES);
    BUG_ON(taken->task == PASSWORD_ENCODE && taken->cost.iterations == 0);
    pthread_mutex_lock(&engine->mutex);
    bool room = engine->waiting < engine->options.queue_max;
    if (room) {
        list_append(&engine->queues[taken->priority], taken);
        engine->waiting++;
        if (taken->deadline < engine->earliest_deadline)
            engine->earliest_deadline = taken->deadline;
        *work = NULL;
        pthread_cond_signal(&engine->filled);
    }
    pthread_mutex_unlock(&engine->mutex);
    return room;
}

void password_engine_cancel(struct password_engine *engine, const struct password_work *work)
{
    struct password_work *found = NULL;

    pthread_mutex_lock(&engine->mutex);
    for (size_t i = 0; found == NULL && i < PASSWORD_PRIORITIES; i++)
        found = list_remove(&engine->queues[i], work);
    if (found != NULL) {
        list_append(&engine->ended, found);
        engine->waiting--;
        pthread_cond_signal(&engine->filled);
    }
    pthread_mutex_unlock(&engine->mutex);
}

size_t password_engine_waiting(struct password_engine *engine)
{
    pthread_mutex_lock(&engine->mutex);
    size_t waiting = engine->waiting;
    pthread_mutex_unlock(&engine->mutex);
    return waiting;
}
