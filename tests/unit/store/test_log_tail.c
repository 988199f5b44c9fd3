/* The newest file of the log is short while Berkeley DB recovers, and loses nothing by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "desk.h"
#include "store/log_tail.h"

#define FULL_BYTES  (32 << 20)
#define BEHIND      (100 << 10) /* where the last record ends in these files */
#define PIECE_BYTES (64 << 10)

static const char *path_in(const struct desk *desk, const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", desk->rig.dir, name);
    return path;
}

static struct stat status_of(const struct desk *desk, const char *name)
{
    struct stat status;

    assert_int_equal(stat(path_in(desk, name), &status), 0);
    return status;
}

/* A file of that size which ends in zeros behind BEHIND: a hole, or written. */
static void put_log(const struct desk *desk, const char *name, off_t size, bool written)
{
    static const uint8_t zeros[PIECE_BYTES];
    int fd = open(path_in(desk, name), O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    for (off_t at = 0; written && at < size; at += PIECE_BYTES)
        assert_int_equal(pwrite(fd, zeros, PIECE_BYTES, at), PIECE_BYTES);
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(pwrite(fd, "record", 6, BEHIND - 6), 6);
    close(fd);
}

static void assert_record_is_last(const struct desk *desk, const char *name, off_t size)
{
    char text[7] = "";
    int fd = open(path_in(desk, name), O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, text, 6, BEHIND - 6), 6);
    assert_string_equal(text, "record");
    close(fd);
    assert_int_equal(status_of(desk, name).st_size, size);
}

static void test_zeros_at_the_end_are_cut_and_added_again(void **state)
{
    struct desk *desk = *state;
    struct log_tail tail;

    for (int written = 0; written <= 1; written++) {
        put_log(desk, "log.0000000007", FULL_BYTES - 1, written != 0);
        put_log(desk, "log.0000000006", FULL_BYTES, written != 0);
        log_tail_cut(desk->rig.dir, &tail);
        assert_record_is_last(desk, "log.0000000007", BEHIND + LOG_TAIL_KEPT_BYTES);
        assert_record_is_last(desk, "log.0000000006", FULL_BYTES);
        log_tail_restore(&tail);
        assert_record_is_last(desk, "log.0000000007", FULL_BYTES - 1);
        assert_true(status_of(desk, "log.0000000007").st_blocks * 512 < 2 * LOG_TAIL_KEPT_BYTES);
    }
}

static void test_a_file_without_such_an_end_is_left_alone(void **state)
{
    struct desk *desk = *state;
    struct log_tail tail;

    put_log(desk, "log.0000000007", BEHIND, false);
    log_tail_cut(desk->rig.dir, &tail);
    assert_string_equal(tail.path, "");
    log_tail_restore(&tail);
    assert_record_is_last(desk, "log.0000000007", BEHIND);
}

/* From now on lseek with that whence fails: in this process, for good. */
static bool refuse_lseek(uint32_t whence, uint32_t error)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_lseek, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, whence, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof(steps) / sizeof(steps[0]), steps};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void cut_where_lseek_fails(const struct desk *desk, uint32_t whence, uint32_t error)
{
    struct log_tail tail;
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (!refuse_lseek(whence, error))
            _exit(2);
        log_tail_cut(desk->rig.dir, &tail);
        _exit(tail.path[0] == '\0' ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A file system that cannot say where its holes are, or a disk that fails, has not said that there
 * is nothing: a log that was cut then would lose what has been acknowledged. */
static void test_a_file_whose_data_cannot_be_found_is_left_alone(void **state)
{
    static const uint32_t whences[] = {SEEK_DATA, SEEK_HOLE};
    static const uint32_t errors[] = {EINVAL, EIO};
    struct desk *desk = *state;
    const off_t behind = 8 << 20; /* more than what is kept behind nothing */

    for (size_t i = 0; i < 4; i++) {
        put_log(desk, "log.0000000007", FULL_BYTES, false);
        int fd = open(path_in(desk, "log.0000000007"), O_WRONLY);
        assert_int_equal(pwrite(fd, "record", 6, behind), 6);
        close(fd);
        cut_where_lseek_fails(desk, whences[i / 2], errors[i % 2]);
        assert_int_equal(status_of(desk, "log.0000000007").st_size, FULL_BYTES);
    }
}

/* Berkeley DB may have made it longer meanwhile. */
static void test_a_file_that_has_grown_is_not_cut_again(void **state)
{
    struct desk *desk = *state;
    struct log_tail tail;

    put_log(desk, "log.0000000007", FULL_BYTES, false);
    log_tail_cut(desk->rig.dir, &tail);
    assert_int_equal(truncate(path_in(desk, "log.0000000007"), FULL_BYTES + 5), 0);
    log_tail_restore(&tail);
    assert_record_is_last(desk, "log.0000000007", FULL_BYTES + 5);
}

static void test_recovery_writes_no_log_full_of_zeros(void **state)
{
    struct desk *desk = *state;
    struct err err = {{0}};
    const char name[] = "log.0000000001";

    for (uint64_t number = 0; number < 20; number++)
        assert_int_equal(sign_up(desk, number), STORE_OK);
    const off_t size = status_of(desk, name).st_size;
    for (int i = 0; i < 3; i++) {
        env_close(&desk->env);
        if (!env_open(&desk->env, desk->rig.dir, 16, desk->rig.segment,
                      segment_store_slot(desk->rig.segment), &err))
            fail_msg("%s", err.text);
        assert_int_equal(status_of(desk, name).st_size, size);
        assert_true(status_of(desk, name).st_blocks * 512 < 4 * LOG_TAIL_KEPT_BYTES);
    }
    for (uint64_t number = 0; number < 20; number++)
        assert_int_equal(sign_up(desk, number), STORE_DUPLICATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_zeros_at_the_end_are_cut_and_added_again, start, end),
        cmocka_unit_test_setup_teardown(test_a_file_without_such_an_end_is_left_alone, start, end),
        cmocka_unit_test_setup_teardown(test_a_file_whose_data_cannot_be_found_is_left_alone, start,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_file_that_has_grown_is_not_cut_again, start, end),
        cmocka_unit_test_setup_teardown(test_recovery_writes_no_log_full_of_zeros, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
