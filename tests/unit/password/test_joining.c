/* Works join a running computation and leave it, in lanes, without waiting for one another. */
#include "desk.h"

#include <sys/wait.h>

#define FEW  2000
#define MANY 400000 /* tens of milliseconds at least */

static size_t busy(struct password_engine *engine)
{
    struct password_engine_view view;

    password_engine_look(engine, &view);
    return view.lanes_busy;
}

static void wait_until_busy(struct password_engine *engine, size_t lanes)
{
    while (busy(engine) < lanes)
        usleep(100);
}

/* All lanes are used, also where this build gains nothing by it: what is tested is the company. */
static struct password_engine *start_wide(struct desk *desk, unsigned threads, unsigned queue_max)
{
    struct password_engine *engine = start(desk, threads, queue_max);

    pthread_mutex_lock(&engine->mutex);
    engine->choice.lanes_best = PBKDF2_LANES_MAX;
    pthread_mutex_unlock(&engine->mutex);
    return engine;
}

static void test_who_comes_in_the_middle_leaves_before_the_end(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start_wide(&desk, 1, 16);
    struct password_work *first = new_work(PASSWORD_LOGIN, MANY);
    struct password_work *joins = new_work(PASSWORD_LOGIN, FEW);
    struct password_work *after = new_work(PASSWORD_LOGIN, MANY);

    submit(engine, first);
    wait_until_busy(engine, 1);
    submit(engine, joins);
    desk_wait(&desk, 1);
    submit(engine, after);
    desk_wait(&desk, 2);
    assert_ptr_equal(desk.back[0], joins);
    assert_ptr_equal(desk.back[1], first);
    assert_ptr_equal(desk.back[2], after);
    assert_true(joins->waited_ns < first->computed_ns);
    assert_true(joins->computed_ns < first->computed_ns);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

/* More than there are lanes, of different lengths and in the middle of one another: each answer is
 * verified by another run, so a state that got lost on the way between kernels shows. */
static void test_answers_survive_every_change_of_company(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start_wide(&desk, 2, 128);
    struct password_work *works[64];

    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        works[i] = new_work(PASSWORD_SIGNUP, 1 + (uint32_t)(i * 997 % 5000));
        works[i]->password[0] = (char)('a' + i % 26);
        submit(engine, works[i]);
        if (i % 8 == 7)
            usleep(500);
    }
    desk_wait(&desk, ARRAY_LEN(works));
    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        struct password_work *check = new_work(PASSWORD_LOGIN, works[i]->cost.iterations);

        check->task = PASSWORD_VERIFY;
        check->password[0] = (char)('a' + i % 26);
        memcpy(check->encoded, works[i]->encoded, sizeof(check->encoded));
        submit(engine, check);
        desk_wait(&desk, 1);
        assert_true(check->matches);
        assert_false(check->outdated);
    }
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

static void test_a_cancelled_work_leaves_its_lane_and_the_others_stay(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start_wide(&desk, 1, 16);
    struct password_work *gone = new_work(PASSWORD_LOGIN, PASSWORD_ITERATIONS_MAX);
    struct password_work *stays = new_work(PASSWORD_LOGIN, FEW);
    const struct password_work *known = gone;

    submit(engine, gone);
    wait_until_busy(engine, 1);
    submit(engine, stays);
    password_engine_cancel(engine, known);
    desk_wait(&desk, 2);
    assert_int_equal(busy(engine), 0);
    assert_true(gone->expired);
    assert_string_equal(gone->encoded, "");
    assert_false(stays->expired);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

static void test_of_two_threads_each_takes_one(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start_wide(&desk, 2, 16);
    struct password_work *works[2];

    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        works[i] = new_work(PASSWORD_LOGIN, PASSWORD_ITERATIONS_MAX);
        submit(engine, works[i]);
    }
    const struct password_work *known[] = {works[0], works[1]};
    wait_until_busy(engine, 2);
    pthread_mutex_lock(&engine->mutex);
    assert_int_equal(engine->lane_threads[0].busy, 1);
    assert_int_equal(engine->lane_threads[1].busy, 1);
    pthread_mutex_unlock(&engine->mutex);
    password_engine_cancel(engine, known[0]);
    password_engine_cancel(engine, known[1]);
    desk_wait(&desk, 2);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

/* Whatever a lane held is zero once its work has left, and the password before the first step. */
static void test_a_lane_is_empty_when_its_work_has_left(void **state)
{
    (void)state;
    static const struct pbkdf2_chain wiped = {.left = 0};
    static const struct hash_state forgotten;
    struct desk desk;
    struct password_engine *engine = start_wide(&desk, 1, 16);
    struct password_work *done = new_work(PASSWORD_SIGNUP, FEW);
    struct password_work *gone = new_work(PASSWORD_SIGNUP, PASSWORD_ITERATIONS_MAX);
    const struct password_work *known = gone;

    submit(engine, done);
    submit(engine, gone);
    wait_until_busy(engine, 1);
    desk_wait(&desk, 1);
    password_engine_cancel(engine, known);
    desk_wait(&desk, 1);
    for (size_t i = 0; i < PBKDF2_LANES_MAX; i++) {
        assert_memory_equal(&engine->lane_threads[0].seats[i].chain, &wiped, sizeof(wiped));
        assert_memory_equal(&engine->lane_threads[0].seats[i].state, &forgotten, sizeof(forgotten));
    }
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

static struct password_work *check_of(const char *encoded, const char *password)
{
    struct password_work *work = new_work(PASSWORD_LOGIN, 3);

    work->task = PASSWORD_VERIFY;
    work->keep_if_outdated = true;
    memset(work->password, 0, sizeof(work->password));
    work->password_len = strlen(password);
    memcpy(work->password, password, work->password_len);
    memcpy(work->encoded, encoded, strlen(encoded) + 1);
    return work;
}

static void test_a_password_is_kept_for_a_rehash_alone(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start_wide(&desk, 1, 16);
    struct password_work *old = new_work(PASSWORD_SIGNUP, 2);
    struct password_work *today = new_work(PASSWORD_SIGNUP, 3);

    submit(engine, old);
    submit(engine, today);
    desk_wait(&desk, 2);
    assert_false(desk.unwiped);

    struct password_work *right = check_of(old->encoded, "testpass123");
    submit(engine, right);
    desk_wait(&desk, 1);
    assert_true(right->matches && right->outdated);
    assert_int_equal(right->password_len, 11);
    assert_memory_equal(right->password, "testpass123", 11);
    assert_true(desk.unwiped);
    desk.unwiped = false;

    struct password_work *others[] = {check_of(old->encoded, "testpass124"),
                                      check_of(today->encoded, "testpass123"),
                                      check_of("!unusable", "testpass123")};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        submit(engine, others[i]);
    desk_wait(&desk, ARRAY_LEN(others));
    assert_false(others[0]->matches);
    assert_true(others[1]->matches && !others[1]->outdated);
    assert_false(others[2]->matches);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk); /* all of them were wiped */
}

static struct password_work *new_call(uint32_t memory_kib, uint32_t passes)
{
    struct password_work *work = new_work(PASSWORD_LOGIN, 1);

    work->cost = (struct password_cost){.algorithm = PASSWORD_ARGON2ID,
                                        .argon2_memory_kib = memory_kib,
                                        .argon2_passes = passes,
                                        .argon2_lanes = 1};
    return work;
}

static void test_a_call_does_not_hold_up_the_lanes(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start_wide(&desk, 1, 16);
    struct password_work *call = new_call(65536, 4); /* 100 ms and more */
    struct password_work *chain = new_work(PASSWORD_SIGNUP, FEW);

    submit(engine, call);
    wait_until_busy(engine, 1);
    submit(engine, chain);
    desk_wait(&desk, 2);
    assert_ptr_equal(desk.back[0], chain);
    assert_ptr_equal(desk.back[1], call);
    assert_false(call->expired);
    assert_non_null(strstr(call->encoded, "argon2$argon2id$"));
    assert_true(call->computed_ns > chain->computed_ns);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

/* Longer than what is asked of it here; it ends by itself. */
static struct password_work *submit_long_call(struct password_engine *engine)
{
    struct password_work *call = new_call(65536, 8);
    struct password_work *known = call;

    submit(engine, call);
    wait_until_busy(engine, 1);
    return known;
}

static void test_a_deadline_holds_behind_a_long_call(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start_wide(&desk, 1, 16);
    struct password_work *first = submit_long_call(engine);
    struct password_work *late = new_call(8, 1);

    late->deadline = clock_mono_ns() + 20 * NS_PER_MS;
    submit(engine, late);
    desk_wait(&desk, 1);
    assert_ptr_equal(desk.back[0], late);
    assert_true(late->expired);
    assert_true(late->waited_ns >= 20 * NS_PER_MS);
    desk_wait(&desk, 1);
    assert_false(first->expired);
    assert_int_equal(desk.nice, getpriority(PRIO_PROCESS, 0) + 5);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

static void test_a_call_goes_on_for_nobody_when_it_is_cancelled(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start_wide(&desk, 1, 16);
    struct password_work *gone = submit_long_call(engine);
    struct password_work *waits = new_call(8, 1);
    struct password_work *next = new_call(8, 1);
    const struct password_work *known = waits;

    submit(engine, waits);
    submit(engine, next);
    password_engine_cancel(engine, known);
    password_engine_cancel(engine, gone);
    desk_wait(&desk, 2);
    assert_true(gone->expired && waits->expired);
    assert_string_equal(gone->encoded, "");
    assert_int_equal(busy(engine), 1); /* still */
    desk_wait(&desk, 1);
    assert_false(next->expired);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

/* In a process of its own, which ends as a worker would. */
static void test_the_end_does_not_wait_for_a_call(void **state)
{
    (void)state;
    int status;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        static struct desk desk;
        struct password_engine *engine = start_wide(&desk, 1, 16);
        const struct password_work *call = submit_long_call(engine);
        const bool ended = password_engine_free(&engine);

        _exit(!ended && desk.count == 1 && call->expired && !desk.unwiped ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_as_many_are_in_lanes_as_make_the_most_of_the_machine(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start(&desk, 1, 64);
    const struct password_work *known[2 * PBKDF2_LANES_MAX];

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct password_work *work = new_work(PASSWORD_LOGIN, PASSWORD_ITERATIONS_MAX);

        known[i] = work;
        submit(engine, work);
    }
    wait_until_busy(engine, engine->choice.lanes_best);
    usleep(10000);
    assert_int_equal(busy(engine), engine->choice.lanes_best);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        password_engine_cancel(engine, known[i]);
    desk_wait(&desk, ARRAY_LEN(known));
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

/* The queue takes as many calls as their own speed allows. */
static void test_how_long_calls_take_is_learnt(void **state)
{
    (void)state;
    struct desk desk;
    size_t calls_max;

    desk_init(&desk);
    struct password_engine *engine =
        password_engine_new(&(struct password_engine_options){.threads = 1,
                                                              .lanes_max = PBKDF2_LANES_MAX,
                                                              .answer_within = 15 * NS_PER_S,
                                                              .processors = 1,
                                                              .cost.iterations = 1000,
                                                              .on_done = on_done,
                                                              .context = &desk});
    assert_non_null(engine);
    pthread_mutex_lock(&engine->mutex);
    calls_max = engine->queue.calls_max;
    assert_true(calls_max < engine->queue.max);
    pthread_mutex_unlock(&engine->mutex);
    for (int i = 0; i < 20; i++) {
        submit(engine, new_call(8, 1));
        desk_wait(&desk, 1);
    }
    pthread_mutex_lock(&engine->mutex);
    assert_true(engine->queue.calls_max > 2 * calls_max);
    engine_learn(engine, 60 * NS_PER_S);
    assert_true(engine->queue.calls_max < calls_max);
    pthread_mutex_unlock(&engine->mutex);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_comes_in_the_middle_leaves_before_the_end),
        cmocka_unit_test(test_answers_survive_every_change_of_company),
        cmocka_unit_test(test_a_cancelled_work_leaves_its_lane_and_the_others_stay),
        cmocka_unit_test(test_of_two_threads_each_takes_one),
        cmocka_unit_test(test_a_lane_is_empty_when_its_work_has_left),
        cmocka_unit_test(test_a_call_does_not_hold_up_the_lanes),
        cmocka_unit_test(test_a_deadline_holds_behind_a_long_call),
        cmocka_unit_test(test_a_call_goes_on_for_nobody_when_it_is_cancelled),
        cmocka_unit_test(test_the_end_does_not_wait_for_a_call),
        cmocka_unit_test(test_as_many_are_in_lanes_as_make_the_most_of_the_machine),
        cmocka_unit_test(test_how_long_calls_take_is_learnt),
        cmocka_unit_test(test_a_password_is_kept_for_a_rehash_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
