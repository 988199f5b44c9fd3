/* Many threads and many processes at the same keys, some of them killed: the limits are exact. */
#include "limit_rig.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CROWD  8
#define ROUNDS 300
#define BURST  10

static struct limits *limits;
static pthread_barrier_t barrier;
static _Atomic unsigned taken[ROUNDS];
static _Atomic unsigned begun[ROUNDS];

/* Every round is a new key at a new time. Before the crowd comes, its set is full of others whose
 * time ends at that moment or just after: which way is free depends on who looks when. */
static mono_ns time_of(unsigned round)
{
    return NOW + round * 1000 * NS_PER_S;
}

static void *come_at_once(void *context)
{
    const unsigned who = (unsigned)(uintptr_t)context;
    char text[16];

    for (unsigned round = 0; round < ROUNDS; round++) {
        const struct slice key = rig_key(round, text);
        struct limit_try try;
        uint32_t wait_s;

        pthread_barrier_wait(&barrier);
        for (unsigned i = 0; i < BURST; i++) {
            const mono_ns now = time_of(round) + (who * 7 + i) % 5 * (NS_PER_MS / 64);
            if (limit_take(limits, LIMIT_LOGIN_ADDRESS, key, now, &wait_s))
                atomic_fetch_add(&taken[round], 1);
            if (limit_try_begin(limits, key, time_of(round), &try, &wait_s))
                atomic_fetch_add(&begun[round], 1);
        }
    }
    return NULL;
}

static void fill_set(unsigned round)
{
    char text[16];
    const uint64_t hash = limit_hash(limits, LIMIT_LOGIN_ADDRESS, rig_key(round, text));
    struct limit_set *set = &limits->shared->rates[hash % RATE_SETS];
    const uint64_t now = time_of(round) / (NS_PER_MS / 64);

    for (unsigned i = 0; i < LIMIT_WAYS; i++)
        atomic_store(&set->way[i],
                     (limit_tag(hash) ^ (i + 1)) << 44 | ((now + i % 5) & ((1ULL << 44) - 1)));
}

static void test_threads_that_come_at_once_get_what_the_limit_gives(void **state)
{
    (void)state;
    pthread_t threads[CROWD];

    limits = rig_open(BURST, 100);
    for (unsigned round = 0; round < ROUNDS; round++)
        fill_set(round);
    pthread_barrier_init(&barrier, NULL, CROWD);
    for (uintptr_t i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_at_once, (void *)i), 0);
    for (unsigned i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    for (unsigned round = 0; round < ROUNDS; round++) {
        assert_int_equal(taken[round], BURST);
        assert_int_equal(begun[round], GROWTH.free);
    }
    limits_close(&limits);
}

static uint64_t life_of_any(const struct limit_reading *reading, uint64_t word)
{
    return word != 0 ? limit_until(reading, word) : 0;
}

/* Two that looked before either had inserted, and chose different ways. */
static void test_of_two_first_words_the_second_is_taken_back(void **state)
{
    (void)state;
    const struct limit_reading reading = {.time_bits = 44, .life = life_of_any};
    const uint64_t tag = 77;
    const uint64_t word = tag << 44 | 5;
    struct limit_look first;
    struct limit_look second;

    limits = rig_open(1, 100);
    struct limit_set *set = &limits->shared->rates[3];
    atomic_store(&set->way[0], 9);
    limit_look(set, tag, &reading, &first);
    atomic_store(&set->way[0], 0);
    limit_look(set, tag, &reading, &second);
    assert_int_not_equal(first.room, second.room);
    assert_true(limit_insert(limits, set, tag, &reading, &first, word));
    assert_false(limit_insert(limits, set, tag, &reading, &second, word));
    assert_int_equal(atomic_load(&set->way[second.room]), 0);
    assert_false(limit_insert(limits, set, tag, &reading, &first, word)); /* it has changed */
    limit_look(set, tag, &reading, &first);
    assert_int_equal(first.owns, 1);
    limits_close(&limits);
}

static unsigned collect(int fd, pid_t *pids, unsigned count)
{
    unsigned sum = 0;
    char byte;

    for (unsigned i = 0; i < count; i++)
        waitpid(pids[i], NULL, 0);
    while (read(fd, &byte, 1) == 1)
        sum++;
    return sum;
}

/* A byte for each that was let through; the pipe outlives who wrote it. */
static _Noreturn void take_for_ever(int fd, enum limit_kind kind, mono_ns now)
{
    uint32_t wait_s;

    for (;;) {
        if (limit_take(limits, kind, SLICE_LITERAL("somebody"), now, &wait_s) &&
            write(fd, "x", 1) != 1)
            _exit(1);
    }
}

static void test_processes_that_are_killed_leave_the_limit_as_it_is(void **state)
{
    (void)state;
    static const enum limit_kind kinds[] = {LIMIT_LOGIN_ADDRESS, LIMIT_LOGIN_GLOBAL};
    const unsigned most = 20000;

    limits = rig_open(most, 86400);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        int ends[2];
        pid_t pids[CROWD];
        unsigned let_through = 0;
        uint32_t wait_s;

        for (unsigned wave = 0; wave < 12; wave++) {
            assert_int_equal(pipe(ends), 0);
            for (unsigned i = 0; i < CROWD; i++) {
                pids[i] = fork();
                if (pids[i] == 0)
                    take_for_ever(ends[1], kinds[k], NOW);
            }
            close(ends[1]);
            usleep(1500);
            for (unsigned i = 0; i < CROWD; i++)
                kill(pids[i], SIGKILL);
            let_through += collect(ends[0], pids, CROWD);
            close(ends[0]);
        }
        while (limit_take(limits, kinds[k], SLICE_LITERAL("somebody"), NOW, &wait_s))
            let_through++;
        /* One that was killed between its swap and its byte has been let through unseen. */
        assert_in_range(let_through, most - 12 * CROWD, most);
    }
    limits_close(&limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_that_come_at_once_get_what_the_limit_gives,
                                        rig_up, rig_down),
        cmocka_unit_test_setup_teardown(test_of_two_first_words_the_second_is_taken_back, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(test_processes_that_are_killed_leave_the_limit_as_it_is,
                                        rig_up, rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
