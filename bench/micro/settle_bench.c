/* What a letter costs the store, over its lanes: signed up, and settled as delivered, so many a
 * second, and how much of the store's processor time each takes.
 *
 * One process plays worker and mailer; the store is a child. The letters are remembered, or with
 * the argument 0 are not (mail.keep_s). One JSON object a line on standard output. */
#include <time.h>

#include "../../tests/unit/store/store_rig.h"

#define LETTERS   20000U
#define IN_FLIGHT 64U

struct load {
    struct rig rig;
    uint64_t asked;
    uint64_t answered;
    uint64_t failed;
    struct uuid *jobs; /* by number */
};

static void on_answer(void *context, enum store_status status, struct slice payload)
{
    struct load *load = context;

    (void)payload;
    load->answered++;
    load->failed += status != STORE_OK ? 1U : 0U;
}

static void ask(struct load *load, enum store_request request, const struct packer *packer)
{
    BUG_ON(packer->overflow);
    BUG_ON(!store_ask(load->rig.client, request, packer_slice(packer),
                      clock_mono_ns() + 30 * NS_PER_S, on_answer, load));
    load->asked++;
}

static void sign_up(struct load *load, uint64_t number)
{
    char bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(number);

    person.user_id = uuid_new(clock_wall_ms());
    person.proof_id = uuid_new(clock_wall_ms());
    person.job_id = load->jobs[number] = uuid_new(clock_wall_ms());
    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    ask(load, STORE_ACCOUNT_CREATE, &packer);
}

static void settle(struct load *load, uint64_t number)
{
    char bytes[1024];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    outbox_settle_ask_pack(&packer, &(struct outbox_settle_ask){
                                        .job_id = load->jobs[number],
                                        .verdict = OUTBOX_DELIVERED,
                                        .reply = SLICE_LITERAL("250 2.0.0 Ok: queued as 4Z1x2y3"),
                                        .relay = SLICE_LITERAL("smtp"),
                                        .now = clock_wall_ms(),
                                    });
    ask(load, STORE_OUTBOX_SETTLE, &packer);
}

/* Processor time of a process and its threads, in seconds. */
static double time_of(pid_t pid)
{
    clockid_t its;
    struct timespec time;

    BUG_ON(clock_getcpuclockid(pid, &its) != 0 || clock_gettime(its, &time) != 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run(struct load *load, const char *name, void (*act)(struct load *, uint64_t))
{
    const mono_ns began = clock_mono_ns();
    const double cpu = time_of(load->rig.store);

    load->asked = load->answered = 0;
    while (load->answered < LETTERS) {
        while (load->asked < LETTERS && load->asked - load->answered < IN_FLIGHT)
            act(load, load->asked);
        rig_turn(&load->rig, 100);
    }
    const double seconds = (double)(clock_mono_ns() - began) / 1e9;
    printf("{\"bench\":\"letters in the store\",\"case\":\"%s\",\"per_s\":%.0f,"
           "\"store_cpu_us\":%.1f}\n",
           name, LETTERS / seconds, (time_of(load->rig.store) - cpu) * 1e6 / LETTERS);
    fflush(stdout);
}

int main(int count, char **words)
{
    struct load *load = xcalloc(1, sizeof(*load));

    rig_init(&load->rig);
    load->jobs = xcalloc(LETTERS, sizeof(load->jobs[0]));
    load->rig.config.store_cache_mib = 256;
    load->rig.config.mail_keep_s = count > 1 ? strtol(words[1], NULL, 10) : 604800;
    rig_start(&load->rig, NULL);
    run(load, "signed up", sign_up);
    run(load, "settled", settle);
    BUG_ON(load->failed > 0);
    BUG_ON(rig_stop(&load->rig) != 0);
    rig_fini(&load->rig);
    free(load->jobs);
    free(load);
    return 0;
}
