/* The store on slow, broken and full disks. */
#include "mad_worker.h"

#include <db.h>
#include <errno.h>
#include <fcntl.h>

#include "store/disk_faults.h"
#include "store/sync.h"

/* ---- disks
 * ---------------------------------------------------------------------------------------- */

#define SLOW_MS 200

static int slow_sync(int fd)
{
    usleep(SLOW_MS * 1000);
    return fdatasync(fd);
}

static void be_slow(void)
{
    sync_replace(slow_sync);
}

static void test_no_write_is_answered_before_its_flush_and_no_lookup_waits_for_one(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;
    struct rig_answer signup = {0};
    uint8_t bytes[4096];
    struct packer packer = packer_over(bytes, sizeof(bytes));
    struct rig_person person = rig_person(2);
    mono_ns began;
    mono_ns longest = 0;
    int lookups = 0;

    rig_start(rig, be_slow);
    began = clock_mono_ns();
    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_true(clock_mono_ns() - began >= SLOW_MS * NS_PER_MS);
    rig_pack_signup(&packer, &person, (struct slice){0}, (struct slice){0});
    began = clock_mono_ns();
    assert_true(store_ask(rig->client, STORE_ACCOUNT_CREATE, packer_slice(&packer),
                          began + 20 * NS_PER_S, rig_on_answer, &signup));
    for (; clock_mono_ns() - began < (SLOW_MS - 50) * NS_PER_MS; lookups++) {
        mono_ns asked = clock_mono_ns();

        assert_int_equal(rig_credentials(rig, "person1", &answer), STORE_OK);
        if (clock_mono_ns() - asked > longest)
            longest = clock_mono_ns() - asked;
        assert_false(signup.came);
    }
    while (!signup.came)
        rig_turn(rig, 10);
    assert_int_equal(signup.status, STORE_OK);
    assert_true(clock_mono_ns() - began >= SLOW_MS * NS_PER_MS);
    assert_true(lookups > 20);
    assert_true(longest < (SLOW_MS / 2) * NS_PER_MS);
}

static int failing_sync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static void be_broken(void)
{
    sync_replace(failing_sync);
}

static void test_a_failed_flush_condemns_the_store(void **state)
{
    struct rig *rig = *state;
    struct answer_head head;
    struct proc_message message;
    bool gone = false;
    bool condemned = false;
    int status;

    rig_start(rig, NULL);
    assert_int_equal(rig_stop(rig), 0);
    rig_fork(rig, be_broken);
    for (int i = 0; board_get(rig->segment, BOARD_STORE_EPOCH) != rig->epoch && i < 5000 &&
                    board_get(rig->segment, BOARD_STORE_CONDEMNED) == 0;
         i++)
        usleep(1000);
    push_signup(rig, &(struct ask_head){.sequence = 1}, 1);
    assert_false(next_answer(rig, 300, &head));
    assert_int_equal(board_get(rig->segment, BOARD_STORE_CONDEMNED), 1);
    while (proc_receive_from_child(rig->control_fd, &message, &gone))
        condemned |= message.kind == MESSAGE_CONDEMNED;
    assert_true(condemned);
    status = rig_reap(rig);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_below_the_first_mark_signups_are_refused_and_logins_go_on(void **state)
{
    struct rig *rig = *state;
    struct rig_answer answer;

    rig_start(rig, NULL);
    assert_int_equal(rig_signup(rig, 1, &answer), STORE_OK);
    assert_int_equal(rig_stop(rig), 0);
    rig->config.store_signup_free_mib = 1LL << 40;
    rig_start(rig, NULL);
    assert_int_equal(rig_signup(rig, 2, &answer), STORE_BUSY);
    assert_int_equal(rig_credentials(rig, "person1", &answer), STORE_OK);
    assert_int_equal(board_get(rig->segment, BOARD_DISK), 1);
    assert_int_equal(rig_stop(rig), 0);
    rig->config.store_signup_free_mib = 0;
    rig_start(rig, NULL);
    assert_int_equal(rig_signup(rig, 2, &answer), STORE_OK);
    assert_int_equal(board_get(rig->segment, BOARD_DISK), 0);
}

/* A disk that is full while this file exists; the name is set before the store is forked. */
static char full_mark[128];

static ssize_t full_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    if (access(full_mark, F_OK) == 0) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, bytes, len, at);
}

/* Berkeley DB seeks and writes where pwrite failed. */
static ssize_t full_write(int fd, const void *bytes, size_t len)
{
    if (access(full_mark, F_OK) == 0) {
        errno = ENOSPC;
        return -1;
    }
    return write(fd, bytes, len);
}

static void be_full_at_times(void)
{
    disk_faults_stay_out();
    db_env_set_func_write(full_write);
    db_env_set_func_pwrite(full_pwrite);
}

/* The store looks at its disk now and then. */
static void await_mark(struct rig *rig, uint64_t mark)
{
    for (int i = 0; board_get(rig->segment, BOARD_DISK) != mark; i++) {
        assert_true(i < 10000);
        usleep(1000);
    }
}

static void test_a_log_that_cannot_be_written_keeps_answers_back_and_ends_by_itself(void **state)
{
    struct rig *rig = *state;
    struct answer_head head;
    int mark;

    snprintf(full_mark, sizeof(full_mark), "%s-full", rig->dir);
    rig_start(rig, be_full_at_times);
    push_signup(rig, &(struct ask_head){.sequence = 1}, 1);
    assert_int_equal(answer_to(rig, 1), STORE_OK);
    mark = open(full_mark, O_CREAT | O_WRONLY, 0600);
    assert_true(mark >= 0);
    close(mark);
    push_signup(rig, &(struct ask_head){.sequence = 2}, 2);
    assert_false(next_answer(rig, 100, &head)); /* committed, but not on disk */
    await_mark(rig, 2);
    push_signup(rig, &(struct ask_head){.sequence = 3}, 3);
    assert_int_equal(answer_to(rig, 3), STORE_BUSY);
    assert_int_equal(unlink(full_mark), 0);
    assert_int_equal(answer_to(rig, 2), STORE_OK);
    await_mark(rig, 0);
    push_signup(rig, &(struct ask_head){.sequence = 4}, 3);
    assert_int_equal(answer_to(rig, 4), STORE_OK);
    rig_kill(rig);
    rig_start(rig, NULL);
    assert_int_equal(board_get(rig->segment, BOARD_USERS), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_no_write_is_answered_before_its_flush_and_no_lookup_waits_for_one, make, end),
        cmocka_unit_test_setup_teardown(test_a_failed_flush_condemns_the_store, make, end),
        cmocka_unit_test_setup_teardown(
            test_below_the_first_mark_signups_are_refused_and_logins_go_on, make, end),
        cmocka_unit_test_setup_teardown(
            test_a_log_that_cannot_be_written_keeps_answers_back_and_ends_by_itself, make, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
