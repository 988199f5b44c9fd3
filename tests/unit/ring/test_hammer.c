/* Two processes on one lane, killed at random moments, again and again.
 *
 * Each side notes in a page of its own what it is about to do and what it has done, with the
 * position of its end before. So its successor knows to the record where the dead one stopped,
 * and every record can be accounted for: in order, whole, none lost, none twice.
 * A wake-up counts as lost when a wait ran to its bound although there was something to do, and
 * the wake-up did not come a little later either (it may have been on its way). */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/ring/ring_layout.h"

#define SEAT          1
#define STAGE_KILLS   250
#define STAGE_RECORDS 150000
#define LATE_MS       200

/* Shared by all processes of a test, but not part of the segment. */
struct notes {
    _Atomic uint64_t pushing, pushed; /* numbers of records; equal when no push is under way */
    _Atomic uint64_t tail_before;     /* of the push under way */
    _Atomic uint64_t taking, taken;
    _Atomic uint64_t head_before;
    _Atomic uint64_t stop;         /* the producer ends after its current record */
    _Atomic uint64_t lost_wakeups; /* of either side */
    _Atomic uint64_t waits;
    _Atomic uint64_t killed_in_push, killed_in_take;
};

static struct segment *segment;
static struct notes *notes;
static pid_t children[2]; /* producer, consumer; 0: none */

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 31)) * 0x7fb5d329728ea185ULL;
    value = (value ^ (value >> 27)) * 0x81dadef4bc2dd44dULL;
    return value ^ (value >> 33);
}

/* Length and bytes of a record follow from its number. One in 64 is long. */
static size_t make_record(uint64_t number, uint8_t *record)
{
    uint64_t random = mix(number);
    size_t len = sizeof(number) +
                 (size_t)(random >> 8) % (random % 64 == 0 ? LANE_RECORD_MAX_BYTES - 8 : 700);

    memcpy(record, &number, sizeof(number));
    for (size_t i = sizeof(number); i < len; i++)
        record[i] = (uint8_t)(random >> (i % 8 * 8)) ^ (uint8_t)(i * 31);
    return len;
}

static _Noreturn void fail_hammer(const char *what, uint64_t expected, uint64_t got)
{
    fprintf(stderr, "hammer: %s: expected %llu, got %llu\n", what, (unsigned long long)expected,
            (unsigned long long)got);
    _exit(1);
}

/* One wait as wake.c wants it; ready is looked at between wake_prepare and the wait, and again
 * when the wait ran to its bound. */
static void wait_for(uint32_t slot, bool (*is_ready)(struct lane *), struct lane *lane)
{
    struct pollfd fd = {.fd = wake_fd(segment, slot), .events = POLLIN};
    bool is_woken = false;

    wake_prepare(segment, slot);
    if (!is_ready(lane)) {
        atomic_fetch_add(&notes->waits, 1);
        is_woken = poll(&fd, 1, WAKE_WAIT_MAX_MS) != 0;
        if (!is_woken && is_ready(lane) && poll(&fd, 1, LATE_MS) == 0)
            atomic_fetch_add(&notes->lost_wakeups, 1);
    }
    if (is_woken)
        wake_done(segment, slot);
    else
        wake_done_unwoken(segment, slot);
}

static bool consumer_is_ready(struct lane *lane)
{
    return lane_has_record(lane) || (atomic_load(&notes->stop) == 2);
}

static bool producer_is_ready(struct lane *lane)
{
    return lane_has_room(lane);
}

static void pause_at_random(uint64_t number)
{
    uint64_t random = mix(number ^ (uint64_t)getpid() << 32);

    if (random % 200 == 0)
        usleep((useconds_t)(random >> 20) % 800);
}

static void *produce(void *context)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    struct lane lane = lane_open(segment, SEAT, LANE_ASK);
    uint64_t limit = *(uint64_t *)context;

    /* Where did the predecessor stop? Its tail moved: that record is out. */
    if (atomic_load(&notes->pushing) != atomic_load(&notes->pushed)) {
        atomic_fetch_add(&notes->killed_in_push, 1);
        if (atomic_load(&lane.shared->tail) != atomic_load(&notes->tail_before))
            atomic_store(&notes->pushed, atomic_load(&notes->pushing));
    }
    for (uint64_t number = atomic_load(&notes->pushed) + 1;
         number <= limit && !atomic_load(&notes->stop); number++) {
        size_t len = make_record(number, record);
        atomic_store(&notes->tail_before, atomic_load(&lane.shared->tail));
        atomic_store(&notes->pushing, number);
        while (!lane_push(&lane, record, len))
            wait_for(SEAT, producer_is_ready, &lane);
        atomic_store(&notes->pushed, number);
        pause_at_random(number);
    }
    wake_settle(segment, SEAT);
    return NULL;
}

static void check_record(uint64_t number, const uint8_t *record, size_t len)
{
    static uint8_t expected[LANE_RECORD_MAX_BYTES];
    uint64_t got;

    memcpy(&got, record, sizeof(got));
    if (got != number)
        fail_hammer("number of the record", number, got);
    size_t expected_len = make_record(number, expected);
    if (len != expected_len)
        fail_hammer("length of the record", expected_len, len);
    if (memcmp(record, expected, len) != 0)
        fail_hammer("bytes of the record", number, number);
}

static void *consume(void *context)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    struct lane lane = lane_open(segment, SEAT, LANE_ASK);
    const uint32_t slot = segment_store_slot(segment);
    size_t len = 0;

    (void)context;
    if (atomic_load(&notes->taking) != atomic_load(&notes->taken)) {
        atomic_fetch_add(&notes->killed_in_take, 1);
        if (atomic_load(&lane.shared->head) != atomic_load(&notes->head_before))
            atomic_store(&notes->taken, atomic_load(&notes->taking));
    }
    for (;;) {
        uint64_t number = atomic_load(&notes->taken) + 1;
        atomic_store(&notes->head_before, atomic_load(&lane.shared->head));
        atomic_store(&notes->taking, number);
        switch (lane_take(&lane, record, &len)) {
        case LANE_RECORD:
            check_record(number, record, len);
            atomic_store(&notes->taken, number);
            pause_at_random(number);
            break;
        case LANE_EMPTY:
            atomic_store(&notes->taking, number - 1);
            if (atomic_load(&notes->stop) == 2 && !lane_has_record(&lane))
                return NULL;
            wait_for(slot, consumer_is_ready, &lane);
            break;
        case LANE_BROKEN:
            fail_hammer("a whole record", number, 0);
        }
    }
}

/* Side 0 produces, side 1 consumes. */
static void start(int side)
{
    uint64_t limit = UINT64_MAX;
    pid_t parent = getpid();
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        /* A failed test must not leave the other side hammering for ever. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            (side == 0 ? produce : consume)(&limit);
        _exit(0);
    }
    children[side] = pid;
}

static void expect_clean_exit(int side)
{
    pid_t pid = children[side];
    int status;

    children[side] = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A child that found a wrong record has ended by itself before it could be killed. */
static void kill_one(int side)
{
    pid_t pid = children[side];
    int status;

    children[side] = 0;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The producer ends first, so that all it pushed is there to be taken. */
static void finish(void)
{
    atomic_store(&notes->stop, 1);
    expect_clean_exit(0);
    atomic_store(&notes->stop, 2);
    wake_slot(segment, segment_store_slot(segment));
    expect_clean_exit(1);
    assert_int_equal(atomic_load(&notes->taken), atomic_load(&notes->pushed));
    print_message("%llu records, %llu waits, %llu kills in a push, %llu in a take, %llu late\n",
                  (unsigned long long)atomic_load(&notes->pushed),
                  (unsigned long long)atomic_load(&notes->waits),
                  (unsigned long long)atomic_load(&notes->killed_in_push),
                  (unsigned long long)atomic_load(&notes->killed_in_take),
                  (unsigned long long)atomic_load(&notes->lost_wakeups));
}

static void hammer(bool kill_producer, bool kill_consumer)
{
    start(0);
    start(1);
    srandom((unsigned)getpid());
    for (int i = 0; i < STAGE_KILLS; i++) {
        usleep((useconds_t)(random() % 4000));
        int side = kill_producer && (!kill_consumer || random() % 2 == 0) ? 0 : 1;
        kill_one(side);
        start(side);
    }
    finish();
    assert_true(atomic_load(&notes->pushed) > STAGE_KILLS);
    /* Only who was killed in the middle can have left the other side asleep, and once each. */
    assert_true(atomic_load(&notes->lost_wakeups) <=
                atomic_load(&notes->killed_in_push) + atomic_load(&notes->killed_in_take));
}

static void test_no_record_is_lost_doubled_or_torn_when_producers_are_killed(void **state)
{
    (void)state;
    hammer(true, false);
}

static void test_no_record_is_lost_doubled_or_torn_when_consumers_are_killed(void **state)
{
    (void)state;
    hammer(false, true);
}

static void test_no_record_is_lost_doubled_or_torn_when_either_side_is_killed(void **state)
{
    (void)state;
    hammer(true, true);
}

static void test_no_wake_up_is_lost_while_nobody_is_killed(void **state)
{
    (void)state;
    start(0);
    start(1);
    while (atomic_load(&notes->pushed) < STAGE_RECORDS / 2)
        usleep(1000);
    finish();
    assert_true(atomic_load(&notes->waits) > 10);
    assert_int_equal(atomic_load(&notes->lost_wakeups), 0);
}

/* The same two sides as threads: what the thread sanitizer can follow. */
static void test_two_threads_pass_records_without_a_race(void **state)
{
    (void)state;
    pthread_t producer, consumer;
    uint64_t limit = STAGE_RECORDS / 5;

    assert_int_equal(pthread_create(&consumer, NULL, consume, NULL), 0);
    assert_int_equal(pthread_create(&producer, NULL, produce, &limit), 0);
    pthread_join(producer, NULL);
    atomic_store(&notes->stop, 2);
    wake_slot(segment, segment_store_slot(segment));
    pthread_join(consumer, NULL);
    assert_int_equal(atomic_load(&notes->taken), limit);
    assert_int_equal(atomic_load(&notes->lost_wakeups), 0);
}

static int set_up(void **state)
{
    struct err err;

    (void)state;
    segment = segment_create(SEAT, &err);
    notes = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    alarm(60); /* a side that hangs must not hang the suite */
    return segment && notes != MAP_FAILED ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    alarm(0);
    for (int side = 0; side < 2; side++) {
        if (children[side] != 0)
            kill_one(side);
    }
    munmap(notes, sizeof(*notes));
    segment_close(&segment);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_two_threads_pass_records_without_a_race),
        CASE(test_no_wake_up_is_lost_while_nobody_is_killed),
        CASE(test_no_record_is_lost_doubled_or_torn_when_producers_are_killed),
        CASE(test_no_record_is_lost_doubled_or_torn_when_consumers_are_killed),
        CASE(test_no_record_is_lost_doubled_or_torn_when_either_side_is_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
