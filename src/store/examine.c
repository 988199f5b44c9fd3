/* See examine.h: the log is carried out on the copy, Berkeley DB looks at every page, every record
 * is read, every list is held against what it lists. */
#include "examine.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "gatepost/log.h"
#include "gatepost/proc.h"
#include "pages.h"
#include "sync.h"

enum offline_result work_say(const struct offline_job *job, enum offline_result result,
                             const char *sentence)
{
    job->listener.on_problem(job->listener.context, sentence);
    return result;
}

static void show(const struct offline_job *job, const char *doing, uint64_t done, uint64_t all)
{
    job->listener.on_progress(job->listener.context, doing, done, all);
}

static void on_check_problem(void *context, const char *sentence)
{
    const struct offline_job *job = context;

    job->listener.on_problem(job->listener.context, sentence);
}

static void on_check_progress(void *context, uint64_t rows)
{
    show(context, "checking", rows, 0);
}

static void tell_counts(const struct offline_job *job, const struct check *check)
{
    const struct tally *tally = &check->env->tally;
    const struct {
        const char *what;
        uint64_t count;
    } counts[] = {
        {"accounts", check->rows[TABLE_USERS]},
        {"sessions", check->rows[TABLE_SESSIONS]},
        {"letters_waiting", tally->pending},
        {"letters_dead", tally->dead},
        {"letters_sent", tally->sent},
        {"suppressions", check->rows[TABLE_SUPPRESSIONS]},
        {"audit_events", check->rows[TABLE_AUDIT]},
    };

    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        job->listener.on_count(job->listener.context, counts[i].what, counts[i].count);
}

static enum offline_result check_records(const struct work *work, struct env *env)
{
    const struct offline_job *job = work->job;
    struct check check = {.env = env,
                          .on_problem = on_check_problem,
                          .on_progress = on_check_progress,
                          .context = (void *)(uintptr_t)job};

    if (work->is_backup && !work->cut) {
        check.audit_events = work->manifest.audit_events;
        memcpy(check.audit_chain, work->manifest.audit_chain, sizeof(check.audit_chain));
    }
    check_all(&check);
    if (check.problems > 0)
        return OFFLINE_DAMAGED;
    tell_counts(job, &check);
    return OFFLINE_GOOD;
}

/* The log is carried out, and the pages are on the disk. */
static bool recover(const struct work *work, struct segment *segment, struct err *err)
{
    const struct offline_job *job = work->job;
    const uint32_t slot = segment_store_slot(segment);
    struct env env;

    show(job, "replaying the log", 0, 0);
    if (work->is_backup && !env_replay(job->work, job->cache_mib, segment, slot, err))
        return false;
    if (!env_open(&env, job->work, job->cache_mib, segment, slot, err))
        return false;
    env_close(&env);
    return true;
}

static enum offline_result examine(const struct work *work, struct segment *segment)
{
    const struct offline_job *job = work->job;
    struct err err = {{0}};
    struct env env;

    if (!recover(work, segment, &err))
        return work_say(job, OFFLINE_DAMAGED, err.text);
    if (!pages_verify(job->work, &job->listener))
        return OFFLINE_DAMAGED;
    if (!env_open(&env, job->work, job->cache_mib, segment, segment_store_slot(segment), &err))
        return work_say(job, OFFLINE_DAMAGED, err.text);
    const enum offline_result result = check_records(work, &env);
    env_close(&env);
    return result;
}

_Noreturn static void be_the_child(const struct work *work)
{
    struct err err = {{0}};
    struct segment *segment = NULL;
    enum offline_result result = OFFLINE_FAILED;

    log_init("offline", LOG_LEVEL_ERROR);
    if (!proc_become_user(work->job->user, &err) || (segment = segment_create(1, &err)) == NULL) {
        (void)work_say(work->job, OFFLINE_FAILED, err.text);
    } else {
        sync_hook(segment, -1);
        result = examine(work, segment);
    }
    (void)fflush(NULL);
    _exit(result == OFFLINE_GOOD      ? EXIT_DONE
          : result == OFFLINE_DAMAGED ? EXIT_DAMAGED
                                      : EXIT_FAILED);
}

enum offline_result examine_in_a_child(const struct work *work)
{
    int status = 0;

    (void)fflush(NULL);
    const pid_t child = fork();
    if (child < 0)
        return work_say(work->job, OFFLINE_FAILED, strerror(errno));
    if (child == 0)
        be_the_child(work);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE)
        return OFFLINE_GOOD;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DAMAGED)
        return OFFLINE_DAMAGED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_STORE_PANIC)
        return work_say(work->job, OFFLINE_DAMAGED,
                        "Berkeley DB gave the database up: the lines above name the file");
    if (WIFSIGNALED(status))
        return work_say(work->job, OFFLINE_FAILED,
                        "the check was killed, or met a bug of Gatepost");
    return OFFLINE_FAILED;
}
