/* The life of a store that power cuts are tried on: a trace of all that it did to its disk, with
 * each acknowledgement at its place. */
#ifndef TESTS_STORE_POWER_STORY_H
#define TESTS_STORE_POWER_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "power_check.h"

#define IN_FLIGHT  6U
#define PEOPLE_MAX 2000U
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORLDS 60U
#else
#define WORLDS 300U
#endif

/* Four buffers are the least that a log file holds. */
#define SMALL "set_lg_bsize 16384\nset_lg_max 131072\nset_cachesize 0 262144 1\n"

struct story {
    struct rig rig;
    struct trace *trace;
    struct verdict *verdict; /* shared with the children that look */
    char worlds[128];        /* directory in which worlds are made */
    bool keeps_worlds;       /* for whoever looks into one that failed */
    uint64_t seed;
    uint64_t worlds_asked;
    uint64_t *places; /* of the trace's records */
    size_t place_count;
    uint64_t first_ready; /* place at which the first start was done */
    uint64_t people;      /* asked for */
    uint64_t answered;
    uint64_t wrong;
    uint8_t told[PEOPLE_MAX];
};

struct waiting {
    struct story *story;
    uint64_t number;
};

static struct trace *trace_of_the_store; /* for prepare functions, which are told nothing */

/* ---- the story that is cut ------------------------------------------------------------------- */

static inline void on_signed_up(void *context, enum store_status status, struct slice payload)
{
    struct waiting *waiting = context;
    struct story *story = waiting->story;

    (void)payload;
    story->answered++;
    if (status == STORE_OK)
        trace_told(story->trace, waiting->number);
    else if (status != STORE_AWAY)
        story->wrong++;
    free(waiting);
}

static inline void ask_one_more(struct story *story)
{
    char bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(story->people);
    struct waiting *waiting = xcalloc(1, sizeof(*waiting));

    BUG_ON(story->people >= PEOPLE_MAX);
    *waiting = (struct waiting){story, story->people++};
    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    BUG_ON(!store_ask(story->rig.client, STORE_ACCOUNT_CREATE, packer_slice(&packer),
                      clock_mono_ns() + 60 * NS_PER_S, on_signed_up, waiting));
}

static inline void work(struct story *story, uint64_t people)
{
    uint64_t until = story->people + people;

    while (story->people < until) {
        while (story->people < until && story->people - story->answered < IN_FLIGHT)
            ask_one_more(story);
        rig_turn(&story->rig, 10);
    }
}

static inline void wait_for_all(struct story *story)
{
    while (story->people > story->answered)
        rig_turn(&story->rig, 10);
}

static inline void write_down(void)
{
    trace_hook(trace_of_the_store);
    sync_replace(recording_sync);
}

static inline bool ends_with_a_write(const struct trace *trace, uint64_t *from)
{
    enum trace_kind last = TRACE_SYNC;

    for (; *from < trace_len(trace); *from = trace_next(trace, *from))
        last = (enum trace_kind)trace_at(trace, *from)->kind;
    return last == TRACE_WRITE;
}

/* Kills it where it hurts: between a write and its sync, if there is one soon. Nothing is on its
 * way to the disk while the trace's lock is held: the trace stays true. */
static inline void kill_store(struct story *story)
{
    uint64_t seen = trace_len(story->trace);

    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&story->trace->lock);
        if (ends_with_a_write(story->trace, &seen))
            break;
        pthread_mutex_unlock(&story->trace->lock);
        usleep(100);
        if (i == 1999)
            pthread_mutex_lock(&story->trace->lock);
    }
    rig_kill(&story->rig);
    pthread_mutex_unlock(&story->trace->lock);
}

static inline void kill_store_while_it_recovers(struct story *story)
{
    uint64_t before = trace_len(story->trace);

    rig_fork(&story->rig, write_down);
    while (trace_len(story->trace) < before + 4096 && !rig_serves(&story->rig))
        usleep(200);
    kill_store(story);
}

static inline void live(struct story *story)
{
    rig_start(&story->rig, write_down);
    story->first_ready = trace_len(story->trace);
    work(story, 120);
    wait_for_all(story);
    assert_int_equal(rig_stop(&story->rig), 0);
    rig_start(&story->rig, write_down);
    work(story, 120);
    kill_store(story);
    rig_start(&story->rig, write_down);
    work(story, 100);
    kill_store(story);
    kill_store_while_it_recovers(story);
    rig_start(&story->rig, write_down);
    work(story, 100);
    wait_for_all(story);
    assert_int_equal(rig_stop(&story->rig), 0);
    assert_int_equal(story->wrong, 0);
}

static inline uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static inline void put_small_sizes(const char *dir)
{
    char path[256];

    path_in(path, sizeof(path), dir, "DB_CONFIG");
    FILE *file = fopen(path, "w");
    BUG_ON(!file || fputs(SMALL, file) < 0 || fclose(file) != 0);
}

static inline void find_places(struct story *story)
{
    uint64_t end = trace_len(story->trace);

    for (uint64_t at = story->trace->began; at < end; at = trace_next(story->trace, at))
        story->place_count++;
    story->places = xcalloc(story->place_count + 1, sizeof(*story->places));
    story->place_count = 0;
    for (uint64_t at = story->trace->began; at < end; at = trace_next(story->trace, at))
        story->places[story->place_count++] = at;
    story->places[story->place_count] = end;
}

/* Where fault points are, checkpoints are made all the time, and old log files go. */
static inline void assert_logs_were_removed(const struct story *story)
{
#ifdef GATEPOST_FAULTS
    size_t removed = 0;

    for (size_t i = 0; i < story->place_count; i++) {
        const struct trace_record *record = trace_at(story->trace, story->places[i]);

        removed +=
            record->kind == TRACE_UNLINK && strncmp((const char *)record->bytes, "log.", 4) == 0;
    }
    assert_true(removed > 0);
#else
    (void)story;
#endif
}

static inline int tell_story(void **state)
{
    struct story *story = xcalloc(1, sizeof(*story));
    const char *worlds = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    rig_init(&story->rig);
    put_small_sizes(story->rig.dir);
    story->trace = trace_of_the_store = trace_new();
    story->trace->delay_us = 5000; /* so that checkpoints find something to do */
    story->seed = number_from("GATEPOST_POWER_SEED", clock_mono_ns());
    story->worlds_asked = number_from("GATEPOST_POWER_WORLDS", WORLDS);
    snprintf(story->worlds, sizeof(story->worlds), "%s/gatepost-cut-XXXXXX", worlds);
    BUG_ON(!mkdtemp(story->worlds));
    story->verdict = mmap(NULL, sizeof(*story->verdict), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    BUG_ON(story->verdict == MAP_FAILED);
    trace_what_exists(story->trace, story->rig.dir);
#ifdef GATEPOST_FAULTS
    fault_arm("s.checkpoint_due", FAULT_FAIL, 1, 0, UINT32_MAX);
#endif
    live(story);
    find_places(story);
    assert_logs_were_removed(story);
    print_message("%llu people, %zu changes of the disk, seed %llu\n",
                  (unsigned long long)story->people, story->place_count,
                  (unsigned long long)story->seed);
    *state = story;
    return 0;
}

static inline int end_story(void **state)
{
    struct story *story = *state;

    rig_fini(&story->rig);
    trace_free(&story->trace);
    munmap(story->verdict, sizeof(*story->verdict));
    if (!story->keeps_worlds)
        nftw(story->worlds, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
    free(story->places);
    free(story);
    return 0;
}

#endif
