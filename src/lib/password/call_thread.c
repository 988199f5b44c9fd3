/* A call thread: takes a work whose form is not PBKDF2-HMAC-SHA-256, computes it in one call of a
 * library, gives it back. These are threads of their own so that a call of a second does not hold
 * up the lanes. */
#include "engine.h"

#include "gatepost/secret.h"

/* call_ns: what the last one took, 0 before the first.
 * NULL: the engine ends; what waits then is given back by the lane threads. */
static struct password_work *take_work(struct call_thread *thread, mono_ns call_ns)
{
    struct password_engine *engine = thread->engine;
    struct password_work *work = NULL;

    pthread_mutex_lock(&engine->mutex);
    thread->busy = false;
    if (call_ns > 0)
        engine_learn(engine, call_ns);
    while (!engine->stopping && (work = queue_take(&engine->queue, QUEUE_CALLS)) == NULL)
        pthread_cond_wait(&engine->calls_wanted, &engine->mutex);
    thread->busy = work != NULL;
    pthread_mutex_unlock(&engine->mutex);
    return work;
}

void *call_thread_main(void *of_thread)
{
    struct call_thread *thread = of_thread;
    struct password_work *work;
    mono_ns call_ns = 0;

    hash_thread_begin();
    while ((work = take_work(thread, call_ns)) != NULL) {
        const mono_ns begun = clock_mono_ns();

        work->waited_ns = begun - work->submitted;
        const bool computed = hash_call(work);
        call_ns = work->computed_ns = clock_mono_ns() - begun;
        secret_wipe_stack();
        engine_give_back(thread->engine, work, !computed);
    }
    return NULL;
}
