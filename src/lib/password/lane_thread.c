/* A lane thread, and continuous batching: works join and leave a running computation.
 *
 * Story, a turn of well under a millisecond: under the mutex, let those leave that are done or
 * cancelled, and fill free seats from the queue; outside of it, give back who left, begin who came,
 * advance all by one step, end who is done. Nobody waits for a batch to form or to end. Which
 * kernels run is decided by the number of chains, anew for each turn: a chain's state is the same
 * for all of them. Of several threads the one with fewest chains takes the next work: two chains on
 * two cores are done sooner than two on one. */
#include "engine.h"

#include "gatepost/secret.h"

#define STEP_NS (NS_PER_MS * 3 / 10)

/* ---- under the mutex
 * ------------------------------------------------------------------------------- */

static unsigned fewest_busy(const struct password_engine *engine)
{
    unsigned fewest = UINT32_MAX;

    for (unsigned i = 0; i < engine->options.threads; i++) {
        if (engine->lane_threads[i].busy < fewest)
            fewest = engine->lane_threads[i].busy;
    }
    return fewest;
}

static void take_seat(struct lane_thread *thread, struct password_work *work, mono_ns now)
{
    struct seat *seat = thread->seats;

    while (seat->work != NULL)
        seat++;
    seat->work = work;
    seat->cancelled = seat->begun = seat->done = false;
    seat->begun_at = now;
    work->waited_ns = now - work->submitted;
    thread->busy++;
}

static void let_leave(struct lane_thread *thread, struct work_list *left)
{
    for (size_t i = 0; i < PBKDF2_LANES_MAX; i++) {
        struct seat *seat = &thread->seats[i];

        if (seat->work == NULL || !(seat->done || seat->cancelled || thread->engine->stopping))
            continue;
        if (!seat->done && seat->begun)
            hash_drop(&seat->state, &seat->chain);
        seat->work->expired = !seat->done;
        work_list_append(left, seat->work);
        seat->work = NULL;
        thread->busy--;
    }
}

/* One at a time while somebody else has as few: he may come for the next one. */
static void fill(struct lane_thread *thread, mono_ns now)
{
    struct password_engine *engine = thread->engine;

    while (thread->busy < engine->choice.lanes_best && thread->busy <= fewest_busy(engine)) {
        struct password_work *work = queue_take(&engine->queue, QUEUE_LANES);

        if (work == NULL)
            return;
        take_seat(thread, work, now);
    }
}

/* Those that never were in a seat. */
static void take_ended(struct password_engine *engine, mono_ns now, struct work_list *left)
{
    struct password_work *work;

    queue_end_overdue(&engine->queue, now, engine->stopping);
    while ((work = work_list_take(&engine->queue.ended)) != NULL) {
        work->expired = true;
        work->waited_ns = now - work->submitted;
        work_list_append(left, work);
    }
}

/* Until something comes, or the deadline of something that waits for a call. */
static void wait_for_work(struct password_engine *engine)
{
    const mono_ns until = engine->queue.earliest_deadline;
    const struct timespec at = {.tv_sec = (time_t)(until / NS_PER_S),
                                .tv_nsec = (long)(until % NS_PER_S)};

    if (engine->queue.waiting == 0)
        pthread_cond_wait(&engine->lanes_wanted, &engine->mutex);
    else
        (void)pthread_cond_timedwait(&engine->lanes_wanted, &engine->mutex, &at);
}

/* Waits for something to do or to give back. Returns false when the engine ends and nothing is
 * left. */
static bool take_turn(struct lane_thread *thread, struct work_list *left)
{
    struct password_engine *engine = thread->engine;
    bool goes_on;

    pthread_mutex_lock(&engine->mutex);
    for (;;) {
        const mono_ns now = clock_mono_ns();

        let_leave(thread, left);
        take_ended(engine, now, left);
        fill(thread, now);
        goes_on = thread->busy > 0 || left->first != NULL;
        if (goes_on || engine->stopping)
            break;
        wait_for_work(engine);
    }
    pthread_mutex_unlock(&engine->mutex);
    return goes_on;
}

/* ---- outside of it
 * --------------------------------------------------------------------------------- */

static void give_back(const struct password_engine *engine, struct work_list *left)
{
    struct password_work *work;

    while ((work = work_list_take(left)) != NULL)
        engine_give_back(engine, work);
}

static void begin(struct seat *seat)
{
    seat->begun = hash_begin(seat->work, &seat->state, &seat->chain);
    seat->done = !seat->begun;
    secret_wipe_stack(); /* where the password went through */
}

static void end(struct seat *seat)
{
    hash_end(seat->work, &seat->state, &seat->chain);
    seat->done = true;
    seat->work->computed_ns = clock_mono_ns() - seat->begun_at;
}

/* How far all of them go before the next turn. */
static uint32_t step_of(const struct kernel_choice *choice, struct pbkdf2_chain *const *chains,
                        size_t count)
{
    const double fitting = (double)STEP_NS / choice->plan_ns[count];
    uint32_t iterations = fitting < 1 ? 1 : fitting > UINT32_MAX ? UINT32_MAX : (uint32_t)fitting;

    for (size_t i = 0; i < count; i++)
        iterations = chains[i]->left < iterations ? chains[i]->left : iterations;
    return iterations;
}

/* Nothing is left to compute: kernels have spilled to the stack, and registers are saved with a
 * thread that sleeps. */
static void forget_kernels(void)
{
    secret_wipe_stack();
    kernels_wipe_registers();
}

/* A chain of one iteration is done before its first step. */
static void advance(struct lane_thread *thread)
{
    const struct kernel_choice *choice = &thread->engine->choice;
    struct pbkdf2_chain *chains[PBKDF2_LANES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < PBKDF2_LANES_MAX; i++) {
        struct seat *seat = &thread->seats[i];

        if (seat->work == NULL)
            continue;
        if (!seat->begun)
            begin(seat);
        if (!seat->done && seat->chain.left > 0)
            chains[count++] = &seat->chain;
    }
    if (count > 0)
        kernels_step(choice, chains, count, step_of(choice, chains, count));
    else
        forget_kernels();
    for (size_t i = 0; i < PBKDF2_LANES_MAX; i++) {
        struct seat *seat = &thread->seats[i];

        if (seat->work != NULL && !seat->done && seat->chain.left == 0)
            end(seat);
    }
}

void *lane_thread_main(void *of_thread)
{
    struct lane_thread *thread = of_thread;
    struct work_list left = {NULL, NULL};

    hash_thread_begin();
    while (take_turn(thread, &left)) {
        give_back(thread->engine, &left);
        advance(thread);
    }
    forget_kernels();
    return NULL;
}
