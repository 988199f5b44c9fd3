/* A call thread: takes a work whose form is not PBKDF2-HMAC-SHA-256, computes it in one call of a
 * library, gives it back. These are threads of their own so that a call of a second does not hold
 * up the lanes.
 *
 * A call cannot be stopped, so it does not hold the work: whoever cancels it, or ends the engine,
 * takes the work away, and the call goes on for nobody. */
#include "engine.h"

#include "gatepost/secret.h"

/* NULL: the engine ends; what waits then is given back by the lane threads. */
static struct password_work *take_work(struct call_thread *thread)
{
    struct password_engine *engine = thread->engine;
    struct password_work *work = NULL;

    pthread_mutex_lock(&engine->mutex);
    while (!engine->stopping && (work = queue_take(&engine->queue, QUEUE_CALLS)) == NULL)
        pthread_cond_wait(&engine->calls_wanted, &engine->mutex);
    thread->work = work;
    thread->busy = work != NULL;
    if (work != NULL)
        work->waited_ns = clock_mono_ns() - work->submitted;
    pthread_mutex_unlock(&engine->mutex);
    return work;
}

/* call_ns: 0 when there was no call. Returns the work, if it is still there. */
static struct password_work *leave_work(struct call_thread *thread, mono_ns call_ns)
{
    struct password_engine *engine = thread->engine;

    pthread_mutex_lock(&engine->mutex);
    struct password_work *work = thread->work;
    thread->work = NULL;
    thread->busy = false;
    if (call_ns > 0)
        engine_learn(engine, call_ns);
    pthread_mutex_unlock(&engine->mutex);
    return work;
}

/* Until the call has what it needs the work may not be taken away: begun says so. */
static bool begin_call(struct call_thread *thread, struct password_work *work)
{
    struct password_engine *engine = thread->engine;

    pthread_mutex_lock(&engine->mutex);
    const bool begun = thread->work != NULL && hash_call_begin(work, &thread->call);
    pthread_mutex_unlock(&engine->mutex);
    return begun;
}

void *call_thread_main(void *of_thread)
{
    struct call_thread *thread = of_thread;
    struct password_work *work;

    hash_thread_begin();
    while ((work = take_work(thread)) != NULL) {
        const mono_ns begun_at = clock_mono_ns();
        const bool begun = begin_call(thread, work);
        const bool computed = begun && hash_call_compute(&thread->call);
        const mono_ns call_ns = begun ? clock_mono_ns() - begun_at : 0;

        secret_wipe_stack();
        work = leave_work(thread, call_ns);
        hash_call_end(computed ? work : NULL, &thread->call);
        if (work == NULL)
            continue;
        work->computed_ns = call_ns;
        work->expired = begun && !computed;
        engine_give_back(thread->engine, work);
    }
    return NULL;
}
