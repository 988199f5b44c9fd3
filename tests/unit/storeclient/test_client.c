/* The asking side, against a store that this test plays itself over real lanes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "gatepost/lane.h"
#include "gatepost/log.h"
#include "gatepost/store_client.h"

struct scene {
    struct segment *segment;
    uint32_t slot;
    struct store_client *client;
    struct lane asks;
    struct lane answers;
    struct ask_head head; /* of the ask that was read last */
    size_t payload_len;
    uint8_t record[LANE_RECORD_MAX_BYTES];
    uint64_t told[STORE_STATUS_COUNT];
    size_t told_bytes;
};

static int start(void **state)
{
    struct scene *scene = xcalloc(1, sizeof(*scene));
    struct err err;

    log_init("test", LOG_LEVEL_ERROR);
    scene->segment = segment_create(1, &err);
    assert_non_null(scene->segment);
    assert_true(seat_take_worker(scene->segment, &scene->slot));
    scene->asks = lane_open(scene->segment, scene->slot, LANE_ASK);
    scene->answers = lane_open(scene->segment, scene->slot, LANE_ANSWER);
    board_set(scene->segment, BOARD_STORE_EPOCH, 1);
    life_enter(scene->segment, segment_store_slot(scene->segment), LIFE_SERVING);
    scene->client = store_client_new(scene->segment, scene->slot);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;

    store_client_free(&scene->client);
    segment_close(&scene->segment);
    free(scene);
    return 0;
}

static void on_answer(void *context, enum store_status status, struct slice payload)
{
    struct scene *scene = context;

    scene->told[status]++;
    scene->told_bytes += payload.len;
}

static bool ask_until(struct scene *scene, mono_ns deadline)
{
    return store_ask(scene->client, STORE_PING, SLICE_LITERAL("12345678"), deadline, on_answer,
                     scene);
}

static bool ask(struct scene *scene)
{
    return ask_until(scene, UINT64_MAX - 1);
}

/* The next ask that the lane holds. */
static bool store_reads(struct scene *scene)
{
    struct unpacker unpacker;
    size_t len;

    if (lane_take(&scene->asks, scene->record, &len) != LANE_RECORD)
        return false;
    unpacker = unpacker_over(slice_of(scene->record, len));
    assert_true(ask_head_unpack(&unpacker, &scene->head));
    scene->payload_len = unpacker.len;
    return true;
}

static void store_says(struct scene *scene, uint64_t sequence, enum store_status status)
{
    uint8_t bytes[64];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    answer_head_pack(&packer, &(struct answer_head){sequence, (uint8_t)status});
    pack_raw(&packer, "abc", 3);
    assert_true(lane_push(&scene->answers, bytes, packer.len));
}

static void poll_at(struct scene *scene, mono_ns now)
{
    store_client_poll(scene->client, now);
}

static void test_an_answer_finds_its_ask(void **state)
{
    struct scene *scene = *state;

    assert_true(ask(scene));
    assert_true(store_reads(scene));
    assert_int_equal(scene->head.epoch, 1);
    assert_int_equal(scene->head.sequence, 1);
    assert_int_equal(scene->head.request, STORE_PING);
    assert_int_equal(scene->head.repeat, 0);
    assert_int_equal(scene->payload_len, 8);
    store_says(scene, 1, STORE_NOT_FOUND);
    assert_int_equal(scene->told[STORE_NOT_FOUND], 0);
    poll_at(scene, 1);
    assert_int_equal(scene->told[STORE_NOT_FOUND], 1);
    assert_int_equal(scene->told_bytes, 3);
    assert_int_equal(store_client_pending(scene->client), 0);
}

static void test_an_answer_twice_or_unasked_or_unreadable_is_dropped(void **state)
{
    struct scene *scene = *state;

    assert_true(ask(scene));
    store_says(scene, 1, STORE_OK);
    store_says(scene, 1, STORE_OK);
    store_says(scene, 0, STORE_OK);
    store_says(scene, 99, STORE_OK);
    assert_true(lane_push(&scene->answers, "x", 1));
    poll_at(scene, 1);
    assert_int_equal(scene->told[STORE_OK], 1);
}

static void test_acknowledged_is_the_lowest_ask_without_an_answer(void **state)
{
    struct scene *scene = *state;

    for (int i = 0; i < 4; i++)
        assert_true(ask(scene));
    store_says(scene, 1, STORE_OK);
    store_says(scene, 3, STORE_OK);
    poll_at(scene, 1);
    assert_true(ask(scene));
    while (store_reads(scene))
        ;
    assert_int_equal(scene->head.sequence, 5);
    assert_int_equal(scene->head.acknowledged, 2);
    store_says(scene, 2, STORE_OK);
    poll_at(scene, 1);
    assert_true(ask(scene));
    assert_true(store_reads(scene));
    assert_int_equal(scene->head.acknowledged, 4);
}

static void test_what_a_dead_store_did_not_answer_is_sent_again_in_order(void **state)
{
    struct scene *scene = *state;

    for (int i = 0; i < 4; i++)
        assert_true(ask(scene));
    while (store_reads(scene))
        ;
    store_says(scene, 2, STORE_OK); /* its last word, read before anything is sent again */
    board_set(scene->segment, BOARD_STORE_EPOCH, 2);
    poll_at(scene, 1);
    assert_int_equal(scene->told[STORE_OK], 1);
    for (uint64_t sequence = 1; sequence <= 4; sequence++) {
        if (sequence == 2)
            continue;
        assert_true(store_reads(scene));
        assert_int_equal(scene->head.sequence, sequence);
        assert_int_equal(scene->head.epoch, 2);
        assert_int_equal(scene->head.repeat, 1);
    }
    assert_false(store_reads(scene));
    assert_true(ask(scene));
    assert_true(store_reads(scene));
    assert_int_equal(scene->head.repeat, 0);
}

static void test_before_the_first_store_asks_wait(void **state)
{
    struct scene *scene = *state;

    store_client_free(&scene->client);
    board_set(scene->segment, BOARD_STORE_EPOCH, 0);
    scene->client = store_client_new(scene->segment, scene->slot);
    assert_true(ask(scene));
    poll_at(scene, 1);
    assert_false(store_reads(scene));
    board_set(scene->segment, BOARD_STORE_EPOCH, 1);
    poll_at(scene, 1);
    assert_true(store_reads(scene));
    assert_int_equal(scene->head.repeat, 0);
}

static void test_a_deadline_that_passed_is_told_once_and_keeps_its_place(void **state)
{
    struct scene *scene = *state;

    assert_true(ask_until(scene, 100));
    assert_true(ask_until(scene, 200));
    poll_at(scene, 99);
    assert_int_equal(scene->told[STORE_AWAY], 0);
    poll_at(scene, 100);
    assert_int_equal(scene->told[STORE_AWAY], 1);
    poll_at(scene, 150);
    assert_int_equal(scene->told[STORE_AWAY], 1);
    store_says(scene, 2, STORE_OK);
    poll_at(scene, 150);
    assert_true(ask(scene));
    while (store_reads(scene))
        ;
    assert_int_equal(scene->head.acknowledged, 1); /* the first may still happen */
    store_says(scene, 1, STORE_OK);
    poll_at(scene, 150);
    assert_int_equal(scene->told[STORE_OK], 1);
    assert_true(ask(scene));
    while (store_reads(scene))
        ;
    assert_int_equal(scene->head.acknowledged, 3);
}

static void test_an_ask_that_expired_unsent_is_gone(void **state)
{
    struct scene *scene = *state;

    store_client_free(&scene->client);
    board_set(scene->segment, BOARD_STORE_EPOCH, 0);
    scene->client = store_client_new(scene->segment, scene->slot);
    assert_true(ask_until(scene, 100));
    poll_at(scene, 100);
    assert_int_equal(scene->told[STORE_AWAY], 1);
    assert_true(ask(scene));
    board_set(scene->segment, BOARD_STORE_EPOCH, 1);
    poll_at(scene, 100);
    assert_true(store_reads(scene));
    assert_int_equal(scene->head.sequence, 2);
    assert_int_equal(scene->head.acknowledged, 2);
}

static bool ask_big(struct scene *scene)
{
    static char big[4096];

    return store_ask(scene->client, STORE_PING, slice_of(big, sizeof(big)), UINT64_MAX - 1,
                     on_answer, scene);
}

/* Fills the lane; every accepted ask reached it. */
static uint64_t fill(struct scene *scene)
{
    uint64_t accepted = 0;

    for (; accepted < 2000; accepted++) {
        life_sign(scene->segment, segment_store_slot(scene->segment));
        if (!ask_big(scene))
            break;
    }
    return accepted;
}

static void test_a_full_lane_of_a_busy_store_refuses(void **state)
{
    struct scene *scene = *state;
    uint64_t accepted = fill(scene);

    assert_in_range(accepted, LANE_BYTES / 2 / 4096, LANE_BYTES / 4096);
    assert_int_equal(store_client_pending(scene->client), accepted);
    assert_true(store_reads(scene));
    assert_true(store_reads(scene));
    assert_true(ask(scene));
}

static void test_a_full_lane_of_a_store_that_is_away_keeps_up_to_the_bound(void **state)
{
    struct scene *scene = *state;
    uint64_t lane_full = fill(scene);
    uint64_t kept = 0;

    life_enter(scene->segment, segment_store_slot(scene->segment), LIFE_RECOVERING);
    while (kept < 5000 && ask_big(scene))
        kept++;
    assert_int_equal(kept + lane_full, 1024);
    assert_false(store_client_has_work(scene->client));
    while (store_reads(scene))
        ;
    assert_int_equal(scene->head.sequence, lane_full);
    assert_true(store_client_has_work(scene->client)); /* room again: no reason to sleep */
    poll_at(scene, 1);
    assert_true(store_reads(scene));
    assert_int_equal(scene->head.sequence, lane_full + 1);
}

static void test_one_slow_answer_does_not_stop_the_others(void **state)
{
    struct scene *scene = *state;

    assert_true(ask(scene));
    assert_true(store_reads(scene));
    for (uint64_t sequence = 2; sequence < 5000; sequence++) {
        assert_true(ask(scene));
        assert_true(store_reads(scene));
        assert_int_equal(scene->head.acknowledged, 1);
        store_says(scene, sequence, STORE_OK);
        poll_at(scene, 1);
    }
    assert_int_equal(scene->told[STORE_OK], 4998);
}

static bool again_result;

static void on_answer_ask_again(void *context, enum store_status status, struct slice payload)
{
    (void)status;
    (void)payload;
    again_result = ask(context);
}

static void test_a_callback_may_ask_again(void **state)
{
    struct scene *scene = *state;

    assert_true(
        store_ask(scene->client, STORE_PING, (struct slice){0}, 100, on_answer_ask_again, scene));
    assert_true(
        store_ask(scene->client, STORE_PING, (struct slice){0}, 100, on_answer_ask_again, scene));
    store_says(scene, 1, STORE_OK);
    poll_at(scene, 1);
    assert_true(again_result);
    again_result = false;
    poll_at(scene, 100);
    assert_true(again_result);
    assert_int_equal(store_client_pending(scene->client), 2);
}

static void test_a_condemned_store_is_waited_for_by_nobody(void **state)
{
    struct scene *scene = *state;

    assert_true(ask(scene));
    assert_true(ask(scene));
    store_says(scene, 1, STORE_OK);
    board_set(scene->segment, BOARD_STORE_CONDEMNED, 1);
    poll_at(scene, 1);
    assert_int_equal(scene->told[STORE_OK], 1);
    assert_int_equal(scene->told[STORE_AWAY], 1);
    assert_int_equal(store_client_pending(scene->client), 0);
    assert_false(ask(scene));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_finds_its_ask),
        TEST(test_an_answer_twice_or_unasked_or_unreadable_is_dropped),
        TEST(test_acknowledged_is_the_lowest_ask_without_an_answer),
        TEST(test_what_a_dead_store_did_not_answer_is_sent_again_in_order),
        TEST(test_before_the_first_store_asks_wait),
        TEST(test_a_deadline_that_passed_is_told_once_and_keeps_its_place),
        TEST(test_an_ask_that_expired_unsent_is_gone),
        TEST(test_a_full_lane_of_a_busy_store_refuses),
        TEST(test_a_full_lane_of_a_store_that_is_away_keeps_up_to_the_bound),
        TEST(test_one_slow_answer_does_not_stop_the_others),
        TEST(test_a_callback_may_ask_again),
        TEST(test_a_condemned_store_is_waited_for_by_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
