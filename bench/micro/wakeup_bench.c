/* How long it takes from a record's being sent to the other process's having it, when that one
 * sleeps, and when it is awake and looks all the time.
 *
 *     wakeup_bench MEDIUM TRIPS      prints one JSON object
 *
 * lane: pushed, and its eventfd written, since the consumer says that it sleeps; lane_awake:
 * pushed. futex: a word in shared memory and FUTEX_WAKE; condition: a mutex and a condition
 * variable in shared memory; pipe: eight bytes. Each carries the time of its sending. A sender
 * waits until the one before was taken, and then long enough for the other side to have fallen
 * asleep. */
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/lane.h"
#include "timing.h"

#define SEAT      1
#define TRIPS_MAX 100000
#define PAUSE_US  60 /* more than it takes to fall asleep */

/* What the two processes share, besides the medium. */
struct shared {
    _Atomic uint64_t taken;                /* records, by the receiver */
    _Alignas(128) _Atomic uint32_t posted; /* the futex's word, and the condition's: records sent */
    _Atomic mono_ns stamp;                 /* of the newest, where the medium carries none */
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    double us[TRIPS_MAX];
};

static struct shared *shared;
static struct segment *segment;
static struct lane lane;
static int pipe_fds[2];

/* ---- lane ---------------------------------------------------------------------------------------
 */

static void lane_send(mono_ns stamp)
{
    BUG_ON(!lane_push(&lane, &stamp, sizeof(stamp)));
    wake_settle(segment, SEAT);
}

static mono_ns receive_from_lane(bool sleeps)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    const uint32_t slot = segment_store_slot(segment);
    struct pollfd fd = {.fd = wake_fd(segment, slot), .events = POLLIN};
    mono_ns stamp;
    size_t len;

    while (lane_take(&lane, record, &len) != LANE_RECORD) {
        if (!sleeps)
            continue;
        wake_prepare(segment, slot);
        if (!lane_has_record(&lane))
            poll(&fd, 1, WAKE_WAIT_MAX_MS);
        wake_done(segment, slot);
    }
    memcpy(&stamp, record, sizeof(stamp));
    return stamp;
}

static mono_ns lane_receive(uint64_t before)
{
    (void)before;
    return receive_from_lane(true);
}

static mono_ns lane_awake_receive(uint64_t before)
{
    (void)before;
    return receive_from_lane(false);
}

/* ---- futex --------------------------------------------------------------------------------------
 */

static void futex_send(mono_ns stamp)
{
    atomic_store(&shared->stamp, stamp);
    atomic_fetch_add(&shared->posted, 1);
    syscall(SYS_futex, &shared->posted, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static mono_ns futex_receive(uint64_t before)
{
    while (atomic_load(&shared->posted) == (uint32_t)before)
        syscall(SYS_futex, &shared->posted, FUTEX_WAIT, (uint32_t)before, NULL, NULL, 0);
    return atomic_load(&shared->stamp);
}

/* ---- condition variable -------------------------------------------------------------------------
 */

static void condition_send(mono_ns stamp)
{
    pthread_mutex_lock(&shared->mutex);
    atomic_store(&shared->stamp, stamp);
    atomic_fetch_add(&shared->posted, 1);
    pthread_cond_signal(&shared->condition);
    pthread_mutex_unlock(&shared->mutex);
}

static mono_ns condition_receive(uint64_t before)
{
    pthread_mutex_lock(&shared->mutex);
    while (atomic_load(&shared->posted) == (uint32_t)before)
        pthread_cond_wait(&shared->condition, &shared->mutex);
    const mono_ns stamp = atomic_load(&shared->stamp);
    pthread_mutex_unlock(&shared->mutex);
    return stamp;
}

/* ---- pipe ---------------------------------------------------------------------------------------
 */

static void pipe_send(mono_ns stamp)
{
    BUG_ON(write(pipe_fds[1], &stamp, sizeof(stamp)) != (ssize_t)sizeof(stamp));
}

static mono_ns pipe_receive(uint64_t before)
{
    mono_ns stamp;

    (void)before;
    BUG_ON(read(pipe_fds[0], &stamp, sizeof(stamp)) != (ssize_t)sizeof(stamp));
    return stamp;
}

/* ---- the two sides ------------------------------------------------------------------------------
 */

static const struct medium {
    const char *name;
    void (*send)(mono_ns stamp);
    mono_ns (*receive)(uint64_t before); /* before: records received so far */
} media[] = {
    {"lane", lane_send, lane_receive},    {"lane_awake", lane_send, lane_awake_receive},
    {"futex", futex_send, futex_receive}, {"condition", condition_send, condition_receive},
    {"pipe", pipe_send, pipe_receive},
};

static _Noreturn void receive_all(const struct medium *medium, uint64_t trips)
{
    for (uint64_t i = 0; i < trips; i++) {
        const mono_ns stamp = medium->receive(i);
        shared->us[i] = (double)(clock_mono_ns() - stamp) / 1000;
        atomic_store(&shared->taken, i + 1);
    }
    _exit(0);
}

static void open_media(void)
{
    struct err err;
    pthread_mutexattr_t mutex;
    pthread_condattr_t condition;

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    BUG_ON(shared == MAP_FAILED || pipe(pipe_fds) != 0);
    pthread_mutexattr_init(&mutex);
    pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &mutex);
    pthread_condattr_init(&condition);
    pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->condition, &condition);
    segment = segment_create(1, &err);
    if (segment == NULL) {
        fprintf(stderr, "wakeup_bench: %s\n", err.text);
        exit(1);
    }
    lane = lane_open(segment, SEAT, LANE_ASK);
}

int main(int argc, char **argv)
{
    const struct medium *medium = NULL;
    const uint64_t trips = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    int status;

    for (size_t i = 0; argc == 3 && i < ARRAY_LEN(media); i++) {
        if (strcmp(media[i].name, argv[1]) == 0)
            medium = &media[i];
    }
    if (medium == NULL || trips == 0 || trips > TRIPS_MAX) {
        fprintf(stderr, "wakeup_bench MEDIUM TRIPS\n");
        return 2;
    }
    open_media();
    const pid_t pid = fork();
    BUG_ON(pid < 0);
    if (pid == 0)
        receive_all(medium, trips);
    for (uint64_t i = 0; i < trips; i++) {
        usleep(PAUSE_US);
        medium->send(clock_mono_ns());
        while (atomic_load(&shared->taken) == i)
            usleep(1);
    }
    BUG_ON(waitpid(pid, &status, 0) != pid || status != 0);
    qsort(shared->us, trips, sizeof(shared->us[0]), compare_doubles);
    printf("{\"p50_us\": %.2f, \"p99_us\": %.2f}\n", shared->us[trips / 2],
           shared->us[trips * 99 / 100]);
    segment_close(&segment);
    return 0;
}
