/* The submitter's side of the engine, and its life. */
#include "engine.h"

#include "gatepost/log.h"
#include "gatepost/secret.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE_STEP 5

/* The queue that follows from the measured speed: within these, and for less than that speed, since
 * other work comes between. */
#define QUEUE_AUTO_MIN  4
#define QUEUE_AUTO_MAX  4096
#define QUEUE_AUTO_PART 0.7

/* What a call takes: a guess before the first one (bcrypt at 12), then what they took. */
#define CALL_SECONDS_FIRST 0.25
#define CALL_WEIGHT        0.1

/* ---- for both kinds of thread
 * ---------------------------------------------------------------------- */

/* Linux keeps a nice value for each thread, and 0 is the one that asks. A failure leaves hashing
 * correct, only less polite. */
void hash_thread_begin(void)
{
    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE_STEP);
}

void engine_give_back(const struct password_engine *engine, struct password_work *work)
{
    const bool kept = work->keep_if_outdated && work->matches && work->outdated && !work->expired;

    if (!kept) {
        secret_wipe(work->password, sizeof(work->password));
        work->password_len = 0;
    }
    work->next = NULL;
    engine->options.on_done(engine->options.context, work);
}

/* ---- life -------------------------------------------------------------------------------------
 */

/* A call has to be made to know how long it takes. */
static double seconds_a_call(const struct password_cost *cost)
{
    struct password_work *work = xcalloc(1, sizeof(*work));
    const mono_ns begun = clock_mono_ns();

    work->task = PASSWORD_ENCODE;
    work->cost = *cost;
    work->password_len = (size_t)snprintf(work->password, sizeof(work->password), "how long");
    const bool computed = hash_call(work);
    const mono_ns took = clock_mono_ns() - begun;
    free(work);
    return computed ? (double)took / (double)NS_PER_S : 1;
}

/* What one thread takes for one hash of today's cost: many at a time, or only one. */
static double seconds_a_hash(const struct password_engine *engine, unsigned together)
{
    const struct password_cost *cost = &engine->options.cost;

    return engine->choice.plan_ns[together] / together * cost->iterations / (double)NS_PER_S;
}

/* How many are answered in the time that was asked for. */
static size_t fitting(const struct password_engine_options *options, double hash_seconds)
{
    const double seconds = (double)options->answer_within / (double)NS_PER_S;
    const double count =
        QUEUE_AUTO_PART * seconds * options->threads * options->processors / hash_seconds;

    if (!(count > QUEUE_AUTO_MIN))
        return QUEUE_AUTO_MIN;
    return count > QUEUE_AUTO_MAX ? QUEUE_AUTO_MAX : (size_t)count;
}

static void set_calls_max(struct password_engine *engine)
{
    engine->queue.apart[QUEUE_CALLS] =
        (mono_ns)(engine->call_seconds / engine->options.threads * (double)NS_PER_S);
    if (engine->options.queue_max == 0) /* else the operator has said what he wants */
        engine->queue.calls_max = fitting(&engine->options, engine->call_seconds);
}

void engine_learn(struct password_engine *engine, mono_ns call_ns)
{
    const double seconds = (double)call_ns / (double)NS_PER_S;

    engine->call_seconds += (seconds - engine->call_seconds) * CALL_WEIGHT;
    set_calls_max(engine);
}

static void size_queue(struct password_engine *engine)
{
    const struct password_engine_options *options = &engine->options;
    const struct kernel_choice *choice = &engine->choice;
    const bool calls = options->cost.algorithm != PASSWORD_PBKDF2_SHA256;
    const size_t max = options->queue_max;
    const double many = seconds_a_hash(engine, choice->lanes_best);

    engine->call_seconds = calls && max == 0 ? seconds_a_call(&options->cost) : CALL_SECONDS_FIRST;
    queue_init(&engine->queue,
               max > 0 ? max : fitting(options, calls ? engine->call_seconds : many));
    engine->queue.apart[QUEUE_LANES] = (mono_ns)(many / options->threads * (double)NS_PER_S);
    set_calls_max(engine);
    log_info("password.measured",
             "alone=\"%s\" alone_ms=%.2f many=\"%s\" lanes=%u many_ms=%.2f queue_max=%zu",
             choice->plan[1]->name, 1e3 * seconds_a_hash(engine, 1),
             choice->plan[choice->lanes_best]->name, choice->lanes_best, 1e3 * many,
             engine->queue.max);
}

static void start_threads(struct password_engine *engine)
{
    sigset_t all;
    sigset_t before;

    /* Signals are the event loop's. */
    sigfillset(&all);
    BUG_ON(pthread_sigmask(SIG_SETMASK, &all, &before) != 0);
    for (unsigned i = 0; i < engine->options.threads; i++) {
        struct lane_thread *lanes = &engine->lane_threads[i];
        struct call_thread *calls = &engine->call_threads[i];

        lanes->engine = calls->engine = engine;
        BUG_ON(pthread_create(&lanes->id, NULL, lane_thread_main, lanes) != 0);
        BUG_ON(pthread_create(&calls->id, NULL, call_thread_main, calls) != 0);
    }
    BUG_ON(pthread_sigmask(SIG_SETMASK, &before, NULL) != 0);
}

struct password_engine *password_engine_new(const struct password_engine_options *options)
{
    const struct pbkdf2_kernel *kernels[KERNELS_MAX];
    pthread_condattr_t monotonic;

    BUG_ON(options->threads == 0 || options->lanes_max == 0 || options->on_done == NULL);
    struct password_engine *engine =
        xcalloc(1, sizeof(*engine) + options->threads * sizeof(engine->lane_threads[0]));
    engine->options = *options;
    engine->call_threads = xcalloc(options->threads, sizeof(engine->call_threads[0]));
    if (!kernels_choose(kernels, kernels_all(kernels), options->lanes_max, &engine->choice))
        goto out;
    size_queue(engine);
    BUG_ON(pthread_mutex_init(&engine->mutex, NULL) != 0);
    BUG_ON(pthread_condattr_init(&monotonic) != 0 ||
           pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
           pthread_cond_init(&engine->lanes_wanted, &monotonic) != 0);
    pthread_condattr_destroy(&monotonic);
    BUG_ON(pthread_cond_init(&engine->calls_wanted, NULL) != 0);
    start_threads(engine);
    return engine;
out:
    free(engine->call_threads);
    free(engine);
    return NULL;
}

/* Under the mutex: a lane thread gives back the work of a call that goes on for nobody. */
static void take_from_call(struct call_thread *thread)
{
    struct password_engine *engine = thread->engine;

    if (thread->work == NULL)
        return;
    work_list_append(&engine->queue.ended, thread->work);
    thread->work = NULL;
    pthread_cond_signal(&engine->lanes_wanted);
}

static void stop_threads(struct password_engine *engine)
{
    pthread_mutex_lock(&engine->mutex);
    engine->stopping = true;
    for (unsigned i = 0; i < engine->options.threads; i++)
        take_from_call(&engine->call_threads[i]);
    pthread_cond_broadcast(&engine->lanes_wanted);
    pthread_cond_broadcast(&engine->calls_wanted);
    pthread_mutex_unlock(&engine->mutex);
}

/* Returns false when it is in a call: it is left alone, and ends by itself. */
static bool join_caller(struct call_thread *thread)
{
    pthread_mutex_lock(&thread->engine->mutex);
    const bool busy = thread->busy;
    pthread_mutex_unlock(&thread->engine->mutex);
    BUG_ON((busy ? pthread_detach(thread->id) : pthread_join(thread->id, NULL)) != 0);
    return !busy;
}

/* The lane threads give back what is left. An engine with a call under way stays where it is: the
 * call ends in it. */
bool password_engine_free(struct password_engine **engine_pointer)
{
    struct password_engine *engine = *engine_pointer;
    bool ended = true;

    *engine_pointer = NULL;
    if (engine == NULL)
        return true;
    stop_threads(engine);
    for (unsigned i = 0; i < engine->options.threads; i++)
        BUG_ON(pthread_join(engine->lane_threads[i].id, NULL) != 0);
    for (unsigned i = 0; i < engine->options.threads; i++)
        ended = join_caller(&engine->call_threads[i]) && ended;
    if (!ended)
        return false;
    queue_fini(&engine->queue);
    pthread_cond_destroy(&engine->calls_wanted);
    pthread_cond_destroy(&engine->lanes_wanted);
    pthread_mutex_destroy(&engine->mutex);
    free(engine->call_threads);
    free(engine);
    return true;
}

/* ---- the submitter's side
 * ------------------------------------------------------------------------ */

bool password_engine_submit(struct password_engine *engine, struct password_work **work)
{
    struct password_work *taken = *work;

    BUG_ON((unsigned)taken->priority >= PASSWORD_PRIORITIES);
    BUG_ON(taken->task == PASSWORD_ENCODE && taken->cost.algorithm == PASSWORD_PBKDF2_SHA256 &&
           taken->cost.iterations == 0);
    taken->in_lanes = hash_in_lanes(taken);
    taken->submitted = clock_mono_ns();
    pthread_mutex_lock(&engine->mutex);
    const bool room = queue_offer(&engine->queue, taken);
    if (room) {
        *work = NULL;
        /* A lane thread also gives back who had to make room, and keeps the deadlines of calls. */
        pthread_cond_signal(&engine->lanes_wanted);
        if (!taken->in_lanes)
            pthread_cond_signal(&engine->calls_wanted);
    }
    pthread_mutex_unlock(&engine->mutex);
    return room;
}

static struct seat *seat_of(struct password_engine *engine, const struct password_work *work)
{
    for (unsigned i = 0; i < engine->options.threads; i++) {
        struct lane_thread *thread = &engine->lane_threads[i];

        for (size_t j = 0; j < PBKDF2_LANES_MAX; j++) {
            if (thread->seats[j].work == work)
                return &thread->seats[j];
        }
    }
    return NULL;
}

void password_engine_cancel(struct password_engine *engine, const struct password_work *work)
{
    pthread_mutex_lock(&engine->mutex);
    if (queue_end(&engine->queue, work)) {
        pthread_cond_signal(&engine->lanes_wanted);
    } else {
        struct seat *seat = seat_of(engine, work);

        if (seat != NULL)
            seat->cancelled = true;
        for (unsigned i = 0; i < engine->options.threads; i++) {
            if (engine->call_threads[i].work == work)
                take_from_call(&engine->call_threads[i]);
        }
    }
    pthread_mutex_unlock(&engine->mutex);
}

void password_engine_look(struct password_engine *engine, struct password_engine_view *view_out)
{
    pthread_mutex_lock(&engine->mutex);
    *view_out = (struct password_engine_view){.waiting = engine->queue.waiting,
                                              .queue_max = engine->queue.max};
    for (unsigned i = 0; i < engine->options.threads; i++)
        view_out->lanes_busy += engine->lane_threads[i].busy + engine->call_threads[i].busy;
    pthread_mutex_unlock(&engine->mutex);
}
