/* The queue is bounded and ordered, and every work comes back once, on a hash thread, wiped. */
#include "desk.h"

static void test_a_work_comes_back_computed_and_wiped_from_a_nicer_thread(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start(&desk, 1, 4);
    struct password_work *work = new_work(PASSWORD_SIGNUP, 1000);

    submit(engine, work);
    desk_wait(&desk, 1);
    assert_ptr_equal(desk.back[0], work);
    assert_false(work->expired);
    assert_true(password_form_known(slice_of_text(work->encoded)));
    assert_int_not_equal(desk.thread, gettid());
    assert_true(desk.nice > getpriority(PRIO_PROCESS, (id_t)gettid()));

    struct password_work *check = new_work(PASSWORD_LOGIN, 1000);
    check->task = PASSWORD_VERIFY;
    memcpy(check->encoded, work->encoded, sizeof(check->encoded));
    submit(engine, check);
    desk_wait(&desk, 1);
    assert_true(check->matches);
    assert_true(password_engine_free(&engine));
    assert_null(engine);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

static void test_a_full_queue_refuses_and_leaves_the_work_alone(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start(&desk, 1, 2);
    struct password_work *extra = new_work(PASSWORD_LOGIN, 1);
    struct password_work *offered = extra;

    (void)occupy(&desk, engine);
    submit(engine, new_work(PASSWORD_LOGIN, 1));
    submit(engine, new_work(PASSWORD_SIGNUP, 1));
    assert_int_equal(waiting(engine), 2);
    assert_false(password_engine_submit(engine, &offered));
    assert_ptr_equal(offered, extra);
    assert_int_equal(extra->password_len, 11);
    sem_post(&desk.gate);
    desk_wait(&desk, 3);
    assert_true(password_engine_submit(engine, &offered));
    desk_wait(&desk, 1);
    assert_true(password_engine_free(&engine));
    assert_int_equal(desk.count, 4);
    desk_fini(&desk);
}

static void test_the_more_urgent_goes_first_and_equals_in_turn(void **state)
{
    (void)state;
    static const enum password_priority priorities[] = {PASSWORD_REHASH, PASSWORD_SIGNUP,
                                                        PASSWORD_LOGIN,  PASSWORD_REHASH,
                                                        PASSWORD_LOGIN,  PASSWORD_SIGNUP};
    static const size_t order[] = {2, 4, 1, 5, 0, 3};
    struct desk desk;
    struct password_engine *engine = start(&desk, 1, 16);
    struct password_work *works[ARRAY_LEN(priorities)];

    (void)occupy(&desk, engine);
    for (size_t i = 0; i < ARRAY_LEN(priorities); i++) {
        works[i] = new_work(priorities[i], 1);
        submit(engine, works[i]);
    }
    sem_post(&desk.gate);
    desk_wait(&desk, 1 + ARRAY_LEN(priorities));
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        assert_ptr_equal(desk.back[1 + i], works[order[i]]);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

static void test_an_overdue_work_comes_back_expired_and_uncomputed(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start(&desk, 1, 16);
    struct password_work *overdue = new_work(PASSWORD_REHASH, 1);
    struct password_work *patient = new_work(PASSWORD_LOGIN, 1);

    (void)occupy(&desk, engine);
    submit(engine, patient);
    overdue->deadline = clock_mono_ns();
    submit(engine, overdue);
    sem_post(&desk.gate);
    desk_wait(&desk, 3);
    assert_ptr_equal(desk.back[1], overdue); /* nothing to compute: it goes before the others */
    assert_true(overdue->expired);
    assert_string_equal(overdue->encoded, "");
    assert_false(patient->expired);
    assert_true(password_engine_free(&engine));
    desk_fini(&desk);
}

static void test_a_cancelled_work_comes_back_expired_unless_it_has_begun(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start(&desk, 1, 16);
    struct password_work *works[5];
    struct password_work *begun = occupy(&desk, engine);

    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        works[i] = new_work(PASSWORD_SIGNUP, 1);
        submit(engine, works[i]);
    }
    password_engine_cancel(engine, works[0]); /* the first, one between, the last */
    password_engine_cancel(engine, works[2]);
    password_engine_cancel(engine, works[4]);
    password_engine_cancel(engine, works[4]);
    password_engine_cancel(engine, begun);
    password_engine_cancel(engine, (struct password_work *)&desk); /* nobody's */
    assert_int_equal(waiting(engine), 2);
    struct password_work *late = new_work(PASSWORD_SIGNUP, 1);
    submit(engine, late);
    sem_post(&desk.gate);
    desk_wait(&desk, 7);
    for (size_t i = 0; i < ARRAY_LEN(works); i++)
        assert_int_equal(works[i]->expired, i % 2 == 0);
    assert_false(begun->expired);
    assert_false(late->expired);
    assert_true(password_engine_free(&engine));
    assert_int_equal(desk.count, 7);
    desk_fini(&desk);
}

static void test_freeing_gives_everything_back_without_computing_it(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start(&desk, 1, 16);
    struct password_work *begun = new_work(PASSWORD_LOGIN, PASSWORD_ITERATIONS_MAX); /* seconds */

    submit(engine, begun);
    while (waiting(engine) > 0)
        usleep(100);
    for (int i = 0; i < 10; i++)
        submit(engine, new_work(PASSWORD_SIGNUP, PASSWORD_ITERATIONS_MAX));
    mono_ns asked = clock_mono_ns();
    assert_true(password_engine_free(&engine));
    assert_true(clock_mono_ns() - asked < 5 * NS_PER_S);
    assert_int_equal(desk.count, 11);
    for (size_t i = 0; i < desk.count; i++)
        assert_true(desk.back[i]->expired);
    desk_fini(&desk);
}

static void test_the_default_queue_holds_what_is_answered_in_time(void **state)
{
    (void)state;
    static const uint32_t iterations[] = {300000, 1200000};
    size_t queue_max[ARRAY_LEN(iterations)];

    for (size_t i = 0; i < ARRAY_LEN(iterations); i++) {
        struct desk desk;
        struct password_engine_view view;

        desk_init(&desk);
        struct password_engine *engine =
            password_engine_new(&(struct password_engine_options){.threads = 2,
                                                                  .lanes_max = PBKDF2_LANES_MAX,
                                                                  .answer_within = 60 * NS_PER_S,
                                                                  .processors = 0.5,
                                                                  .cost.iterations = iterations[i],
                                                                  .on_done = on_done,
                                                                  .context = &desk});
        assert_non_null(engine);
        password_engine_look(engine, &view);
        queue_max[i] = view.queue_max;
        const double hash_ns = engine->choice.plan_ns[engine->choice.lanes_best] /
                               engine->choice.lanes_best * iterations[i];
        assert_true((double)view.queue_max * hash_ns < 60e9);
        assert_true((double)view.queue_max * hash_ns > 30e9 || view.queue_max == 4096);
        assert_true(password_engine_free(&engine));
        desk_fini(&desk);
    }
    assert_true(queue_max[1] < queue_max[0]);
}

struct submitter {
    struct password_engine *engine;
    unsigned taken;
    unsigned refused;
};

static void *submit_many(void *context)
{
    struct submitter *submitter = context;

    for (int i = 0; i < 1000; i++) {
        struct password_work *work = new_work((enum password_priority)(i % PASSWORD_PRIORITIES), 1);
        const struct password_work *submitted = work;

        if (i % 7 == 0)
            work->deadline = 0;
        if (!password_engine_submit(submitter->engine, &work)) {
            submitter->refused++;
            free(work);
            continue;
        }
        submitter->taken++;
        if (i % 3 == 0)
            password_engine_cancel(submitter->engine, submitted);
    }
    return NULL;
}

static void test_under_many_threads_each_work_comes_back_once(void **state)
{
    (void)state;
    struct desk desk;
    struct password_engine *engine = start(&desk, 4, 32);
    struct submitter submitters[4];
    pthread_t threads[ARRAY_LEN(submitters)];
    unsigned taken = 0;

    for (size_t i = 0; i < ARRAY_LEN(submitters); i++) {
        submitters[i] = (struct submitter){.engine = engine};
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &submitters[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(submitters); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        taken += submitters[i].taken;
        assert_int_equal(submitters[i].taken + submitters[i].refused, 1000);
    }
    assert_true(password_engine_free(&engine));
    assert_int_equal(desk.count, taken);
    desk_fini(&desk); /* a work that came back twice is freed twice: the sanitizer speaks up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_work_comes_back_computed_and_wiped_from_a_nicer_thread),
        cmocka_unit_test(test_a_full_queue_refuses_and_leaves_the_work_alone),
        cmocka_unit_test(test_the_more_urgent_goes_first_and_equals_in_turn),
        cmocka_unit_test(test_an_overdue_work_comes_back_expired_and_uncomputed),
        cmocka_unit_test(test_a_cancelled_work_comes_back_expired_unless_it_has_begun),
        cmocka_unit_test(test_freeing_gives_everything_back_without_computing_it),
        cmocka_unit_test(test_the_default_queue_holds_what_is_answered_in_time),
        cmocka_unit_test(test_under_many_threads_each_work_comes_back_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
