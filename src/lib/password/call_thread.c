/* A call thread: takes a work whose form is not PBKDF2-HMAC-SHA-256, computes it in one call of a
 * library, gives it back. These are threads of their own so that a call of a second does not hold
 * up the lanes.
 *
 * A call cannot be stopped, so it does not hold the work: whoever cancels it, or ends the engine,
 * takes the work away, and the call goes on for nobody. */
#include "engine.h"

#include "gatepost/secret.h"

#include "answers.h"

/* Takes one and all that its call needs: from the moment that the mutex is free the work may be
 * taken away. Returns false when the engine ends; what waits then is given back by the lane
 * threads. */
static bool take_work(struct call_thread *thread)
{
    struct password_engine *engine = thread->engine;
    struct password_work *work = NULL;

    pthread_mutex_lock(&engine->mutex);
    while (!engine->stopping && (work = queue_take(&engine->queue, QUEUE_CALLS)) == NULL)
        pthread_cond_wait(&engine->calls_wanted, &engine->mutex);
    thread->work = work;
    thread->busy = work != NULL;
    if (work != NULL) {
        work->waited_ns = clock_mono_ns() - work->submitted;
        BUG_ON(!hash_call_begin(work, &thread->call)); /* a form that is not known goes to lanes */
    }
    pthread_mutex_unlock(&engine->mutex);
    return work != NULL;
}

/* Returns the work, if it is still there. */
static struct password_work *leave_work(struct call_thread *thread, mono_ns call_ns)
{
    struct password_engine *engine = thread->engine;

    pthread_mutex_lock(&engine->mutex);
    struct password_work *work = thread->work;
    thread->work = NULL;
    thread->busy = false;
    engine_learn(engine, call_ns);
    pthread_mutex_unlock(&engine->mutex);
    return work;
}

/* Asked before the thread's first call; the log says which answer is wrong. A process that never
 * sees such a form does not pay for it. */
static bool answers_right(struct call_thread *thread)
{
    if (!thread->checked)
        thread->right = password_answers_right();
    thread->checked = true;
    return thread->right;
}

void *call_thread_main(void *of_thread)
{
    struct call_thread *thread = of_thread;

    hash_thread_begin();
    while (take_work(thread)) {
        const bool right = answers_right(thread);
        const mono_ns begun = clock_mono_ns();
        const bool computed = right && hash_call_compute(&thread->call);
        const mono_ns call_ns = clock_mono_ns() - begun;

        secret_wipe_stack();
        struct password_work *work = leave_work(thread, call_ns);
        hash_call_end(computed ? work : NULL, &thread->call);
        if (work == NULL)
            continue;
        work->computed_ns = call_ns;
        work->expired = !computed;
        engine_give_back(thread->engine, work);
    }
    return NULL;
}
