/* kill -9 of the store in the middle of its work, many times, with a worker that keeps asking.
 *
 * What was acknowledged is there, whole; what was not is there whole or not at all; nobody was
 * answered for something that is not there. The control runs the same with a disk that forgets
 * what was written since the last checkpoint, and must find something missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <db.h>

#include "parts.h"
#include "store/disk_faults.h"

#define IN_FLIGHT  64
#define KILLS      25U
#define PEOPLE_MAX 400000

enum fate { FATE_UNASKED, FATE_ASKED, FATE_ACKNOWLEDGED, FATE_AWAY, FATE_POISON };

struct crowd {
    struct rig rig;
    uint64_t asked;
    uint64_t answered;
    uint64_t wrong; /* answers that a first sign-up must not get */
    uint8_t fate[PEOPLE_MAX];
};

struct waiting {
    struct crowd *crowd;
    uint64_t number;
};

static void on_signed_up(void *context, enum store_status status, struct slice payload)
{
    struct waiting *waiting = context;
    struct crowd *crowd = waiting->crowd;

    (void)payload;
    crowd->answered++;
    if (status == STORE_OK)
        crowd->fate[waiting->number] = FATE_ACKNOWLEDGED;
    else if (status == STORE_AWAY)
        crowd->fate[waiting->number] = FATE_AWAY;
    else if (status == STORE_POISON) /* in work at two deaths, which may happen on a slow machine */
        crowd->fate[waiting->number] = FATE_POISON;
    else
        crowd->wrong++;
    free(waiting);
}

static void ask_one_more(struct crowd *crowd)
{
    char bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(crowd->asked);
    struct waiting *waiting = xcalloc(1, sizeof(*waiting));

    BUG_ON(crowd->asked >= PEOPLE_MAX);
    *waiting = (struct waiting){crowd, crowd->asked};
    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    if (!store_ask(crowd->rig.client, STORE_ACCOUNT_CREATE, packer_slice(&packer),
                   clock_mono_ns() + 30 * NS_PER_S, on_signed_up, waiting)) {
        free(waiting);
        return;
    }
    crowd->fate[crowd->asked++] = FATE_ASKED;
}

static void work_until(struct crowd *crowd, mono_ns end)
{
    while (clock_mono_ns() < end) {
        while (crowd->asked - crowd->answered < IN_FLIGHT)
            ask_one_more(crowd);
        rig_turn(&crowd->rig, 1);
    }
}

static void wait_for_all(struct crowd *crowd)
{
    while (crowd->asked > crowd->answered)
        rig_turn(&crowd->rig, 10);
}

struct census {
    uint64_t missing; /* acknowledged and not there */
    uint64_t halves;
    uint64_t there;
    uint64_t poisoned; /* refused, and not there */
    struct tally tally;
};

static struct census count(struct crowd *crowd)
{
    struct env *env = xcalloc(1, sizeof(*env));
    struct row *row = xcalloc(1, sizeof(*row));
    struct census census = {0};
    struct err err = {{0}};

    if (!env_open(env, crowd->rig.dir, 64, crowd->rig.segment,
                  segment_store_slot(crowd->rig.segment), &err))
        fail_msg("%s", err.text);
    for (uint64_t number = 0; number < crowd->asked; number++) {
        struct call call = {.env = env};
        unsigned parts = parts_of(&call, number, row);

        assert_int_equal(call.failure, 0);
        if (parts == HAS_ALL)
            census.there++;
        if (parts != 0 && parts != HAS_ALL)
            census.halves++;
        if (parts == 0 && crowd->fate[number] == FATE_ACKNOWLEDGED)
            census.missing++;
        if (parts == 0 && crowd->fate[number] == FATE_POISON)
            census.poisoned++;
    }
    census.tally = env->tally;
    env_close(env);
    free(row);
    free(env);
    return census;
}

static struct crowd *crowd_new(void)
{
    struct crowd *crowd = xcalloc(1, sizeof(*crowd));

    rig_init(&crowd->rig);
    return crowd;
}

static void crowd_free(struct crowd *crowd)
{
    rig_fini(&crowd->rig);
    free(crowd);
}

static void test_nothing_acknowledged_is_lost_and_nothing_is_half_there(void **state)
{
    struct crowd *crowd = crowd_new();
    struct census census;

    (void)state;
    for (unsigned i = 0; i < KILLS; i++) {
        rig_fork(&crowd->rig, NULL);
        /* Sometimes while it recovers, mostly at work. */
        work_until(crowd, clock_mono_ns() + (5 + ((mono_ns)i * 37) % 150) * NS_PER_MS);
        rig_kill(&crowd->rig);
    }
    rig_start(&crowd->rig, NULL);
    wait_for_all(crowd);
    assert_int_equal(rig_stop(&crowd->rig), 0);

    census = count(crowd);
    print_message("%llu asked over %u deaths, %llu there\n", (unsigned long long)crowd->asked,
                  KILLS, (unsigned long long)census.there);
    assert_int_equal(crowd->wrong, 0);
    assert_int_equal(census.missing, 0);
    assert_int_equal(census.halves, 0);
    assert_true(census.poisoned <= 2);
    assert_int_equal(census.there + census.poisoned, crowd->asked);
    assert_int_equal(census.tally.users, census.there);
    assert_int_equal(census.tally.pending, census.there);
    assert_true(crowd->asked > KILLS); /* a slow machine recovers for most of the time */
    crowd_free(crowd);
}

/* ---- the control: a disk that says yes and forgets --------------------------------------------
 */

/* The log's records never reach the file; its first bytes do, so that it can be opened again. */
static ssize_t forgetful_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    char name[64];
    char path[256] = {0};

    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    if (readlink(name, path, sizeof(path) - 1) > 0 && strstr(path, "/log."))
        return (ssize_t)len;
    return pwrite(fd, bytes, len, at);
}

static void forget_the_log(void)
{
    disk_faults_stay_out();
    db_env_set_func_pwrite(forgetful_pwrite);
}

/* The store's own note of how far its log went knows better. */
static void is_refused_until_the_note_is_gone(struct crowd *crowd)
{
    struct env env;
    struct err err = {{0}};
    char path[100];

    assert_false(env_open(&env, crowd->rig.dir, 64, crowd->rig.segment,
                          segment_store_slot(crowd->rig.segment), &err));
    assert_non_null(strstr(err.text, "log.0000000001 is damaged"));
    snprintf(path, sizeof(path), "%s/durable", crowd->rig.dir);
    assert_int_equal(unlink(path), 0);
}

static void test_the_check_finds_what_a_forgetful_disk_lost(void **state)
{
    struct crowd *crowd = crowd_new();

    (void)state;
    rig_start(&crowd->rig, NULL);
    assert_int_equal(rig_stop(&crowd->rig), 0);
    rig_start(&crowd->rig, forget_the_log);
    for (int i = 0; i < IN_FLIGHT; i++)
        ask_one_more(crowd);
    wait_for_all(crowd);
    rig_kill(&crowd->rig);
    assert_int_equal(crowd->wrong, 0);
    is_refused_until_the_note_is_gone(crowd);
    assert_int_equal(count(crowd).missing, IN_FLIGHT);
    crowd_free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_acknowledged_is_lost_and_nothing_is_half_there),
        cmocka_unit_test(test_the_check_finds_what_a_forgetful_disk_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
