/* A lane between two processes against a UNIX socket pair and a pipe, in turn, in one run.
 *
 * Throughput: one side sends records of 300 bytes for a while, the other takes and counts them.
 * Round trip: a record goes there and back, one at a time; each side sleeps when it has nothing
 * to do, so every hop is a wake-up. The lane is also measured with both sides awake, as they are
 * under load: then a hop costs no system call. (For throughput that would tell nothing but how
 * two spinning processes share the machine's cores.) CPU is user and system time of both sides.
 * The peers have it easy: they block in read, one record a call, where a server would poll first.
 * Prints a table, and one JSON object as its last line. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/lane.h"

#define RECORD_BYTES 300
#define ROUNDS       5
#define FLOW_NS      (400 * NS_PER_MS)
#define TRIPS        20000
#define SEAT         1
#define LAST_RECORD  UINT64_MAX

enum medium { MEDIUM_LANE, MEDIUM_LANE_AWAKE, MEDIUM_SEQPACKET, MEDIUM_STREAM, MEDIUM_PIPE, MEDIA };

static const char *const medium_names[MEDIA] = {"lane", "lane_awake", "unix_seqpacket",
                                                "unix_stream", "pipe"};

/* One side's two directions. */
struct end {
    enum medium medium;
    struct segment *segment;
    uint32_t slot;
    struct lane out, in;
    int out_fd, in_fd;
};

/* What the far side reports, in memory that both see. */
struct result {
    uint64_t records;
    mono_ns began, ended;
    uint64_t cpu_ns;
};

static struct result *far_result;

static uint64_t cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * NS_PER_S +
           ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000;
}

static bool is_lane(const struct end *end)
{
    return end->medium == MEDIUM_LANE || end->medium == MEDIUM_LANE_AWAKE;
}

static void sleep_unless(struct end *end, bool (*is_ready)(const struct lane *),
                         const struct lane *lane)
{
    struct pollfd fd = {.fd = wake_fd(end->segment, end->slot), .events = POLLIN};

    if (end->medium == MEDIUM_LANE_AWAKE)
        return;
    wake_prepare(end->segment, end->slot);
    if (!is_ready(lane))
        poll(&fd, 1, WAKE_WAIT_MAX_MS);
    wake_done(end->segment, end->slot);
}

static void send_record(struct end *end, const uint8_t *record)
{
    if (!is_lane(end)) {
        BUG_ON(write(end->out_fd, record, RECORD_BYTES) != RECORD_BYTES);
        return;
    }
    while (!lane_push(&end->out, record, RECORD_BYTES))
        sleep_unless(end, lane_has_room, &end->out);
}

static void receive_record(struct end *end, uint8_t *record)
{
    size_t len = 0;

    while (!is_lane(end) && len < RECORD_BYTES) {
        ssize_t got = read(end->in_fd, record + len, RECORD_BYTES - len);
        BUG_ON(got <= 0);
        len += (size_t)got;
    }
    while (is_lane(end)) {
        enum lane_read read = lane_take(&end->in, record, &len);
        BUG_ON(read == LANE_BROKEN);
        if (read == LANE_RECORD)
            break;
        sleep_unless(end, lane_has_record, &end->in);
    }
    BUG_ON(len != RECORD_BYTES);
}

static uint64_t number_of(const uint8_t *record)
{
    uint64_t number;

    memcpy(&number, record, sizeof(number));
    return number;
}

static void open_ends(enum medium medium, struct segment *segment, struct end *near_out,
                      struct end *far_out)
{
    int there[2] = {-1, -1}, back[2] = {-1, -1};

    *near_out = (struct end){.medium = medium, .segment = segment, .slot = SEAT};
    *far_out =
        (struct end){.medium = medium, .segment = segment, .slot = segment_store_slot(segment)};
    near_out->out = far_out->in = lane_open(segment, SEAT, LANE_ASK);
    near_out->in = far_out->out = lane_open(segment, SEAT, LANE_ANSWER);
    if (medium == MEDIUM_PIPE) {
        BUG_ON(pipe(there) != 0 || pipe(back) != 0);
    } else if (!is_lane(near_out)) {
        int type = medium == MEDIUM_STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
        int pair[2];
        BUG_ON(socketpair(AF_UNIX, type, 0, pair) != 0);
        there[1] = pair[0], there[0] = pair[1];
        back[1] = dup(pair[1]), back[0] = dup(pair[0]);
    }
    near_out->out_fd = there[1], near_out->in_fd = back[0];
    far_out->out_fd = back[1], far_out->in_fd = there[0];
}

static void close_end(struct end *end)
{
    if (!is_lane(end)) {
        close(end->out_fd);
        close(end->in_fd);
    }
}

/* The far side: takes until the last record; sends each back if asked to. */
static _Noreturn void far_side(struct end *end, bool is_echo)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    uint64_t expected = 0;
    const uint64_t cpu_before = cpu_ns();

    for (;;) {
        receive_record(end, record);
        if (number_of(record) == LAST_RECORD)
            break;
        if (expected == 0)
            far_result->began = clock_mono_ns();
        BUG_ON(number_of(record) != expected++);
        if (is_echo)
            send_record(end, record);
    }
    far_result->ended = clock_mono_ns();
    far_result->records = expected;
    far_result->cpu_ns = cpu_ns() - cpu_before;
    _exit(0);
}

static pid_t start_far_side(struct end *near, struct end *far, bool is_echo)
{
    pid_t pid = fork();

    BUG_ON(pid < 0);
    if (pid == 0) {
        close_end(near);
        far_side(far, is_echo);
    }
    close_end(far);
    return pid;
}

static void finish_far_side(struct end *near, pid_t pid)
{
    uint8_t record[RECORD_BYTES] = {0};
    const uint64_t last = LAST_RECORD;
    int status;

    memcpy(record, &last, sizeof(last));
    send_record(near, record);
    BUG_ON(waitpid(pid, &status, 0) != pid || status != 0);
    close_end(near);
}

struct flow {
    double records_per_s, cpu_ns_per_record;
};

static struct flow measure_flow(enum medium medium, struct segment *segment)
{
    uint8_t record[RECORD_BYTES] = {0};
    struct end near, far;

    open_ends(medium, segment, &near, &far);
    pid_t pid = start_far_side(&near, &far, false);
    const uint64_t cpu_before = cpu_ns();
    const mono_ns until = clock_mono_ns() + FLOW_NS;
    for (uint64_t number = 0; number % 1024 != 0 || clock_mono_ns() < until; number++) {
        memcpy(record, &number, sizeof(number));
        send_record(&near, record);
    }
    const uint64_t near_cpu_ns = cpu_ns() - cpu_before;
    finish_far_side(&near, pid);
    const double records = (double)far_result->records;
    return (struct flow){
        .records_per_s =
            records * (double)NS_PER_S / (double)(far_result->ended - far_result->began),
        .cpu_ns_per_record = (double)(near_cpu_ns + far_result->cpu_ns) / records,
    };
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct trip {
    double p50_us, p99_us;
};

static struct trip measure_trip(enum medium medium, struct segment *segment)
{
    static uint8_t record[LANE_RECORD_MAX_BYTES];
    static double us[TRIPS];
    struct end near, far;

    open_ends(medium, segment, &near, &far);
    pid_t pid = start_far_side(&near, &far, true);
    for (uint64_t number = 0; number < TRIPS; number++) {
        const mono_ns began = clock_mono_ns();
        memcpy(record, &number, sizeof(number));
        send_record(&near, record);
        receive_record(&near, record);
        BUG_ON(number_of(record) != number);
        us[number] = (double)(clock_mono_ns() - began) / 1000;
    }
    finish_far_side(&near, pid);
    qsort(us, TRIPS, sizeof(us[0]), compare_doubles);
    return (struct trip){.p50_us = us[TRIPS / 2], .p99_us = us[TRIPS * 99 / 100]};
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(values[0]), compare_doubles);
    return values[ROUNDS / 2];
}

/* What was measured, by medium and round. */
struct figures {
    double rate[ROUNDS], cpu_ns[ROUNDS], p50_us[ROUNDS], p99_us[ROUNDS];
};

static void print_table(struct figures figures[MEDIA])
{
    printf("%-15s %12s %14s %16s %16s\n", "medium", "records/s", "CPU ns/record", "round trip p50",
           "round trip p99");
    for (enum medium medium = MEDIUM_LANE; medium < MEDIA; medium++) {
        struct figures *of = &figures[medium];
        if (medium == MEDIUM_LANE_AWAKE)
            printf("%-15s %12s %14s", medium_names[medium], "-", "-");
        else
            printf("%-15s %12.0f %14.0f", medium_names[medium], median(of->rate),
                   median(of->cpu_ns));
        printf(" %13.1f us %13.1f us\n", median(of->p50_us), median(of->p99_us));
    }
}

static void print_json(struct figures figures[MEDIA])
{
    const double lane = median(figures[MEDIUM_LANE].rate);

    for (enum medium medium = MEDIUM_LANE; medium < MEDIA; medium++) {
        const char *name = medium_names[medium];
        struct figures *of = &figures[medium];
        printf("%s\"%s_round_trip_p50_us\": %.1f, \"%s_round_trip_p99_us\": %.1f",
               medium == MEDIUM_LANE ? "{" : ", ", name, median(of->p50_us), name,
               median(of->p99_us));
        if (medium == MEDIUM_LANE_AWAKE)
            continue;
        printf(", \"%s_records_per_second\": %.0f, \"%s_cpu_ns_per_record\": %.0f", name,
               median(of->rate), name, median(of->cpu_ns));
        if (medium != MEDIUM_LANE)
            printf(", \"lane_to_%s_ratio\": %.2f", name, lane / median(of->rate));
    }
    printf("}\n");
}

int main(void)
{
    static struct figures figures[MEDIA];
    struct err err;
    struct segment *segment = segment_create(1, &err);

    if (!segment) {
        fprintf(stderr, "lane_bench: %s\n", err.text);
        return 1;
    }
    far_result =
        mmap(NULL, sizeof(*far_result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    BUG_ON(far_result == MAP_FAILED);
    /* In turn, so that a noisy moment of the machine hits all of them. */
    for (int round = 0; round < ROUNDS; round++) {
        for (enum medium medium = MEDIUM_LANE; medium < MEDIA; medium++) {
            const struct trip trip = measure_trip(medium, segment);
            figures[medium].p50_us[round] = trip.p50_us;
            figures[medium].p99_us[round] = trip.p99_us;
            if (medium == MEDIUM_LANE_AWAKE)
                continue;
            const struct flow flow = measure_flow(medium, segment);
            figures[medium].rate[round] = flow.records_per_s;
            figures[medium].cpu_ns[round] = flow.cpu_ns_per_record;
        }
    }
    print_table(figures);
    print_json(figures);
    munmap(far_result, sizeof(*far_result));
    segment_close(&segment);
    return 0;
}
