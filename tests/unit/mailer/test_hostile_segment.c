/* A worker that was taken over may write anything into the segment. Whatever lies in its lanes, the
 * mailer goes on, and nobody gets a letter whom the outbox does not name. */
#include "mailer_rig.h"

#include <dirent.h>

#include "gatepost/secret.h"

#include "lib/ring/ring_layout.h"

#define ROUNDS 48

static struct rig rig;

static bool all_rows_are_gone(const struct rig *at)
{
    for (size_t i = 0; i < at->row_count; i++) {
        if (!at->rows[i].gone)
            return false;
    }
    return true;
}

static size_t letters(void)
{
    char path[128];
    size_t count = 0;

    snprintf(path, sizeof(path), "%s/mail", rig.folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* Positions that make sense, so that what lies between them is looked at; records that begin as one
 * does; or noise throughout. */
static void spoil(struct lane_shared *lane, unsigned round)
{
    random_bytes(lane->bytes, sizeof(lane->bytes));
    if (round % 3 == 0) {
        random_bytes(lane, sizeof(*lane));
        return;
    }
    for (size_t at = 0; round % 3 == 1 && at + 512 <= sizeof(lane->bytes); at += 512) {
        const struct record_header header = {.len = (uint32_t)(at % 480)};
        memcpy(lane->bytes + at, &header, sizeof(header));
    }
    const uint64_t head = atomic_load(&lane->head);
    atomic_store(&lane->tail, head + 512 * (1 + round % 8));
}

/* As the master does when it has ended a worker that wrote nonsense. */
static void take_another_seat(void)
{
    seat_bury(rig.segment, rig.worker_slot);
    const struct seat_view seat = seat_look(rig.segment, rig.worker_slot);
    seat_close(rig.segment, rig.worker_slot, seat.generation, SEAT_CLOSED_BY_STORE);
    for (int i = 0; i < 500 && !seat_recycle(rig.segment, rig.worker_slot); i++)
        (void)rig_serve(&rig, NULL, 10);
    assert_true(seat_take_worker(rig.segment, &rig.worker_slot));
}

static void test_no_letter_comes_of_random_bytes_and_no_crash(void **state)
{
    (void)state;
    rig_open(&rig, NULL, 0);
    rig_start(&rig);
    assert_true(rig_serve(&rig, rig_is_ready, RIG_WAIT_MS));
    for (unsigned round = 0; round < ROUNDS; round++) {
        spoil(segment_lane(rig.segment, rig.worker_slot, LANE_MAIL), round);
        wake_slot(rig.segment, SLOT_MAILER);
        (void)rig_serve(&rig, NULL, 15);
        assert_int_equal(waitpid(rig.mailer, NULL, WNOHANG), 0);
        take_another_seat(); /* a lane that was found broken is not looked at again */
    }
    assert_int_equal(letters(), 0);
    assert_int_equal(rig.settles, 0);
    rig.mail = lane_open(rig.segment, rig.worker_slot, LANE_MAIL);
    struct rig_row *row = rig_job(&rig, true, 0); /* the next tenant's letters go as ever */
    rig_push(&rig, row);
    assert_true(rig_serve(&rig, all_rows_are_gone, RIG_WAIT_MS));
    assert_true(rig_has_letter(&rig, row));
    assert_int_equal(letters(), 1);
    assert_int_equal(rig_stop(&rig), EXIT_DONE);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_letter_comes_of_random_bytes_and_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
