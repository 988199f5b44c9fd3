/* Who is next, and who has to go when there is no room. */
#include "lib/password/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct password_work *new_work(enum password_priority priority, uint64_t client,
                                      mono_ns submitted)
{
    struct password_work *work = xcalloc(1, sizeof(*work));

    work->priority = priority;
    work->client = client;
    work->submitted = submitted;
    work->deadline = submitted + 60 * NS_PER_S;
    work->in_lanes = true;
    return work;
}

/* Whether the queue took it; else it is freed. */
static bool offer(struct queue *queue, enum password_priority priority, uint64_t client)
{
    struct password_work *work = new_work(priority, client, NS_PER_S);

    if (queue_offer(queue, work))
        return true;
    free(work);
    return false;
}

static size_t empty(struct work_list *list)
{
    size_t count = 0;
    struct password_work *work;

    while ((work = work_list_take(list)) != NULL) {
        free(work);
        count++;
    }
    return count;
}

static void end_all(struct queue *queue)
{
    queue_end_overdue(queue, 0, true);
    empty(&queue->ended);
    assert_int_equal(client_counts_most(&queue->clients).count, 0);
    queue_fini(queue);
}

static void take_and_free(struct queue *queue, enum password_priority priority, mono_ns submitted)
{
    struct password_work *work = queue_take(queue, QUEUE_LANES);

    assert_non_null(work);
    assert_int_equal(work->priority, priority);
    assert_int_equal(work->submitted, submitted);
    free(work);
}

static void test_a_login_goes_first_but_nobody_starves(void **state)
{
    (void)state;
    struct queue queue;

    queue_init(&queue, 16);
    assert_true(queue_offer(&queue, new_work(PASSWORD_REHASH, 1, 1 * NS_PER_S)));
    assert_true(queue_offer(&queue, new_work(PASSWORD_SIGNUP, 1, 1 * NS_PER_S)));
    assert_true(queue_offer(&queue, new_work(PASSWORD_LOGIN, 1, 2 * NS_PER_S)));
    assert_true(queue_offer(&queue, new_work(PASSWORD_LOGIN, 1, 4 * NS_PER_S)));
    assert_true(queue_offer(&queue, new_work(PASSWORD_SIGNUP, 1, 4 * NS_PER_S)));
    assert_true(queue_offer(&queue, new_work(PASSWORD_LOGIN, 1, 20 * NS_PER_S)));
    assert_true(queue_offer(&queue, new_work(PASSWORD_LOGIN, 1, 22 * NS_PER_S)));
    take_and_free(&queue, PASSWORD_LOGIN, 2 * NS_PER_S);
    take_and_free(&queue, PASSWORD_SIGNUP, 1 * NS_PER_S); /* two seconds are its limit */
    take_and_free(&queue, PASSWORD_LOGIN, 4 * NS_PER_S);
    take_and_free(&queue, PASSWORD_SIGNUP, 4 * NS_PER_S);
    take_and_free(&queue, PASSWORD_LOGIN, 20 * NS_PER_S);
    take_and_free(&queue, PASSWORD_REHASH, 1 * NS_PER_S); /* twenty */
    take_and_free(&queue, PASSWORD_LOGIN, 22 * NS_PER_S);
    assert_null(queue_take(&queue, QUEUE_LANES));
    end_all(&queue);
}

/* Five of one client at once, then one of another: he waits for what is begun, not for the flood.
 */
static void test_who_floods_the_queue_waits_for_himself(void **state)
{
    (void)state;
    static const uint64_t order[] = {1, 2, 1, 1, 3, 1, 1};
    struct queue queue;

    queue_init(&queue, 16);
    queue.apart[QUEUE_LANES] = NS_PER_S;
    for (mono_ns i = 0; i < 5; i++)
        assert_true(queue_offer(&queue, new_work(PASSWORD_LOGIN, 1, NS_PER_S + i)));
    assert_true(queue_offer(&queue, new_work(PASSWORD_LOGIN, 2, NS_PER_S + 10)));
    assert_true(queue_offer(&queue, new_work(PASSWORD_LOGIN, 3, 3 * NS_PER_S + 10)));
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        struct password_work *work = queue_take(&queue, QUEUE_LANES);

        assert_int_equal(work->client, order[i]);
        free(work);
    }
    end_all(&queue);
}

static void test_calls_and_lanes_have_a_line_each_and_one_bound(void **state)
{
    (void)state;
    struct queue queue;
    struct password_work *call = new_work(PASSWORD_LOGIN, 1, NS_PER_S);

    queue_init(&queue, 2);
    call->in_lanes = false;
    assert_true(queue_offer(&queue, call));
    assert_false(queue_has(&queue, QUEUE_LANES));
    assert_true(offer(&queue, PASSWORD_LOGIN, 1));
    assert_false(offer(&queue, PASSWORD_LOGIN, 1));
    assert_ptr_equal(queue_take(&queue, QUEUE_CALLS), call);
    assert_null(queue_take(&queue, QUEUE_CALLS));
    assert_true(queue_has(&queue, QUEUE_LANES));
    free(call);
    end_all(&queue);
}

static void test_calls_have_a_bound_of_their_own(void **state)
{
    (void)state;
    struct queue queue;
    struct password_work *calls[2] = {new_work(PASSWORD_LOGIN, 1, NS_PER_S),
                                      new_work(PASSWORD_LOGIN, 2, NS_PER_S)};

    queue_init(&queue, 8);
    queue.calls_max = 1;
    calls[0]->in_lanes = calls[1]->in_lanes = false;
    assert_true(queue_offer(&queue, calls[0]));
    assert_false(queue_offer(&queue, calls[1]));
    assert_true(offer(&queue, PASSWORD_LOGIN, 1));
    assert_ptr_equal(queue_take(&queue, QUEUE_CALLS), calls[0]);
    assert_true(queue_offer(&queue, calls[1]));
    free(calls[0]);
    end_all(&queue);
}

/* One address fills the queue; others come, and each of them gets as much as there is to get. */
static void test_a_full_queue_is_shared_evenly_between_clients(void **state)
{
    (void)state;
    struct queue queue;

    queue_init(&queue, 12);
    for (int i = 0; i < 12; i++)
        assert_true(offer(&queue, PASSWORD_LOGIN, 1));
    assert_false(offer(&queue, PASSWORD_LOGIN, 1));
    for (uint64_t client = 2; client <= 3; client++) {
        for (int i = 0; i < 12; i++)
            (void)offer(&queue, PASSWORD_LOGIN, client);
    }
    assert_int_equal(queue.waiting, 12);
    assert_int_equal(client_counts_of(&queue.clients, 1), 4);
    assert_int_equal(client_counts_of(&queue.clients, 2), 4);
    assert_int_equal(client_counts_of(&queue.clients, 3), 4);
    assert_int_equal(empty(&queue.ended), 6 + 4); /* 12 became 6 and 6, then 4 and 4 and 4 */
    assert_false(offer(&queue, PASSWORD_LOGIN, 2));
    end_all(&queue);
}

static void test_who_has_to_go_is_the_newest_and_least_urgent_of_the_greediest(void **state)
{
    (void)state;
    struct queue queue;
    struct password_work *works[4] = {
        new_work(PASSWORD_LOGIN, 7, 1 * NS_PER_S), new_work(PASSWORD_SIGNUP, 7, 2 * NS_PER_S),
        new_work(PASSWORD_SIGNUP, 7, 3 * NS_PER_S), new_work(PASSWORD_SIGNUP, 8, 4 * NS_PER_S)};

    queue_init(&queue, ARRAY_LEN(works));
    for (size_t i = 0; i < ARRAY_LEN(works); i++)
        assert_true(queue_offer(&queue, works[i]));
    assert_true(offer(&queue, PASSWORD_LOGIN, 9));
    assert_ptr_equal(work_list_take(&queue.ended), works[2]);
    assert_false(offer(&queue, PASSWORD_LOGIN, 8)); /* 7 has two, 8 one: as even as it gets */
    free(works[2]);
    end_all(&queue);
}

static void test_a_rehash_gives_way_and_takes_nobodys_place(void **state)
{
    (void)state;
    struct queue queue;

    queue_init(&queue, 2);
    assert_true(offer(&queue, PASSWORD_REHASH, 1));
    assert_true(offer(&queue, PASSWORD_SIGNUP, 1));
    assert_false(offer(&queue, PASSWORD_REHASH, 2));
    assert_true(offer(&queue, PASSWORD_SIGNUP, 1));
    assert_int_equal(empty(&queue.ended), 1);
    assert_false(offer(&queue, PASSWORD_SIGNUP, 1));
    end_all(&queue);
}

static void test_what_is_overdue_is_ended_and_the_rest_keeps_its_order(void **state)
{
    (void)state;
    struct queue queue;

    queue_init(&queue, 8);
    for (mono_ns i = 1; i <= 6; i++) {
        struct password_work *work = new_work(PASSWORD_LOGIN, i, i);

        work->deadline = i % 2 == 0 ? 1000 : 2000;
        assert_true(queue_offer(&queue, work));
    }
    queue_end_overdue(&queue, 999, false);
    assert_int_equal(queue.waiting, 6);
    queue_end_overdue(&queue, 1000, false);
    assert_int_equal(queue.waiting, 3);
    assert_int_equal(empty(&queue.ended), 3);
    take_and_free(&queue, PASSWORD_LOGIN, 1);
    take_and_free(&queue, PASSWORD_LOGIN, 3);
    take_and_free(&queue, PASSWORD_LOGIN, 5);
    end_all(&queue);
}

/* Against a plain array, with clients that fall on one another's places. */
static void test_counts_stay_right_through_every_collision(void **state)
{
    (void)state;
    enum { CLIENTS = 24, WORKS_MAX = 64 };
    struct client_counts counts;
    uint32_t expected[CLIENTS] = {0};
    uint32_t sum = 0;
    uint64_t seed = 1;

    client_counts_init(&counts, WORKS_MAX);
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        const size_t which = (seed >> 40) % CLIENTS;
        const uint64_t client = (which % 6) + (uint64_t)(which / 6) * 1024; /* four on each place */

        if (((seed >> 33) & 1) != 0 && sum < WORKS_MAX) {
            client_counts_add(&counts, client);
            expected[which]++;
            sum++;
        } else if (expected[which] > 0) {
            client_counts_remove(&counts, client);
            expected[which]--;
            sum--;
        }
        assert_int_equal(client_counts_of(&counts, client), expected[which]);
        if (i % 1000 == 0) {
            uint32_t most = 0;

            for (size_t j = 0; j < CLIENTS; j++) {
                const uint64_t other = (j % 6) + (uint64_t)(j / 6) * 1024;

                assert_int_equal(client_counts_of(&counts, other), expected[j]);
                most = expected[j] > most ? expected[j] : most;
            }
            assert_int_equal(client_counts_most(&counts).count, most);
        }
    }
    client_counts_fini(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_login_goes_first_but_nobody_starves),
        cmocka_unit_test(test_who_floods_the_queue_waits_for_himself),
        cmocka_unit_test(test_calls_and_lanes_have_a_line_each_and_one_bound),
        cmocka_unit_test(test_calls_have_a_bound_of_their_own),
        cmocka_unit_test(test_a_full_queue_is_shared_evenly_between_clients),
        cmocka_unit_test(test_who_has_to_go_is_the_newest_and_least_urgent_of_the_greediest),
        cmocka_unit_test(test_a_rehash_gives_way_and_takes_nobodys_place),
        cmocka_unit_test(test_what_is_overdue_is_ended_and_the_rest_keeps_its_order),
        cmocka_unit_test(test_counts_stay_right_through_every_collision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
