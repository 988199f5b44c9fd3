/* No room on the disk where Berkeley DB cannot live without: pages of a checkpoint, recovery.
 * Needs fault points; tests/system/test_44_disk.py has a real disk and every build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "gatepost/fault.h"
#include "store_rig.h"

#ifdef GATEPOST_FAULTS

#define IN_FLIGHT 64U
#define FOR_EVER  (1ULL << 62)
#define LONG_MS   20000 /* for what must come sooner or later */
#define QUICK_MS  2000  /* for what waits for nobody */

struct crowd {
    struct rig rig;
    uint64_t asked;
    uint64_t answered;
    uint64_t acknowledged;
};

static void on_signed_up(void *context, enum store_status status, struct slice payload)
{
    struct crowd *crowd = context;

    (void)payload;
    crowd->answered++;
    crowd->acknowledged += status == STORE_OK;
}

static void ask_one_more(struct crowd *crowd)
{
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(crowd->asked);

    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    if (store_ask(crowd->rig.client, STORE_ACCOUNT_CREATE, packer_slice(&packer),
                  clock_mono_ns() + 30 * NS_PER_S, on_signed_up, crowd))
        crowd->asked++;
}

static struct crowd *crowd_new(void)
{
    struct crowd *crowd = xcalloc(1, sizeof(*crowd));

    rig_init(&crowd->rig);
    rig_start(&crowd->rig, NULL);
    return crowd;
}

static void crowd_free(struct crowd *crowd)
{
    rig_fini(&crowd->rig);
    free(crowd);
}

/* Signs people up until a checkpoint begins, and holds it there until all are answered; then the
 * disk is full. */
static void fill_up_at_the_checkpoint(struct crowd *crowd)
{
    fault_arm("s.before_checkpoint", FAULT_SLEEP, 1500, 0, 1);
    while (fault_fired("s.before_checkpoint") == 0) {
        while (crowd->asked - crowd->answered < IN_FLIGHT)
            ask_one_more(crowd);
        rig_turn(&crowd->rig, 1);
    }
    while (crowd->asked > crowd->answered)
        rig_turn(&crowd->rig, 1);
    assert_int_equal(crowd->acknowledged, crowd->asked);
    fault_arm("io.pwrite", FAULT_FAIL, ENOSPC, 0, FOR_EVER);
}

static bool comes_true(struct crowd *crowd, enum board_word word, uint64_t value)
{
    for (int ms = 0; board_get(crowd->rig.segment, word) != value; ms++) {
        if (ms > LONG_MS)
            return false;
        usleep(1000);
    }
    return true;
}

/* Every person's row is on a page that the checkpoint has written, waits with, or has yet to. */
static void look_everybody_up(struct crowd *crowd)
{
    struct rig_answer answer;

    for (uint64_t number = 0; number < crowd->asked; number += 61) {
        mono_ns began = clock_mono_ns();
        struct rig_person person = rig_person(number);

        assert_int_equal(rig_credentials(&crowd->rig, person.username, &answer), STORE_OK);
        assert_true(clock_mono_ns() - began < QUICK_MS * NS_PER_MS);
    }
}

static void test_a_checkpoint_without_room_waits_and_lookups_go_on(void **state)
{
    struct crowd *crowd = crowd_new();
    struct rig_answer answer;

    (void)state;
    fill_up_at_the_checkpoint(crowd);
    assert_true(comes_true(crowd, BOARD_DISK, 2));
    assert_true(fault_fired("io.pwrite") > 0);
    look_everybody_up(crowd);
    assert_int_equal(rig_signup(&crowd->rig, crowd->asked, &answer), STORE_BUSY);
    assert_int_equal(waitpid(crowd->rig.store, NULL, WNOHANG), 0);

    fault_disarm_all();
    assert_true(comes_true(crowd, BOARD_DISK, 0));
    assert_int_equal(rig_signup(&crowd->rig, crowd->asked, &answer), STORE_OK);
    look_everybody_up(crowd);
    assert_int_equal(rig_stop(&crowd->rig), 0);
    rig_start(&crowd->rig, NULL);
    assert_int_equal(board_get(crowd->rig.segment, BOARD_USERS), crowd->asked + 1);
    crowd_free(crowd);
}

static void test_a_stop_does_not_wait_for_room(void **state)
{
    struct crowd *crowd = crowd_new();

    (void)state;
    fill_up_at_the_checkpoint(crowd);
    assert_true(comes_true(crowd, BOARD_DISK, 2));
    assert_int_equal(rig_stop(&crowd->rig), 0);
    fault_disarm_all();
    rig_start(&crowd->rig, NULL);
    assert_int_equal(board_get(crowd->rig.segment, BOARD_USERS), crowd->asked);
    crowd_free(crowd);
}

static void test_recovery_without_room_waits_and_nobody_waits_for_it(void **state)
{
    struct crowd *crowd = crowd_new();
    struct rig_answer answer;
    mono_ns began;

    (void)state;
    for (uint64_t number = 0; number < 20; number++)
        assert_int_equal(rig_signup(&crowd->rig, number, &answer), STORE_OK);
    rig_kill(&crowd->rig);
    fault_arm("io.pwrite", FAULT_FAIL, ENOSPC, 0, FOR_EVER);
    ask_one_more(crowd); /* taken before anybody knew */
    began = clock_mono_ns();
    rig_fork(&crowd->rig, NULL);
    assert_true(comes_true(crowd, BOARD_STORE_WAITS, 1));
    while (crowd->answered == 0)
        rig_turn(&crowd->rig, 10);
    assert_int_equal(crowd->acknowledged, 0);
    assert_true(clock_mono_ns() - began < LONG_MS * NS_PER_MS); /* its own deadline is later */
    assert_int_equal(board_get(crowd->rig.segment, BOARD_DISK), 2);
    crowd->asked = 20;
    ask_one_more(crowd);
    assert_int_equal(crowd->asked, 20); /* not even taken */
    usleep(300 * 1000);
    assert_int_equal(waitpid(crowd->rig.store, NULL, WNOHANG), 0);

    fault_disarm_all();
    assert_true(comes_true(crowd, BOARD_STORE_EPOCH, crowd->rig.epoch));
    assert_int_equal(board_get(crowd->rig.segment, BOARD_STORE_WAITS), 0);
    assert_int_equal(board_get(crowd->rig.segment, BOARD_DISK), 0);
    assert_int_equal(board_get(crowd->rig.segment, BOARD_USERS), 20);
    assert_int_equal(rig_signup(&crowd->rig, 20, &answer), STORE_OK);
    crowd_free(crowd);
}

#else

static void test_a_release_is_tested_on_a_real_disk(void **state)
{
    (void)state;
    assert_int_equal(FAULT_ERRNO("io.pwrite"), 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef GATEPOST_FAULTS
        cmocka_unit_test(test_a_checkpoint_without_room_waits_and_lookups_go_on),
        cmocka_unit_test(test_a_stop_does_not_wait_for_room),
        cmocka_unit_test(test_recovery_without_room_waits_and_nobody_waits_for_it),
#else
        cmocka_unit_test(test_a_release_is_tested_on_a_real_disk),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
