/* Power cuts without a machine to cut: the store works on a disk that writes everything down, and
 * then many disks are made as a cut at some place may have left them (power_world.h). Each is
 * opened as a start does it, which recovers, and looked through.
 *
 * Whoever was told before the cut is there, whole; nobody is there by half; counts agree and pages
 * are in order. Logs are torn at 512 bytes. The controls run the same on disks whose syncs lie, and
 * must find people missing.
 *
 * What is cut: the first start, which makes the files; work with checkpoints; the removal of old
 * log files; a stop; recovery after the store was killed; and recovery from a power cut. The
 * database is told to use small log files and a small cache, so that pages and log records go out
 * long before anybody asks for a sync.
 *
 * GATEPOST_POWER_WORLDS and GATEPOST_POWER_SEED set other numbers. A seed repeats the dice, not the
 * store's timing, which makes another trace each time: a world that fails is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "power_story.h"

#define BASE_NAME "cut"

/* ---- cuts ------------------------------------------------------------------------------------ */

static void world_dir(const struct story *story, const char *name, char *path, size_t size)
{
    path_in(path, size, story->worlds, name);
    nftw(path, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
    BUG_ON(mkdir(path, 0700) != 0);
}

/* Returns how many were told before the cut. */
static uint64_t find_told(struct story *story, uint64_t cut)
{
    uint64_t count = 0;

    memset(story->told, 0, sizeof(story->told));
    for (uint64_t at = 0; at < cut; at = trace_next(story->trace, at)) {
        const struct trace_record *record = trace_at(story->trace, at);

        if (record->kind == TRACE_TOLD) {
            story->told[record->number] = 1;
            count++;
        }
    }
    return count;
}

/* A place to cut at; every fifth one in the first start, which is short. */
static uint64_t pick_cut(const struct story *story, struct dice *dice)
{
    size_t end = story->place_count + 1;

    if (dice_below(dice, 5) == 0) {
        for (end = 1; story->places[end] < story->first_ready;)
            end++;
    }
    return story->places[dice_below(dice, end)];
}

static struct world *world_for(const struct story *story, uint64_t number)
{
    struct world *world = xcalloc(1, sizeof(*world));
    struct dice dice = {story->seed + number * 0x632be59bd9b4e019ULL};

    *world = (struct world){.trace = story->trace, .base = story->rig.dir};
    world->cut = pick_cut(story, &dice);
    world->seed = dice_next(&dice);
    return world;
}

static const struct verdict *look(struct story *story, const struct world *world,
                                  struct trace *trace)
{
    struct guest_list list = {story->told, story->people};

    world_look(world->dir, &story->rig, &list, trace, story->verdict);
    return story->verdict;
}

/* The world as it was before it was opened is made once more, for whoever looks into it. */
static void keep_and_fail(struct story *story, struct world *world, uint64_t number)
{
    char said[160];
    char dir[256];

    snprintf(said, sizeof(said), "cat %s.said >&2", world->dir);
    (void)!system(said);
    verdict_print(story->verdict);
    story->keeps_worlds = true;
    world_dir(story, "failed", dir, sizeof(dir));
    world->dir = dir;
    world_make(world);
    fail_msg("seed %llu, world %llu, cut at %llu, names to %llu: %s",
             (unsigned long long)story->seed, (unsigned long long)number,
             (unsigned long long)world->cut, (unsigned long long)world->names, dir);
}

/* Makes one world and looks at it. Returns how many were told before its cut. */
static uint64_t cut_once(struct story *story, uint64_t number, enum honesty honesty,
                         bool tears_pages)
{
    struct world *world = world_for(story, number);
    char dir[256];
    uint64_t told = find_told(story, world->cut);

    world_dir(story, BASE_NAME, dir, sizeof(dir));
    world->dir = dir;
    world->honesty = honesty;
    world->tears_pages = tears_pages;
    world_make(world);
    (void)look(story, world, NULL);
    if (honesty == HONEST && !verdict_is_good(story->verdict) &&
        !(tears_pages && story->verdict->outcome == OUTCOME_REFUSED))
        keep_and_fail(story, world, number);
    free(world);
    return told;
}

static void test_whoever_was_told_is_there_after_any_cut(void **state)
{
    struct story *story = *state;
    uint64_t told = 0;

    for (uint64_t i = 0; i < story->worlds_asked; i++)
        told += cut_once(story, i, HONEST, false);
    print_message("%llu worlds, %llu acknowledgements looked up\n",
                  (unsigned long long)story->worlds_asked, (unsigned long long)told);
    assert_true(told > 0);
}

/* Berkeley DB needs pages that are written as a whole; its checksums find those that are not. */
static void test_a_torn_page_is_mended_or_refused_and_never_believed(void **state)
{
    struct story *story = *state;
    uint64_t refused = 0;

    for (uint64_t i = 0; i < story->worlds_asked / 3; i++) {
        cut_once(story, 1000000 + i, HONEST, true);
        refused += story->verdict->outcome == OUTCOME_REFUSED;
    }
    print_message("%llu worlds, %llu refused\n", (unsigned long long)story->worlds_asked / 3,
                  (unsigned long long)refused);
}

static void copy_dir(const char *from, const char *to)
{
    DIR *dir = opendir(from);
    char from_path[512];
    char to_path[512];

    BUG_ON(!dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        path_in(from_path, sizeof(from_path), from, entry->d_name);
        path_in(to_path, sizeof(to_path), to, entry->d_name);
        int fd = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        BUG_ON(fd < 0);
        copy_bytes(fd, from_path);
        close(fd);
    }
    closedir(dir);
}

static uint64_t pick_place(const struct trace *trace, struct dice *dice)
{
    uint64_t until = trace->began + dice_below(dice, trace_len(trace) - trace->began + 1);
    uint64_t at = trace->began;

    while (at < until)
        at = trace_next(trace, at);
    return at;
}

/* One world is recovered on a disk that writes down; then that disk is cut as well. */
static void test_recovery_can_be_cut_again(void **state)
{
    struct story *story = *state;
    char before[256];
    char after[256];
    uint64_t number = 2000000;

    for (uint64_t i = 0; i < story->worlds_asked / 6; i++) {
        struct world *world = world_for(story, number++);

        find_told(story, world->cut);
        world_dir(story, "before", before, sizeof(before));
        world->dir = before;
        world_make(world);
        free(world);
        for (int again = 0; again < 2; again++) {
            struct world *second = xcalloc(1, sizeof(*second));
            struct trace *trace = trace_new();

            world_dir(story, BASE_NAME, after, sizeof(after));
            copy_dir(before, after);
            *second = (struct world){
                .trace = trace, .base = before, .dir = after, .seed = story->seed + number++};
            struct dice dice = {second->seed};

            bool is_good = verdict_is_good(look(story, second, trace));
            second->cut = trace->began;
            if (!is_good)
                keep_and_fail(story, second, number);
            world_dir(story, BASE_NAME, after, sizeof(after));
            second->cut = pick_place(trace, &dice);
            world_make(second);
            if (!verdict_is_good(look(story, second, NULL)))
                keep_and_fail(story, second, number);
            trace_free(&trace);
            free(second);
        }
    }
}

static uint64_t worlds_that_lost(struct story *story, enum honesty honesty, uint64_t first)
{
    uint64_t lost = 0;
    uint64_t worlds = story->worlds_asked / 6 < 20 ? 20 : story->worlds_asked / 6;

    for (uint64_t i = 0; i < worlds; i++) {
        cut_once(story, first + i, honesty, false);
        lost += story->verdict->missing > 0 || story->verdict->halves > 0 ||
                story->verdict->outcome != OUTCOME_OPENED;
    }
    print_message("%llu of %llu worlds lost somebody\n", (unsigned long long)lost,
                  (unsigned long long)worlds);
    return lost;
}

static void test_a_disk_that_lies_is_found_out(void **state)
{
    assert_true(worlds_that_lost(*state, LYING, 3000000) > 0);
}

static void test_a_disk_that_lies_about_pages_is_found_out(void **state)
{
    assert_true(worlds_that_lost(*state, HONEST_FOR_LOGS, 4000000) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whoever_was_told_is_there_after_any_cut),
        cmocka_unit_test(test_a_torn_page_is_mended_or_refused_and_never_believed),
        cmocka_unit_test(test_recovery_can_be_cut_again),
        cmocka_unit_test(test_a_disk_that_lies_is_found_out),
        cmocka_unit_test(test_a_disk_that_lies_about_pages_is_found_out),
    };
    return cmocka_run_group_tests(tests, tell_story, end_story);
}
