/* See flusher.h. One fsync covers everything that was committed before it began; what is committed
 * meanwhile goes with the next one. A full disk fails the write of the log buffer, which loses
 * nothing and is tried again until there is room. */
#include "flusher.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "gatepost/fault.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"

#define RETRY_MS 200

struct flusher {
    struct env *env;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    /* under the mutex: */
    uint64_t asked;
    bool stopping;
    struct flusher_view view;
};

static void wait_a_moment(struct flusher *flusher)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += RETRY_MS * (long)NS_PER_MS;
    until.tv_sec += until.tv_nsec / (long)NS_PER_S;
    until.tv_nsec %= (long)NS_PER_S;
    pthread_cond_timedwait(&flusher->work, &flusher->mutex, &until);
}

/* The mutex is held around it and let go during the flush itself. */
static void flush_once(struct flusher *flusher)
{
    uint64_t target = flusher->asked;
    mono_ns began = clock_mono_ns();
    int failure;

    flusher->view.busy = true;
    flusher->view.since = began;
    pthread_mutex_unlock(&flusher->mutex);
    FAULT("s.before_flush");
    failure = env_flush(flusher->env);
    FAULT("s.flushed");
    metric_count(METRIC_STORE_FLUSHES);
    metric_observe(HISTOGRAM_STORE_FLUSH, clock_mono_ns() - began);
    pthread_mutex_lock(&flusher->mutex);
    flusher->view.busy = false;
    if (failure != 0 && flusher->view.failure == 0)
        log_error("flush.failed", "reason=\"%s\" note=\"tried again until it succeeds\"",
                  db_strerror(failure));
    if (failure == 0 && flusher->view.failure != 0)
        log_info("flush.recovered", "%s", "");
    flusher->view.failure = failure;
    if (failure == 0)
        flusher->view.flushed = target;
    wake_slot(flusher->env->segment, flusher->env->slot);
}

static void *flusher_run(void *argument)
{
    struct flusher *flusher = argument;

    pthread_mutex_lock(&flusher->mutex);
    while (!flusher->stopping || flusher->view.flushed < flusher->asked) {
        if (flusher->view.flushed == flusher->asked) {
            pthread_cond_wait(&flusher->work, &flusher->mutex);
            continue;
        }
        flush_once(flusher);
        if (flusher->view.failure != 0) {
            if (flusher->stopping)
                break;
            wait_a_moment(flusher);
        }
    }
    pthread_mutex_unlock(&flusher->mutex);
    return NULL;
}

struct flusher *flusher_start(struct env *env)
{
    struct flusher *flusher = xcalloc(1, sizeof(*flusher));
    pthread_condattr_t monotonic;

    flusher->env = env;
    pthread_mutex_init(&flusher->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&flusher->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    BUG_ON(pthread_create(&flusher->thread, NULL, flusher_run, flusher) != 0);
    return flusher;
}

void flusher_stop(struct flusher **flusher)
{
    struct flusher *it = *flusher;

    if (!it)
        return;
    pthread_mutex_lock(&it->mutex);
    it->stopping = true;
    pthread_cond_signal(&it->work);
    pthread_mutex_unlock(&it->mutex);
    pthread_join(it->thread, NULL);
    pthread_cond_destroy(&it->work);
    pthread_mutex_destroy(&it->mutex);
    free(it);
    *flusher = NULL;
}

void flusher_ask(struct flusher *flusher, uint64_t commit)
{
    pthread_mutex_lock(&flusher->mutex);
    flusher->asked = commit;
    pthread_cond_signal(&flusher->work);
    pthread_mutex_unlock(&flusher->mutex);
}

struct flusher_view flusher_look(struct flusher *flusher)
{
    struct flusher_view view;

    pthread_mutex_lock(&flusher->mutex);
    view = flusher->view;
    if (flusher->asked > view.flushed && !view.busy) {
        view.busy = true;
        view.since = clock_mono_ns();
    }
    pthread_mutex_unlock(&flusher->mutex);
    return view;
}
