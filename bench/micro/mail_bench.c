/* Letters a second: the real mailer process, with this program as its master, its worker and its
 * store, over real lanes, to smtp-sink (SMTP_SINK names it) and into files.
 *
 * The last line is one JSON object. Arguments: [letters [smtp host:port]]; with a peer of one's own
 * no smtp-sink is started and files are left out. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/lane.h"
#include "gatepost/letter.h"
#include "gatepost/log.h"
#include "gatepost/metrics.h"
#include "gatepost/proc.h"
#include "gatepost/store_messages.h"

#include "../temporary_folder.h"

#define JOB_MAX_BYTES 512

struct bench {
    struct segment *segment;
    struct heritage heritage;
    int master_end; /* of the mailer's control socket */
    int alive_end;
    pid_t mailer;
    struct lane mail, asks, answers;
    size_t settled;
};

static _Noreturn void stop(const char *why)
{
    fprintf(stderr, "mail_bench: %s\n", why);
    exit(1);
}

static void on_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    fprintf(stderr, "mail_bench: %s: %s\n", where, sentence);
}

static void start_mailer(struct bench *bench, struct config *config)
{
    struct err err = {""};
    int control[2], alive[2];

    bench->segment = segment_create(1, &err);
    if (bench->segment == NULL)
        stop(err.text);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, control) != 0 || pipe(alive) != 0)
        stop("no descriptors");
    uint32_t worker_slot;
    if (!seat_take_mailer(bench->segment) || !seat_take_worker(bench->segment, &worker_slot))
        stop("no seats");
    board_set(bench->segment, BOARD_STORE_EPOCH, 1);
    bench->heritage = (struct heritage){
        .role = ROLE_MAILER,
        .slot = SLOT_MAILER,
        .generation = seat_look(bench->segment, SLOT_MAILER).generation,
        .config = config,
        .segment = bench->segment,
        .letters = letter_set_load("", "en", on_problem, NULL),
        .control_fd = control[1],
        .alive_fd = alive[0],
        .lock_fd = -1,
        .master_pid = getpid(),
    };
    bench->master_end = control[0];
    bench->alive_end = alive[1];
    bench->mailer = fork();
    if (bench->mailer == 0) {
        close(control[0]);
        close(alive[1]);
        _exit(mailer_main(&bench->heritage));
    }
    close(control[1]);
    close(alive[0]);
    bench->mail = lane_open(bench->segment, worker_slot, LANE_MAIL);
    bench->asks = lane_open(bench->segment, SLOT_MAILER, LANE_ASK);
    bench->answers = lane_open(bench->segment, SLOT_MAILER, LANE_ANSWER);
}

/* The number-th letter: all that is said of it follows from its id. */
static size_t pack_job(const struct uuid *job_id, wall_ms created, uint8_t bytes[JOB_MAX_BYTES])
{
    struct packer packer = packer_over(bytes, JOB_MAX_BYTES);
    char to[64], name[32];
    uint32_t number;

    memcpy(&number, job_id->bytes + UUID_BYTES - sizeof(number), sizeof(number));
    snprintf(to, sizeof(to), "person%u@example.com", (unsigned)number);
    snprintf(name, sizeof(name), "person%u", (unsigned)number);
    const struct mail_job job = {
        .job_id = *job_id,
        .purpose = MAIL_VERIFY,
        .proof_id = *job_id,
        .to = slice_of_text(to),
        .username = slice_of_text(name),
        .created = created,
        .expires = created + 86400000,
    };
    mail_job_pack(&packer, &job);
    return packer.len;
}

/* As a worker does it: the id of the request, then the job. */
static bool push_job(struct bench *bench, size_t number)
{
    uint8_t job[JOB_MAX_BYTES], bytes[2 * JOB_MAX_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const uint32_t last = (uint32_t)number;
    const wall_ms now = clock_wall_ms();
    struct uuid job_id = uuid_new(now);

    memcpy(job_id.bytes + UUID_BYTES - sizeof(last), &last, sizeof(last));
    pack_slice(&packer, SLICE_LITERAL("bench"));
    pack_raw(&packer, job, pack_job(&job_id, now, job));
    return lane_push(&bench->mail, bytes, packer.len);
}

static void answer(struct bench *bench, uint64_t sequence, struct slice payload)
{
    uint8_t bytes[2 * JOB_MAX_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    const struct answer_head head = {.sequence = sequence, .status = STORE_OK};

    answer_head_pack(&packer, &head);
    pack_raw(&packer, payload.at, payload.len);
    while (!lane_push(&bench->answers, bytes, packer.len))
        usleep(100);
}

/* Every letter is wanted: a slow disk makes them wait until they are asked about. */
static void answer_claim(struct bench *bench, uint64_t sequence, struct slice packed)
{
    struct outbox_claim_ask ask;
    uint8_t job[JOB_MAX_BYTES], bytes[2 * JOB_MAX_BYTES];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    if (!outbox_claim_ask_unpack(packed, &ask))
        stop("a claim that cannot be read");
    size_t len = pack_job(&ask.job_id, ask.due, job);
    outbox_claim_answer_pack(&packer, &(struct outbox_claim_answer){.job = slice_of(job, len)});
    answer(bench, sequence, packer_slice(&packer));
}

static void take_ask(struct bench *bench, struct slice record)
{
    struct unpacker unpacker = unpacker_over(record);
    struct ask_head head;

    if (!ask_head_unpack(&unpacker, &head))
        stop("an ask that cannot be read");
    if (head.request == STORE_OUTBOX_PAGE) {
        uint8_t bytes[16];
        struct packer packer = packer_over(bytes, sizeof(bytes));
        const struct outbox_page_answer empty = {.more = 0};
        outbox_page_answer_pack(&packer, &empty);
        answer(bench, head.sequence, packer_slice(&packer));
    } else if (head.request == STORE_OUTBOX_CLAIM) {
        answer_claim(bench, head.sequence, slice_of(unpacker.bytes, unpacker.len));
    } else {
        bench->settled++;
        answer(bench, head.sequence, SLICE_LITERAL(""));
    }
}

static bool serve_asks(struct bench *bench)
{
    uint8_t record[LANE_RECORD_MAX_BYTES];
    size_t len, count = 0;

    while (lane_take(&bench->asks, record, &len) == LANE_RECORD) {
        take_ask(bench, slice_of(record, len));
        count++;
    }
    return count > 0;
}

static void wait_for_mailer(const struct bench *bench)
{
    uint32_t slot = segment_store_slot(bench->segment);
    struct pollfd fd = {.fd = wake_fd(bench->segment, slot), .events = POLLIN};

    wake_prepare(bench->segment, slot);
    if (!lane_has_record(&bench->asks))
        poll(&fd, 1, 1); /* the mail lane may have room: nobody wakes a worker for that */
    wake_done(bench->segment, slot);
    if (waitpid(bench->mailer, NULL, WNOHANG) == bench->mailer)
        stop("the mailer is gone");
}

/* At most so many letters on their way: more would be dropped to the sweep, which finds nothing
 * here. */
#define UNDER_WAY_MAX 8000

static double run(struct bench *bench, size_t letters)
{
    size_t pushed = 0;

    while (board_get(bench->segment, BOARD_MAILER_READY) == 0)
        wait_for_mailer(bench);
    mono_ns began = clock_mono_ns();
    while (bench->settled < letters) {
        while (pushed < letters && pushed - bench->settled < UNDER_WAY_MAX &&
               push_job(bench, pushed))
            pushed++;
        if (!serve_asks(bench))
            wait_for_mailer(bench);
        if (clock_mono_ns() - began > 120 * NS_PER_S)
            stop("not done within two minutes");
    }
    return (double)(clock_mono_ns() - began) / (double)NS_PER_S;
}

static double stop_mailer(struct bench *bench)
{
    struct rusage used;
    int status;

    proc_send(bench->master_end, ORDER_STOP, SLOT_MAILER, 2000, -1);
    if (wait4(bench->mailer, &status, 0, &used) < 0 || status != 0)
        stop("the mailer did not stop as it should");
    close(bench->master_end);
    close(bench->alive_end);
    segment_close(&bench->segment);
    return (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void measure(const char *folder, const char *const *overrides, size_t override_count,
                    size_t letters, const char *name)
{
    char key_file[256], mail_dir[256];
    const char *all[16];
    struct bench bench = {0};
    struct err err = {""};

    snprintf(key_file, sizeof(key_file), "mail.key_file=%s/mail.key", folder);
    snprintf(mail_dir, sizeof(mail_dir), "mail.dir=%s/mail", folder);
    all[0] = key_file;
    all[1] = mail_dir;
    all[2] = "log.level=warning";
    for (size_t i = 0; i < override_count; i++)
        all[3 + i] = overrides[i];
    if (!secret_make_file(key_file + strlen("mail.key_file="), &err))
        stop(err.text);
    const struct config_source source = {.overrides = all, .override_count = 3 + override_count};
    struct config *config = config_load(&source, on_problem, NULL);
    if (config == NULL)
        stop("the configuration is wrong");
    start_mailer(&bench, config);
    double seconds = run(&bench, letters);
    double cpu_s = stop_mailer(&bench);
    printf("\"%s_letters_per_second\": %.0f, \"%s_mailer_cpu_us_per_letter\": %.1f", name,
           (double)letters / seconds, name, cpu_s * 1e6 / (double)letters);
    config_free(&config);
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        stop("no free port");
    close(fd);
    return ntohs(address.sin_port);
}

static pid_t start_sink(const char *program, uint16_t port)
{
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)port);
    pid_t sink = fork();
    if (sink == 0) {
        if (geteuid() == 0) /* it refuses to serve as root */
            execl(program, program, "-u", "nobody", address, "128", (char *)NULL);
        execl(program, program, address, "128", (char *)NULL);
        _exit(127);
    }
    usleep(300000);
    return sink;
}

int main(int argc, char **argv)
{
    char folder[TEMPORARY_FOLDER_BYTES], host[128] = "smtp.host=127.0.0.1", port[32];
    size_t letters = argc > 1 ? strtoul(argv[1], NULL, 10) : 30000;
    const char *sink_program = getenv("SMTP_SINK");
    pid_t sink = 0;

    temporary_folder("mail_bench", folder);
    if (argc > 2) {
        snprintf(host, sizeof(host), "smtp.host=%.*s", (int)strcspn(argv[2], ":"), argv[2]);
        snprintf(port, sizeof(port), "smtp.port=%s", argv[2] + strcspn(argv[2], ":") + 1);
    } else {
        if (sink_program == NULL)
            stop("SMTP_SINK must name smtp-sink");
        uint16_t number = free_port();
        sink = start_sink(sink_program, number);
        snprintf(port, sizeof(port), "smtp.port=%u", (unsigned)number);
    }
    const char *const smtp[] = {host, port, "smtp.tls=none"};
    const char *const file[] = {"mail.transport=file"};
    printf("{");
    fflush(stdout); /* before the forks: a child must not print it again */
    measure(folder, smtp, ARRAY_LEN(smtp), letters, "smtp");
    if (sink > 0) {
        kill(sink, SIGTERM);
        waitpid(sink, NULL, 0);
        printf(", ");
        fflush(stdout);
        measure(folder, file, ARRAY_LEN(file), letters < 2000 ? letters : 2000, "file");
    }
    printf("}\n");
    char command[16 + TEMPORARY_FOLDER_BYTES];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? 0 : 1;
}
