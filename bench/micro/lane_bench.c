/* Records from one process to another, as fast as both can: our lane, Concurrency Kit's ring over
 * the same kind of shared memory, and what the kernel has.
 *
 *     lane_bench MEDIUM BYTES MILLISECONDS      prints one JSON object
 *
 * Everywhere the sender writes each record's number into it and the receiver has a copy of its own
 * and compares the number. In shared memory anybody may write, so there a record carries a
 * checksum that the receiver works out again from its copy: the lane does that itself, libck's
 * record has it in its last eight bytes, by the same function ("libck_plain": without). The lane
 * checks positions and lengths besides.
 * "lane" sleeps when it has nothing to do, as the server does. libck's ring has no way to be woken:
 * it spins, or gives up its core at each empty look ("libck_yields"); the lane is measured so, too
 * ("lane_spins", "lane_yields"). The kernel's media have it easy: no checksum, and they block. */
#include <ck_ring.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/lane.h"
#include "lib/ring/checksum.h"

#define SEAT        1
#define LAST_RECORD UINT64_MAX
#define RING_BYTES  LANE_BYTES /* as much room for libck as for the lane */
#define SPINS       2000       /* then the other side may need this core */
#define RECORD_MAX  1024

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* What the two sides share, besides the medium. */
struct result {
    uint64_t records;
    mono_ns began, ended;
    uint64_t cpu_ns;
};

struct link {
    size_t bytes;
    struct segment *segment;
    struct lane lane;
    struct ck_ring *ring;
    void *cells;
    checksum_fn checksum;
    int out_fd, in_fd;
    struct result *result;
};

static uint64_t cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * NS_PER_S +
           ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000;
}

static bool yields; /* a side that has nothing to do gives up its core at once */

static void spin(uint32_t *spins)
{
    if (yields || ++*spins % SPINS == 0)
        sched_yield();
    else
        ck_pr_stall();
}

/* ---- the lane -------------------------------------------------------------------------------- */

static void sleep_unless(struct link *link, uint32_t slot, bool (*is_ready)(const struct lane *))
{
    struct pollfd fd = {.fd = wake_fd(link->segment, slot), .events = POLLIN};

    wake_prepare(link->segment, slot);
    if (!is_ready(&link->lane))
        poll(&fd, 1, WAKE_WAIT_MAX_MS);
    wake_done(link->segment, slot);
}

static void lane_awake_send(struct link *link, uint8_t *record)
{
    uint32_t spins = 0;

    while (!lane_push(&link->lane, record, link->bytes))
        spin(&spins);
}

static void lane_send(struct link *link, uint8_t *record)
{
    while (!lane_push(&link->lane, record, link->bytes))
        sleep_unless(link, SEAT, lane_has_room);
}

ALWAYS_INLINE void receive_from_lane(struct link *link, uint8_t *record, bool sleeps)
{
    const uint32_t slot = segment_store_slot(link->segment);
    enum lane_read read;
    uint32_t spins = 0;
    size_t len;

    while ((read = lane_take(&link->lane, record, &len)) == LANE_EMPTY) {
        if (sleeps)
            sleep_unless(link, slot, lane_has_record);
        else
            spin(&spins);
    }
    BUG_ON(read != LANE_RECORD || len != link->bytes);
}

static void lane_awake_receive(struct link *link, uint8_t *record)
{
    receive_from_lane(link, record, false);
}

static void lane_receive(struct link *link, uint8_t *record)
{
    receive_from_lane(link, record, true);
}

static void lane_open_link(struct link *link)
{
    struct err err;

    link->segment = segment_create(1, &err);
    if (link->segment == NULL) {
        fprintf(stderr, "lane_bench: %s\n", err.text);
        exit(1);
    }
    link->lane = lane_open(link->segment, SEAT, LANE_ASK);
}

/* Who sleeps must not miss what was pushed last. */
static void lane_finish(struct link *link)
{
    wake_slot(link->segment, segment_store_slot(link->segment));
}

/* ---- Concurrency Kit's ring of structs by value -----------------------------------------------
 */

static void ring_open_link(struct link *link)
{
    link->ring = mmap(NULL, 4096 + RING_BYTES, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    BUG_ON(link->ring == MAP_FAILED);
    link->checksum = checksum_choose();
    link->cells = (uint8_t *)link->ring + 4096;
    ck_ring_init(link->ring, (unsigned)(RING_BYTES / link->bytes));
}

#define RING_OF(n)                                                                                 \
    struct record##n {                                                                             \
        uint64_t number;                                                                           \
        uint8_t body[n - 16];                                                                      \
        uint32_t len;                                                                              \
        uint32_t checksum;                                                                         \
    };                                                                                             \
    _Static_assert(sizeof(struct record##n) == n, "by value, no more");                            \
    CK_RING_PROTOTYPE(record##n, record##n)                                                        \
    static void ring_plain_send_##n(struct link *link, uint8_t *bytes)                             \
    {                                                                                              \
        struct record##n *record = (void *)bytes;                                                  \
        uint32_t spins = 0;                                                                        \
                                                                                                   \
        while (!ck_ring_enqueue_spsc_record##n(link->ring, link->cells, record))                   \
            spin(&spins);                                                                          \
    }                                                                                              \
    static void ring_plain_receive_##n(struct link *link, uint8_t *bytes)                          \
    {                                                                                              \
        struct record##n *record = (void *)bytes;                                                  \
        uint32_t spins = 0;                                                                        \
                                                                                                   \
        while (!ck_ring_dequeue_spsc_record##n(link->ring, link->cells, record))                   \
            spin(&spins);                                                                          \
    }                                                                                              \
    static void ring_send_##n(struct link *link, uint8_t *bytes)                                   \
    {                                                                                              \
        struct record##n *record = (void *)bytes;                                                  \
                                                                                                   \
        record->len = n - 8;                                                                       \
        record->checksum = link->checksum(record->number, NULL, bytes, n - 8);                     \
        ring_plain_send_##n(link, bytes);                                                          \
    }                                                                                              \
    static void ring_receive_##n(struct link *link, uint8_t *bytes)                                \
    {                                                                                              \
        struct record##n *record = (void *)bytes;                                                  \
                                                                                                   \
        ring_plain_receive_##n(link, bytes);                                                       \
        BUG_ON(record->len != n - 8 ||                                                             \
               record->checksum != link->checksum(record->number, NULL, bytes, n - 8));            \
    }
RING_OF(64)
RING_OF(256)
RING_OF(1024)

/* ---- the kernel's ------------------------------------------------------------------------------
 */

static void fd_send(struct link *link, uint8_t *record)
{
    BUG_ON(write(link->out_fd, record, link->bytes) != (ssize_t)link->bytes);
}

static void fd_receive(struct link *link, uint8_t *record)
{
    size_t len = 0;

    while (len < link->bytes) {
        ssize_t got = read(link->in_fd, record + len, link->bytes - len);
        BUG_ON(got <= 0);
        len += (size_t)got;
    }
}

static void open_pair(struct link *link, int type)
{
    int pair[2];

    BUG_ON(socketpair(AF_UNIX, type, 0, pair) != 0);
    link->out_fd = pair[0], link->in_fd = pair[1];
}

static void datagram_open_link(struct link *link)
{
    open_pair(link, SOCK_DGRAM);
}

static void seqpacket_open_link(struct link *link)
{
    open_pair(link, SOCK_SEQPACKET);
}

static void stream_open_link(struct link *link)
{
    open_pair(link, SOCK_STREAM);
}

static void pipe_open_link(struct link *link)
{
    int pair[2];

    BUG_ON(pipe(pair) != 0);
    link->in_fd = pair[0], link->out_fd = pair[1];
}

/* Ten messages is what every process may have; more takes a right. */
static void queue_open_link(struct link *link)
{
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = (long)link->bytes};
    char name[64];

    snprintf(name, sizeof(name), "/gatepost-bench-%d", (int)getpid());
    link->out_fd = link->in_fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    if (link->out_fd < 0) {
        perror("lane_bench: mq_open");
        exit(1);
    }
    mq_unlink(name);
}

static void queue_send(struct link *link, uint8_t *record)
{
    BUG_ON(mq_send(link->out_fd, (char *)record, link->bytes, 0) != 0);
}

static void queue_receive(struct link *link, uint8_t *record)
{
    BUG_ON(mq_receive(link->in_fd, (char *)record, link->bytes, NULL) != (ssize_t)link->bytes);
}

static void nothing_to_finish(struct link *link)
{
    (void)link;
}

/* ---- the two sides -----------------------------------------------------------------------------
 */

#define RINGS(n)                                                                                   \
    {"libck_spins", n, ring_open_link, ring_send_##n, ring_receive_##n, nothing_to_finish},        \
        {"libck_yields", n, ring_open_link, ring_send_##n, ring_receive_##n, nothing_to_finish},   \
    {                                                                                              \
        "libck_plain_yields", n, ring_open_link, ring_plain_send_##n, ring_plain_receive_##n,      \
            nothing_to_finish                                                                      \
    }

static const struct medium {
    const char *name;
    size_t bytes; /* that it is for; 0: any */
    void (*open)(struct link *link);
    void (*send)(struct link *link, uint8_t *record);
    void (*receive)(struct link *link, uint8_t *record);
    void (*finish)(struct link *link); /* sender, after the last record */
} media[] = {
    {"lane", 0, lane_open_link, lane_send, lane_receive, lane_finish},
    {"lane_spins", 0, lane_open_link, lane_awake_send, lane_awake_receive, lane_finish},
    {"lane_yields", 0, lane_open_link, lane_awake_send, lane_awake_receive, lane_finish},
    RINGS(64),
    RINGS(256),
    RINGS(1024),
    {"datagram", 0, datagram_open_link, fd_send, fd_receive, nothing_to_finish},
    {"seqpacket", 0, seqpacket_open_link, fd_send, fd_receive, nothing_to_finish},
    {"stream", 0, stream_open_link, fd_send, fd_receive, nothing_to_finish},
    {"pipe", 0, pipe_open_link, fd_send, fd_receive, nothing_to_finish},
    {"queue", 0, queue_open_link, queue_send, queue_receive, nothing_to_finish},
};

static _Noreturn void receive_all(const struct medium *medium, struct link *link)
{
    static _Alignas(64) uint8_t record[LANE_RECORD_MAX_BYTES];
    struct result *result = link->result;
    const uint64_t cpu_before = cpu_ns();
    uint64_t expected = 0, number;

    for (;;) {
        medium->receive(link, record);
        memcpy(&number, record, sizeof(number));
        if (number == LAST_RECORD)
            break;
        if (expected == 0)
            result->began = clock_mono_ns();
        BUG_ON(number != expected++);
    }
    result->ended = clock_mono_ns();
    result->records = expected;
    result->cpu_ns = cpu_ns() - cpu_before;
    _exit(0);
}

static void send_number(const struct medium *medium, struct link *link, uint8_t *record,
                        uint64_t number)
{
    memcpy(record, &number, sizeof(number));
    medium->send(link, record);
}

/* Returns the sender's processor time. */
static uint64_t send_for(const struct medium *medium, struct link *link, mono_ns span)
{
    static _Alignas(64) uint8_t record[RECORD_MAX];
    const uint64_t cpu_before = cpu_ns();
    const mono_ns until = clock_mono_ns() + span;

    for (size_t i = 0; i < sizeof(record); i++)
        record[i] = (uint8_t)(i * 7);
    for (uint64_t number = 0; number % 1024 != 0 || clock_mono_ns() < until; number++)
        send_number(medium, link, record, number);
    const uint64_t used = cpu_ns() - cpu_before;
    send_number(medium, link, record, LAST_RECORD);
    medium->finish(link);
    return used;
}

static const struct medium *medium_of(const char *name, size_t bytes)
{
    for (size_t i = 0; i < ARRAY_LEN(media); i++) {
        if (strcmp(media[i].name, name) == 0 && (media[i].bytes == 0 || media[i].bytes == bytes))
            return &media[i];
    }
    fprintf(stderr, "lane_bench: no %s for records of %zu bytes\n", name, bytes);
    exit(2);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "lane_bench MEDIUM BYTES MILLISECONDS\n");
        return 2;
    }
    struct link link = {.bytes = strtoul(argv[2], NULL, 10)};
    yields = strstr(argv[1], "_yields") != NULL;
    const struct medium *medium = medium_of(argv[1], link.bytes);
    int status;

    BUG_ON(link.bytes < 64 || link.bytes > RECORD_MAX);
    link.result =
        mmap(NULL, sizeof(*link.result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    BUG_ON(link.result == MAP_FAILED);
    medium->open(&link);
    pid_t pid = fork();
    BUG_ON(pid < 0);
    if (pid == 0)
        receive_all(medium, &link);
    const uint64_t used = send_for(medium, &link, strtoul(argv[3], NULL, 10) * NS_PER_MS);
    BUG_ON(waitpid(pid, &status, 0) != pid || status != 0);
    const double records = (double)link.result->records;
    printf("{\"records_per_second\": %.0f, \"cpu_ns\": %.1f}\n",
           records * (double)NS_PER_S / (double)(link.result->ended - link.result->began),
           (double)(used + link.result->cpu_ns) / records);
    return 0;
}
