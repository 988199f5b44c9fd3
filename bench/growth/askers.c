/* What an operation costs the store when 1 to 8 processes ask it at once, each over its own lanes
 * and with so many in flight: login lookups, and durable sign-ups, which share batches and flushes.
 *
 *     askers DIR USERS SECONDS SEED     DIR: what fill.c made with so many users; it is only read
 *
 * A JSON object a line on standard output, one for each kind and number of askers. */
#include <errno.h>

#include "../temporary_folder.h"
#include "asker.h"
#include "gatepost/metrics.h"
#include "used.h"

#define IN_FLIGHT 16U
#define WARM_NS   (200 * NS_PER_MS)
#define CACHE_MIB 256

static const size_t numbers[] = {1, 2, 4, 8};
#define ASKERS_MAX 8U

static char own_dir[TEMPORARY_FOLDER_BYTES]; /* of one rig after the other */

struct plan {
    bool signs_up;
    size_t askers;
    uint64_t users;
    uint64_t seed;
    mono_ns begin; /* what is answered before that does not count */
    mono_ns end;
};

/* What an asker tells of its time between begin and end. */
struct told {
    uint64_t answered;
    double cpu_us;
};

static void open_rig(struct rig *rig, const char *dir, uint32_t slots[ASKERS_MAX])
{
    struct err err = {{0}};

    memset(rig, 0, sizeof(*rig));
    rig->segment = segment_create(ASKERS_MAX, &err);
    BUG_ON(!rig->segment);
    temporary_folder("gatepost-askers", own_dir);
    rig->config.store_dir = dir ? (char *)(uintptr_t)dir : own_dir;
    rig->config.store_cache_mib = CACHE_MIB;
    rig->config.master_user = "";
    rig->config.log_level = CONFIG_LOG_ERROR;
    for (size_t i = 0; i < ASKERS_MAX; i++)
        BUG_ON(!seat_take_worker(rig->segment, &slots[i]));
    rig_start(rig, NULL);
}

static bool close_rig(struct rig *rig)
{
    const bool ended_well = rig_stop(rig) == 0;

    segment_close(&rig->segment);
    nftw(own_dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
    return ended_well;
}

static _Noreturn void be_asker(const struct rig *rig, uint32_t slot, size_t number,
                               const struct plan *plan, int out)
{
    struct asker *asker = asker_new(rig->segment, slot, plan->users, plan->seed + number);
    struct told told;

    asker->signs_up = plan->signs_up;
    (void)asker_run(asker, IN_FLIGHT, UINT64_MAX, plan->begin, 0);
    const double before_us = used_by(getpid()).cpu_us;
    told.answered = asker_run(asker, IN_FLIGHT, UINT64_MAX, plan->end, 0);
    told.cpu_us = used_by(getpid()).cpu_us - before_us;
    _exit(write(out, &told, sizeof(told)) == (ssize_t)sizeof(told) ? 0 : 1);
}

static void sleep_until(mono_ns when)
{
    const struct timespec at = {.tv_sec = (time_t)(when / NS_PER_S),
                                .tv_nsec = (long)(when % NS_PER_S)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

/* What the store has done up to now. */
struct deeds {
    struct used used;
    double writes;
    double commits;
    struct metric_buckets flushes;
};

static struct deeds deeds_of(const struct rig *rig)
{
    struct deeds deeds = {.used = used_by(rig->store),
                          .writes = (double)metric_sum(rig->segment, METRIC_STORE_WRITES),
                          .commits = (double)metric_sum(rig->segment, METRIC_STORE_COMMITS)};

    metric_buckets_read(rig->segment, HISTOGRAM_STORE_FLUSH, &deeds.flushes);
    return deeds;
}

static void print(const struct plan *plan, const struct told *told, const struct deeds *before,
                  const struct deeds *after)
{
    const double answered = (double)told->answered;
    const double commits = after->commits - before->commits;

    printf("{\"kind\":\"%s\",\"askers\":%zu,\"per_second\":%.1f,\"store_cpu_us\":%.4f,"
           "\"asker_cpu_us\":%.4f,\"batch_count\":%.3f,\"flush_p50_us\":%.1f}\n",
           plan->signs_up ? "signup" : "lookup", plan->askers,
           answered / ((double)(plan->end - plan->begin) / (double)NS_PER_S),
           (after->used.cpu_us - before->used.cpu_us) / answered, told->cpu_us / answered,
           commits > 0 ? (after->writes - before->writes) / commits : 0,
           metric_quantile(HISTOGRAM_STORE_FLUSH, &before->flushes, &after->flushes, 0.5) * 1e6);
    fflush(stdout);
}

static void measure(const struct rig *rig, const uint32_t slots[ASKERS_MAX], struct plan *plan,
                    mono_ns seconds)
{
    struct told sum = {0};
    struct told told;
    int pipe_fds[2];

    BUG_ON(pipe(pipe_fds) != 0);
    plan->begin = clock_mono_ns() + WARM_NS;
    plan->end = plan->begin + seconds;
    for (size_t i = 0; i < plan->askers; i++) {
        const pid_t pid = fork();

        BUG_ON(pid < 0);
        if (pid == 0)
            be_asker(rig, slots[i], i, plan, pipe_fds[1]);
    }
    sleep_until(plan->begin);
    const struct deeds before = deeds_of(rig);
    sleep_until(plan->end);
    const struct deeds after = deeds_of(rig);

    for (size_t i = 0; i < plan->askers; i++) {
        int status;

        BUG_ON(read(pipe_fds[0], &told, sizeof(told)) != (ssize_t)sizeof(told));
        BUG_ON(wait(&status) < 0 || status != 0);
        sum.answered += told.answered;
        sum.cpu_us += told.cpu_us;
    }
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    print(plan, &sum, &before, &after);
}

int main(int argc, char **argv)
{
    bool good = true;

    if (argc != 5) {
        fprintf(stderr, "usage: askers DIR USERS SECONDS SEED\n");
        return 1;
    }
    log_init("askers", LOG_LEVEL_ERROR);
    for (int signs_up = 0; signs_up < 2; signs_up++) {
        struct plan plan = {.signs_up = signs_up != 0,
                            .users = strtoull(argv[2], NULL, 10),
                            .seed = strtoull(argv[4], NULL, 10)};

        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
            uint32_t slots[ASKERS_MAX];
            struct rig rig;

            plan.askers = numbers[i];
            open_rig(&rig, signs_up ? NULL : argv[1], slots);
            measure(&rig, slots, &plan, strtoull(argv[3], NULL, 10) * NS_PER_S);
            good &= close_rig(&rig);
        }
    }
    return good ? 0 : 1;
}
