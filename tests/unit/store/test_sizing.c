/* As many asks as workers can have under way at once, against a disk that is slow: what waits is
 * bounded, what was taken is answered, and nothing of Berkeley DB's runs out (env.c says why). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/sync.h"
#include "store_rig.h"

#define SEATS    4U    /* one worker's peak, four times */
#define PEAK     1024U /* asks that one client takes (store_client.h) */
#define FLUSH_MS 30
#define HANGS_NS (120 * NS_PER_S)
#define RESULTS  STORE_STATUS_COUNT

struct worker {
    uint32_t slot;
    struct store_client *client;
};

struct crowd {
    struct rig rig;
    struct worker workers[SEATS];
    uint64_t asked;
    uint64_t answered;
    uint64_t by_status[RESULTS];
};

static int slow_sync(int fd)
{
    usleep(FLUSH_MS * 1000);
    return fdatasync(fd);
}

static void be_slow(void)
{
    sync_replace(slow_sync);
}

/* The rig's own segment has two seats. */
static void take_seats(struct crowd *crowd)
{
    struct rig *rig = &crowd->rig;
    struct err err = {{0}};

    store_client_free(&rig->client);
    segment_close(&rig->segment);
    rig->segment = segment_create(SEATS, &err);
    assert_non_null(rig->segment);
    for (unsigned i = 0; i < SEATS; i++) {
        struct worker *worker = &crowd->workers[i];

        assert_true(seat_take_worker(rig->segment, &worker->slot));
        worker->client = store_client_new(rig->segment, worker->slot);
    }
}

static void on_answered(void *context, enum store_status status, struct slice payload)
{
    struct crowd *crowd = context;

    (void)payload;
    crowd->answered++;
    assert_true((unsigned)status < RESULTS);
    crowd->by_status[status]++;
}

static bool ask_one(struct crowd *crowd, struct worker *worker)
{
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(crowd->asked);

    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    if (!store_ask(worker->client, STORE_ACCOUNT_CREATE, packer_slice(&packer),
                   clock_mono_ns() + HANGS_NS, on_answered, crowd))
        return false;
    crowd->asked++;
    return true;
}

static void turn(struct crowd *crowd)
{
    for (unsigned i = 0; i < SEATS; i++)
        store_client_poll(crowd->workers[i].client, clock_mono_ns());
    usleep(500);
}

static void test_four_workers_at_their_peak_are_all_answered(void **state)
{
    struct crowd *crowd = xcalloc(1, sizeof(*crowd));
    mono_ns began;
    bool full[SEATS] = {false};

    (void)state;
    rig_init(&crowd->rig);
    take_seats(crowd);
    rig_fork(&crowd->rig, be_slow);
    began = clock_mono_ns();
    /* Asked before there is a store: all of them wait, and come at once. */
    for (unsigned i = 0; i < SEATS * PEAK; i++)
        assert_true(ask_one(crowd, &crowd->workers[i % SEATS]));
    for (unsigned i = 0; i < SEATS; i++)
        full[i] = !ask_one(crowd, &crowd->workers[i]);
    for (unsigned i = 0; i < SEATS; i++)
        assert_true(full[i]); /* one more is refused at once: the caller says 503 */
    while (crowd->answered < crowd->asked) {
        turn(crowd);
        assert_int_equal(waitpid(crowd->rig.store, NULL, WNOHANG), 0);
        assert_true(clock_mono_ns() - began < HANGS_NS);
    }
    assert_int_equal(crowd->by_status[STORE_OK], SEATS * PEAK);
    assert_int_equal(board_get(crowd->rig.segment, BOARD_USERS), SEATS * PEAK);
    assert_int_equal(rig_stop(&crowd->rig), 0);
    for (unsigned i = 0; i < SEATS; i++)
        store_client_free(&crowd->workers[i].client);
    rig_fini(&crowd->rig);
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_workers_at_their_peak_are_all_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
