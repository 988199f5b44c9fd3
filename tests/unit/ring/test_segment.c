/* The segment as the kernel sees it, the wake-up words, the board. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/ring/ring_layout.h"

static struct segment *segment;

static int set_up(void **state)
{
    struct err err;

    (void)state;
    segment = segment_create(3, &err);
    return segment ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    segment_close(&segment);
    return 0;
}

static bool is_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return poll(&one, 1, 0) == 1;
}

static void test_the_segment_has_no_name_and_no_holes_and_is_the_owners_alone(void **state)
{
    (void)state;
    struct stat status;

    assert_int_equal(fstat(segment_fd(segment), &status), 0);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true((size_t)status.st_size >= segment->bytes);
    assert_true((size_t)status.st_blocks * 512 >= segment->bytes);
    assert_true(fcntl(segment_fd(segment), F_GETFD) & FD_CLOEXEC);
}

static void test_every_slot_has_a_wake_up_descriptor_that_never_blocks(void **state)
{
    (void)state;
    assert_int_equal(segment_slots(segment), 1 + 3 + 2);
    for (uint32_t slot = 0; slot < segment_slots(segment); slot++) {
        assert_true(fcntl(wake_fd(segment, slot), F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(wake_fd(segment, slot), F_GETFD) & FD_CLOEXEC);
    }
}

static void test_the_header_says_which_layout_this_is(void **state)
{
    (void)state;
    const struct segment_header *header = (const void *)segment->base;

    assert_memory_equal(&header->magic, "gatepost", 8);
    assert_int_equal(header->layout_version, SEGMENT_LAYOUT_VERSION);
    assert_int_equal(header->seats, 4);
    assert_int_equal(header->lane_bytes, sizeof(struct lane_shared));
    assert_int_equal(header->bytes, segment->bytes);
}

static void test_lanes_lie_apart_inside_the_segment(void **state)
{
    (void)state;
    const uint8_t *end = segment->base + segment->bytes;
    const struct lane_shared *last = segment_lane(segment, 3, LANE_ANSWER);

    assert_null(segment_lane(segment, SLOT_MAILER, LANE_MAIL));
    assert_ptr_equal(segment_lane(segment, SLOT_MAILER, LANE_ASK), segment->lane);
    assert_ptr_equal(segment_lane(segment, 1, LANE_MAIL), segment->lane + 2);
    assert_ptr_equal(last, segment->lane + segment->lanes - 1);
    assert_true((const uint8_t *)(last + 1) <= end);
    assert_int_equal((uintptr_t)segment->lane % APART, 0);
}

static void test_the_segment_of_thirty_two_workers_stays_under_32_mib(void **state)
{
    (void)state;
    struct err err;
    struct segment *large = segment_create(2 * 32 + 10, &err);

    assert_non_null(large);
    assert_true(large->bytes < 32U << 20);
    segment_close(&large);
    assert_null(large);
}

static void test_a_full_dev_shm_is_a_sentence_and_not_a_signal(void **state)
{
    (void)state;
    struct rlimit limit = {1 << 20, 1 << 20};
    struct err err = {""};

    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        /* The limit on file sizes fails posix_fallocate as a full file system does. */
        setrlimit(RLIMIT_FSIZE, &limit);
        struct segment *refused = segment_create(32, &err);
        _exit(!refused && strstr(err.text, "no room for 16") && strstr(err.text, "KiB") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_running_out_of_descriptors_is_a_sentence_and_leaks_none(void **state)
{
    (void)state;
    struct err err = {""};
    struct rlimit old, few;
    int lowest = dup(0);

    close(lowest);
    getrlimit(RLIMIT_NOFILE, &old);
    few = old;
    few.rlim_cur = (rlim_t)lowest + 5;
    setrlimit(RLIMIT_NOFILE, &few);
    struct segment *refused = segment_create(32, &err);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_null(refused);
    assert_non_null(strstr(err.text, "wake-up descriptor 5 of 35"));
    int after = dup(0);
    assert_int_equal(after, lowest);
    close(after);
}

static void test_a_wake_up_before_the_wait_ends_the_wait(void **state)
{
    (void)state;
    wake_prepare(segment, 1);
    wake_slot(segment, 1);
    assert_true(is_readable(wake_fd(segment, 1)));
    wake_done(segment, 1);
    assert_false(is_readable(wake_fd(segment, 1)));
}

static void test_who_is_awake_costs_nobody_a_wake_up(void **state)
{
    (void)state;
    wake_slot(segment, 1);
    assert_false(is_readable(wake_fd(segment, 1)));
    wake_prepare(segment, 1);
    wake_done(segment, 1);
    wake_slot(segment, 1);
    assert_false(is_readable(wake_fd(segment, 1)));
}

static void test_a_wake_up_that_comes_late_ends_one_wait_and_not_all(void **state)
{
    (void)state;
    const uint64_t one = 1;

    wake_prepare(segment, 1);
    assert_int_equal(atomic_exchange(&segment->slot[1].asleep, 0), 1);
    wake_done(segment, 1); /* the bound ended the wait; now the waker writes */
    assert_int_equal(write(wake_fd(segment, 1), &one, sizeof(one)), sizeof(one));
    wake_prepare(segment, 1);
    assert_true(is_readable(wake_fd(segment, 1)));
    wake_done(segment, 1);
    assert_false(is_readable(wake_fd(segment, 1)));
}

static void test_what_was_not_read_ends_one_wait_and_not_all(void **state)
{
    (void)state;
    wake_prepare(segment, 1);
    wake_slot(segment, 1);
    wake_done_unwoken(segment, 1); /* there was work to do: no wait, no look at the descriptor */
    wake_slot(segment, 1);
    wake_prepare(segment, 1);
    assert_true(is_readable(wake_fd(segment, 1)));
    wake_done(segment, 1);
    assert_false(is_readable(wake_fd(segment, 1)));
    wake_prepare(segment, 1);
    assert_false(is_readable(wake_fd(segment, 1)));
    wake_done_unwoken(segment, 1);
    wake_slot(segment, 1);
    assert_false(is_readable(wake_fd(segment, 1)));
}

static void test_board_words_are_set_and_added_to(void **state)
{
    (void)state;
    for (enum board_word word = 0; word < BOARD_WORDS; word++) {
        assert_int_equal(board_get(segment, word), 0);
        board_set(segment, word, 1000 + word);
    }
    board_add(segment, BOARD_MAIL_LANE_FULL, 5);
    for (enum board_word word = 0; word < BOARD_WORDS; word++) {
        assert_int_equal(board_get(segment, word),
                         1000 + word + (word == BOARD_MAIL_LANE_FULL ? 5 : 0));
    }
}

static void test_a_life_sign_changes_the_word_and_a_phase_stays_until_the_next(void **state)
{
    (void)state;
    enum life_phase phase;
    uint64_t before = life_read(segment, 2, &phase);

    assert_int_equal(phase, LIFE_STARTING);
    life_sign(segment, 2);
    assert_int_not_equal(life_read(segment, 2, &phase), before);
    assert_int_equal(phase, LIFE_STARTING);
    before = life_read(segment, 2, &phase);
    life_enter(segment, 2, LIFE_FLUSHING);
    assert_int_not_equal(life_read(segment, 2, &phase), before);
    assert_int_equal(phase, LIFE_FLUSHING);
    before = life_read(segment, 2, &phase);
    life_enter(segment, 2, LIFE_FLUSHING);
    assert_int_not_equal(life_read(segment, 2, &phase), before);
    atomic_store(&segment->slot[2].life, UINT64_MAX);
    life_read(segment, 2, &phase);
    assert_int_equal(phase, LIFE_SERVING);
}

static void *count_to_100000(void *context)
{
    for (int i = 0; i < 100000; i++)
        counter_add(segment, *(uint32_t *)context, 7, 1);
    return NULL;
}

static void test_counters_are_summed_over_slots_and_threads_lose_none(void **state)
{
    (void)state;
    pthread_t threads[2];
    uint32_t slots[2] = {2, 2};

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_to_100000, &slots[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    counter_add(segment, segment_master_slot(segment), 7, 3);
    assert_int_equal(counter_sum(segment, 7), 200003);
    assert_int_equal(counter_sum(segment, 8), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_segment_has_no_name_and_no_holes_and_is_the_owners_alone),
        CASE(test_every_slot_has_a_wake_up_descriptor_that_never_blocks),
        CASE(test_the_header_says_which_layout_this_is),
        CASE(test_lanes_lie_apart_inside_the_segment),
        CASE(test_the_segment_of_thirty_two_workers_stays_under_32_mib),
        CASE(test_a_full_dev_shm_is_a_sentence_and_not_a_signal),
        CASE(test_running_out_of_descriptors_is_a_sentence_and_leaks_none),
        CASE(test_a_wake_up_before_the_wait_ends_the_wait),
        CASE(test_who_is_awake_costs_nobody_a_wake_up),
        CASE(test_a_wake_up_that_comes_late_ends_one_wait_and_not_all),
        CASE(test_what_was_not_read_ends_one_wait_and_not_all),
        CASE(test_board_words_are_set_and_added_to),
        CASE(test_a_life_sign_changes_the_word_and_a_phase_stays_until_the_next),
        CASE(test_counters_are_summed_over_slots_and_threads_lose_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
