/* A store process of its own on a temporary directory, and this process as its master and as one
 * worker, over real lanes. */
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/lane.h"
#include "gatepost/log.h"
#include "gatepost/proc.h"
#include "gatepost/store_client.h"

#ifdef __SANITIZE_THREAD__
/* Berkeley DB is not instrumented: ThreadSanitizer sees its latches but not its rules for them. */
const char *__tsan_default_suppressions(void) __attribute__((visibility("default")));
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libdb-5.3.so\ndeadlock:libdb-5.3.so\n";
}
#endif

struct rig {
    struct segment *segment;
    struct config config;
    char dir[64];
    int control_fd; /* the master's end to the store that lives now */
    int alive_fd;   /* write end: stays open while the master lives */
    pid_t store;
    uint64_t epoch;
    uint32_t slot; /* the worker's */
    struct store_client *client;
};

static inline int rig_unlink(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void rig_init(struct rig *rig)
{
    struct err err = {{0}};
    const char *tmp = getenv("TMPDIR");

    memset(rig, 0, sizeof(*rig));
    log_init("test", LOG_LEVEL_ERROR);
    rig->segment = segment_create(2, &err);
    BUG_ON(!rig->segment);
    snprintf(rig->dir, sizeof(rig->dir), "%s/gatepost-store-XXXXXX", tmp ? tmp : "/tmp");
    BUG_ON(!mkdtemp(rig->dir));
    rig->config.store_dir = rig->dir;
    rig->config.store_cache_mib = 64;
    rig->config.master_user = "";
    rig->config.log_level = CONFIG_LOG_ERROR;
    BUG_ON(!seat_take(rig->segment, SEAT_WORKER | SEAT_MAILER, &rig->slot)); /* it plays both */
    rig->client = store_client_new(rig->segment, rig->slot);
}

/* Forks a store; the one before it must be gone. prepare: run in the child first, or NULL. */
static inline void rig_fork(struct rig *rig, void (*prepare)(void))
{
    int control[2];
    int alive[2];
    pid_t master = getpid();

    BUG_ON(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, control) != 0);
    BUG_ON(pipe(alive) != 0);
    rig->epoch++;
    rig->store = fork();
    BUG_ON(rig->store < 0);
    if (rig->store == 0) {
        struct heritage heritage = {.role = ROLE_STORE,
                                    .slot = segment_store_slot(rig->segment),
                                    .generation = rig->epoch,
                                    .config = &rig->config,
                                    .segment = rig->segment,
                                    .control_fd = control[1],
                                    .alive_fd = alive[0],
                                    .lock_fd = -1,
                                    .master_pid = master};
        if (prepare)
            prepare();
        _exit(store_main(&heritage));
    }
    close(control[1]);
    close(alive[0]);
    rig->control_fd = control[0];
    rig->alive_fd = alive[1];
}

static inline bool rig_serves(const struct rig *rig)
{
    return board_get(rig->segment, BOARD_STORE_EPOCH) == rig->epoch;
}

static inline void rig_start(struct rig *rig, void (*prepare)(void))
{
    rig_fork(rig, prepare);
    for (int i = 0; !rig_serves(rig); i++) {
        BUG_ON(i > 20000 || waitpid(rig->store, NULL, WNOHANG) != 0);
        usleep(1000);
    }
}

/* Reaps the store that ends, or is made to. Returns the wait status. */
static inline int rig_reap(struct rig *rig)
{
    int status = 0;

    BUG_ON(waitpid(rig->store, &status, 0) != rig->store);
    close(rig->control_fd);
    close(rig->alive_fd);
    rig->store = 0;
    return status;
}

static inline void rig_kill(struct rig *rig)
{
    kill(rig->store, SIGKILL);
    (void)rig_reap(rig);
}

static inline int rig_stop(struct rig *rig)
{
    proc_send(rig->control_fd, ORDER_STOP, 0, 5000, -1);
    wake_slot(rig->segment, segment_store_slot(rig->segment));
    return rig_reap(rig);
}

static inline void rig_fini(struct rig *rig)
{
    if (rig->store)
        rig_kill(rig);
    store_client_free(&rig->client);
    segment_close(&rig->segment);
    nftw(rig->dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

/* One turn of a worker's loop: sleeps until an answer waits or ms are over, then takes what is
 * there. */
static inline void rig_turn(struct rig *rig, int ms)
{
    struct pollfd wait = {.fd = wake_fd(rig->segment, rig->slot), .events = POLLIN};

    wake_prepare(rig->segment, rig->slot);
    if (!store_client_has_work(rig->client) &&
        board_get(rig->segment, BOARD_STORE_EPOCH) == rig->epoch)
        (void)poll(&wait, 1, ms);
    wake_done(rig->segment, rig->slot);
    store_client_poll(rig->client, clock_mono_ns());
}

/* The answer to one ask, kept. */
struct rig_answer {
    bool came;
    enum store_status status;
    size_t len;
    char payload[LANE_RECORD_MAX_BYTES];
};

static inline void rig_on_answer(void *context, enum store_status status, struct slice payload)
{
    struct rig_answer *answer = context;

    answer->came = true;
    answer->status = status;
    answer->len = payload.len;
    if (payload.len > 0)
        memcpy(answer->payload, payload.at, payload.len);
}

/* Asks and waits. */
static inline enum store_status rig_ask(struct rig *rig, enum store_request request,
                                        const struct packer *packer, struct rig_answer *answer)
{
    BUG_ON(packer->overflow);
    answer->came = false;
    BUG_ON(!store_ask(rig->client, request, packer_slice(packer), clock_mono_ns() + 20 * NS_PER_S,
                      rig_on_answer, answer));
    while (!answer->came)
        rig_turn(rig, 100);
    return answer->status;
}

/* A sign-up of person `number`: every field follows from the number, so that whoever knows it can
 * check all of it. */
struct rig_person {
    char username[32];
    char email[48];
    struct uuid user_id;
    struct uuid proof_id;
    struct uuid job_id;
};

static inline struct uuid rig_uuid(uint8_t kind, uint64_t number)
{
    struct uuid uuid = {{0x01, 0x93, kind}};

    for (int i = 0; i < 8; i++)
        uuid.bytes[8 + i] = (uint8_t)(number >> (56 - 8 * i));
    return uuid;
}

static inline struct rig_person rig_person(uint64_t number)
{
    struct rig_person person = {.user_id = rig_uuid(1, number),
                                .proof_id = rig_uuid(2, number),
                                .job_id = rig_uuid(3, number)};

    snprintf(person.username, sizeof(person.username), "person%llu", (unsigned long long)number);
    snprintf(person.email, sizeof(person.email), "person%llu@example.com",
             (unsigned long long)number);
    return person;
}

#define RIG_NOW 4102444800000LL /* 2100: upkeep goes by the real clock */
#define RIG_PASSWORD                                                                               \
    "pbkdf2_sha256$600000$abcdefghijklmnopqrstuv$0123456789012345678901234567890123456789abc="

static inline void rig_pack_signup(struct packer *packer, const struct rig_person *person,
                                   struct slice key, struct slice body)
{
    char job_bytes[1024];
    struct packer job = packer_over(job_bytes, sizeof(job_bytes));

    mail_job_pack(&job, &(struct mail_job){.job_id = person->job_id,
                                           .purpose = MAIL_VERIFY,
                                           .proof_id = person->proof_id,
                                           .to = slice_of_text(person->email),
                                           .username = slice_of_text(person->username),
                                           .language = SLICE_LITERAL("de"),
                                           .created = RIG_NOW,
                                           .expires = RIG_NOW + 86400000});
    account_create_ask_pack(
        packer, &(struct account_create_ask){.user_id = person->user_id,
                                             .username = slice_of_text(person->username),
                                             .username_key = slice_of_text(person->username),
                                             .email = slice_of_text(person->email),
                                             .email_key = slice_of_text(person->email),
                                             .password = SLICE_LITERAL(RIG_PASSWORD),
                                             .proof_id = person->proof_id,
                                             .proof_expires = RIG_NOW + 86400000,
                                             .job_id = person->job_id,
                                             .job = packer_slice(&job),
                                             .idempotency_key = key,
                                             .idempotency_body = body,
                                             .peer = SLICE_LITERAL("192.0.2.1"),
                                             .now = RIG_NOW});
}

static inline enum store_status rig_signup(struct rig *rig, uint64_t number,
                                           struct rig_answer *answer)
{
    char bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(number);

    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    return rig_ask(rig, STORE_ACCOUNT_CREATE, &packer, answer);
}

static inline enum store_status rig_credentials(struct rig *rig, const char *username,
                                                struct rig_answer *answer)
{
    char bytes[2048];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    credentials_ask_pack(&packer,
                         &(struct credentials_ask){.username_key = slice_of_text(username)});
    return rig_ask(rig, STORE_CREDENTIALS, &packer, answer);
}

#endif
