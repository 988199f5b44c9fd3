/* The other side of an engine: hands works in, and keeps what comes back, in order. */
#ifndef TESTS_UNIT_PASSWORD_DESK_H
#define TESTS_UNIT_PASSWORD_DESK_H

#include "lib/password/engine.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKS_MAX 4096

struct desk {
    pthread_mutex_t mutex;
    sem_t done;
    const struct password_work *held; /* on_done of this one tells `holding` and waits for `gate` */
    sem_t holding;
    sem_t gate;
    struct password_work *back[WORKS_MAX]; /* in the order of their return */
    size_t count;
    pid_t thread;
    int nice;
    bool unwiped;
    bool interruptible; /* a hash thread would take signals */
};

static inline void take(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

static inline void on_done(void *context, struct password_work *work)
{
    struct desk *desk = context;

    if (work == desk->held) {
        sem_post(&desk->holding);
        take(&desk->gate);
    }
    pthread_mutex_lock(&desk->mutex);
    BUG_ON(desk->count == WORKS_MAX);
    for (size_t i = 0; i < sizeof(work->password); i++)
        desk->unwiped = desk->unwiped || work->password[i] != 0;
    desk->unwiped = desk->unwiped || work->password_len != 0 || work->next != NULL;
    desk->back[desk->count++] = work;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    desk->interruptible = desk->interruptible || !sigismember(&blocked, SIGTERM);
    desk->thread = gettid();
    desk->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
    pthread_mutex_unlock(&desk->mutex);
    sem_post(&desk->done);
}

static inline void desk_init(struct desk *desk)
{
    *desk = (struct desk){.mutex = PTHREAD_MUTEX_INITIALIZER};
    assert_int_equal(sem_init(&desk->done, 0, 0), 0);
    assert_int_equal(sem_init(&desk->holding, 0, 0), 0);
    assert_int_equal(sem_init(&desk->gate, 0, 0), 0);
}

static inline void desk_fini(struct desk *desk)
{
    assert_false(desk->unwiped);
    assert_false(desk->interruptible);
    for (size_t i = 0; i < desk->count; i++)
        free(desk->back[i]);
    sem_destroy(&desk->done);
    sem_destroy(&desk->holding);
    sem_destroy(&desk->gate);
}

static inline void desk_wait(struct desk *desk, size_t works)
{
    while (works-- > 0)
        take(&desk->done);
}

static inline struct password_engine *start(struct desk *desk, unsigned threads, unsigned queue_max)
{
    desk_init(desk);
    return password_engine_new(&(struct password_engine_options){.threads = threads,
                                                                 .lanes_max = PBKDF2_LANES_MAX,
                                                                 .queue_max = queue_max,
                                                                 .on_done = on_done,
                                                                 .context = desk});
}

static inline size_t waiting(struct password_engine *engine)
{
    struct password_engine_view view;

    password_engine_look(engine, &view);
    return view.waiting;
}

static inline struct password_work *new_work(enum password_priority priority, uint32_t iterations)
{
    struct password_work *work = xcalloc(1, sizeof(*work));

    work->task = PASSWORD_ENCODE;
    work->priority = priority;
    work->deadline = clock_mono_ns() + 60 * NS_PER_S;
    work->cost.iterations = iterations;
    work->password_len = 11;
    memcpy(work->password, "testpass123", 11);
    return work;
}

static inline void submit(struct password_engine *engine, struct password_work *work)
{
    assert_true(password_engine_submit(engine, &work));
    assert_null(work);
}

/* Keeps the only hash thread in hand until sem_post(&desk->gate). */
static inline struct password_work *occupy(struct desk *desk, struct password_engine *engine)
{
    struct password_work *work = new_work(PASSWORD_LOGIN, 1);

    desk->held = work;
    submit(engine, work);
    take(&desk->holding);
    return work;
}

#endif
