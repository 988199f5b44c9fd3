/* Epochs: what is seen, and a race of workers that keep answers with a store that changes rows. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gatepost/epochs.h"
#include "gatepost/uuid.h"
#include "lib/ring/ring_layout.h"

#define SUBJECT    SLICE_LITERAL("0190a5a4-7c00-7000-8000-000000000001")
#define SESSION    SLICE_LITERAL("0123456789abcdef")
#define NO_SESSION slice_of(NULL, 0)

static struct segment *segment;

static int set_up(void **state)
{
    struct err err;

    (void)state;
    segment = segment_create(3, &err);
    if (segment != NULL)
        board_set(segment, BOARD_STORE_EPOCH, 1);
    return segment ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    segment_close(&segment);
    return 0;
}

static void test_what_was_seen_stands_until_user_session_or_store_change(void **state)
{
    struct epochs_seen seen = epochs_look(segment, SUBJECT, SESSION);

    (void)state;
    assert_true(epochs_stand(segment, &seen));
    epoch_raise(segment, SUBJECT);
    assert_false(epochs_stand(segment, &seen));
    seen = epochs_look(segment, SUBJECT, SESSION);
    assert_true(epochs_stand(segment, &seen));
    epoch_raise(segment, SESSION);
    assert_false(epochs_stand(segment, &seen));
    seen = epochs_look(segment, SUBJECT, SESSION);
    board_set(segment, BOARD_STORE_EPOCH, 2);
    assert_false(epochs_stand(segment, &seen));
}

static void test_without_a_session_the_user_alone_is_watched(void **state)
{
    struct epochs_seen seen = epochs_look(segment, SUBJECT, NO_SESSION);

    (void)state;
    epoch_raise(segment, SESSION);
    assert_true(epochs_stand(segment, &seen));
    epoch_raise(segment, SUBJECT);
    assert_false(epochs_stand(segment, &seen));
}

static void test_names_spread_over_the_cells(void **state)
{
    static uint8_t used[EPOCH_CELLS];
    unsigned cells = 0;

    (void)state;
    for (unsigned i = 0; i < EPOCH_CELLS; i++) {
        char name[UUID_TEXT_BYTES];
        snprintf(name, sizeof(name), "0190a5a4-7c00-7000-8000-%012u", i);
        struct epochs_seen seen = epochs_look(segment, slice_of_text(name), NO_SESSION);
        cells += used[seen.user_cell]++ == 0;
    }
    /* 1 - 1/e of them for a random choice */
    assert_in_range(cells, EPOCH_CELLS * 60 / 100, EPOCH_CELLS * 66 / 100);
}

static void test_the_cells_lie_inside_the_segment_behind_the_limits(void **state)
{
    const uint8_t *end = (const uint8_t *)(segment->epochs + EPOCH_CELLS);

    (void)state;
    assert_ptr_equal(segment->epochs, segment->limits + SEGMENT_LIMIT_BYTES);
    assert_true(end <= segment->base + segment->bytes);
}

/* ---- the race -----------------------------------------------------------------------------------
 * A store in small: one thread takes lookups and changes in turn, as intake() and batch.c do; the
 * change's answer is a plain word that the workers read as a client would hear of it. */

#define WORKERS    2
#define HITS       1000U /* of each worker, and as many fills */
#define ROUNDS_MAX 50000000U

static struct {
    uint64_t row;           /* the store's thread alone */
    _Atomic uint64_t told;  /* the newest version that a client has been told of */
    _Atomic uint64_t stale; /* hits that were older than what had been told */
    _Atomic bool over;
    struct {
        _Atomic uint64_t hits;
        _Atomic uint64_t fills;
        _Atomic uint32_t asked; /* the worker raises it, the store answers up to it */
        _Atomic uint32_t answered;
        uint64_t answer;
    } desk[WORKERS];
} race;

static void answer_lookups(void)
{
    for (int i = 0; i < WORKERS; i++) {
        uint32_t asked = atomic_load_explicit(&race.desk[i].asked, memory_order_acquire);

        if (asked == atomic_load_explicit(&race.desk[i].answered, memory_order_relaxed))
            continue;
        race.desk[i].answer = race.row;
        atomic_store_explicit(&race.desk[i].answered, asked, memory_order_release);
    }
}

static bool all_have_raced(void)
{
    for (int i = 0; i < WORKERS; i++) {
        if (atomic_load(&race.desk[i].hits) < HITS || atomic_load(&race.desk[i].fills) < HITS)
            return false;
    }
    return true;
}

static void *be_the_store(void *context)
{
    (void)context;
    for (uint64_t version = 1; version < ROUNDS_MAX && !all_have_raced(); version++) {
        answer_lookups();
        epoch_raise(segment, version % 2 == 0 ? SUBJECT : SESSION);
        race.row = version; /* the commit */
        answer_lookups();
        atomic_store_explicit(&race.told, version, memory_order_release); /* the answer */
        for (int i = 0; i < 20; i++)
            answer_lookups();
        if (version % 16 == 0)
            sched_yield(); /* there may be fewer processors than threads */
    }
    atomic_store(&race.over, true);
    return NULL;
}

static bool ask(int me, uint64_t *version_out)
{
    uint32_t number = atomic_load_explicit(&race.desk[me].asked, memory_order_relaxed) + 1;

    atomic_store_explicit(&race.desk[me].asked, number, memory_order_release);
    while (atomic_load_explicit(&race.desk[me].answered, memory_order_acquire) != number) {
        if (atomic_load(&race.over))
            return false;
        sched_yield();
    }
    *version_out = race.desk[me].answer;
    return true;
}

static void *be_a_worker(void *context)
{
    int me = *(int *)context;
    struct epochs_seen seen = {.store = UINT64_MAX};
    uint64_t kept = 0;

    while (!atomic_load(&race.over)) {
        uint64_t told = atomic_load_explicit(&race.told, memory_order_acquire);

        if (epochs_stand(segment, &seen)) {
            atomic_fetch_add(&race.desk[me].hits, 1);
        } else {
            seen = epochs_look(segment, SUBJECT, SESSION);
            if (!ask(me, &kept))
                break;
            atomic_fetch_add(&race.desk[me].fills, 1);
        }
        if (kept < told)
            atomic_fetch_add(&race.stale, 1);
    }
    return NULL;
}

static void test_nobody_who_was_told_of_a_change_is_shown_what_was_before(void **state)
{
    pthread_t store;
    pthread_t workers[WORKERS];
    int numbers[WORKERS];

    (void)state;
    for (int i = 0; i < WORKERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&workers[i], NULL, be_a_worker, &numbers[i]), 0);
    }
    assert_int_equal(pthread_create(&store, NULL, be_the_store, NULL), 0);
    pthread_join(store, NULL);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    assert_int_equal(atomic_load(&race.stale), 0);
    assert_true(all_have_raced());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_what_was_seen_stands_until_user_session_or_store_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_session_the_user_alone_is_watched, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_names_spread_over_the_cells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_cells_lie_inside_the_segment_behind_the_limits,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_nobody_who_was_told_of_a_change_is_shown_what_was_before, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
