/* The pid file: one holder, children count, nobody is fooled by a file. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatepost/clock.h"
#include "gatepost/pidlock.h"

static char directory[64];
static char path[96];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/gatepost-pidlock-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/gatepost.pid", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

/* A process that takes the lock, says so through the pipe, and stays until it is killed. */
static pid_t fork_holder(void)
{
    int told[2];
    char byte = 0;
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct pidlock lock;
        struct err err = {0};
        byte = pidlock_take(path, 0, &lock, &err) == PIDLOCK_OK ? 'y' : 'n';
        if (write(told[1], &byte, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(told[0]);
    close(told[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_the_holder_is_found_by_its_pid(void **state)
{
    (void)state;
    struct err err = {0};
    pid_t found = 0;
    assert_int_equal(pidlock_holder(path, &found, &err), PIDLOCK_HOLDER_NONE);
    pid_t pid = fork_holder();
    assert_int_equal(pidlock_holder(path, &found, &err), PIDLOCK_HOLDER_FOUND);
    assert_int_equal(found, pid);
    end(pid);
    assert_int_equal(pidlock_holder(path, &found, &err), PIDLOCK_HOLDER_NONE);
}

static void test_a_second_server_is_refused_after_its_wait(void **state)
{
    (void)state;
    struct err err = {0};
    struct pidlock lock;
    pid_t pid = fork_holder();
    mono_ns began = clock_mono_ns();
    assert_int_equal(pidlock_take(path, 200, &lock, &err), PIDLOCK_HELD);
    assert_true(clock_mono_ns() - began >= 200 * NS_PER_MS);
    assert_non_null(strstr(err.text, path));
    end(pid);
    assert_int_equal(pidlock_take(path, 0, &lock, &err), PIDLOCK_OK);
    pidlock_release(&lock);
}

static void test_the_lock_is_held_until_the_last_child_is_gone(void **state)
{
    (void)state;
    struct err err = {0};
    struct pidlock lock, second;
    pid_t found = 0;
    int told[2];
    char byte = 'x';
    assert_int_equal(pipe(told), 0);
    pid_t master = fork();
    if (master == 0) {
        if (pidlock_take(path, 0, &lock, &err) != PIDLOCK_OK)
            _exit(1);
        pid_t child = fork();
        if (child == 0) {
            close(lock.write_fd); /* as proc_enter does; it keeps the lock_fd */
            if (write(told[1], &byte, 1) != 1)
                _exit(1);
            for (;;)
                pause();
        }
        if (write(told[1], &child, sizeof child) != (ssize_t)sizeof child)
            _exit(1);
        for (;;)
            pause();
    }
    pid_t child = 0;
    char bytes[1 + sizeof child];
    size_t got = 0;
    while (got < sizeof bytes) {
        ssize_t some = read(told[0], bytes + got, sizeof bytes - got);
        assert_true(some > 0);
        got += (size_t)some;
    }
    memcpy(&child, bytes[0] == 'x' ? bytes + 1 : bytes, sizeof child);
    end(master);
    assert_int_equal(pidlock_take(path, 0, &second, &err), PIDLOCK_HELD);
    assert_int_equal(pidlock_holder(path, &found, &err), PIDLOCK_HOLDER_UNSURE);
    kill(child, SIGKILL);
    assert_int_equal(pidlock_take(path, 5000, &second, &err), PIDLOCK_OK);
    pidlock_release(&second);
    close(told[0]);
    close(told[1]);
}

static void test_a_clean_stop_leaves_an_empty_file(void **state)
{
    (void)state;
    struct err err = {0};
    struct pidlock lock;
    struct stat file;
    assert_int_equal(pidlock_take(path, 0, &lock, &err), PIDLOCK_OK);
    assert_int_equal(stat(path, &file), 0);
    assert_true(file.st_size > 0);
    pidlock_release(&lock);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_size, 0);
}

static void test_a_link_in_the_place_of_the_file_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct pidlock lock;
    char other[128];
    snprintf(other, sizeof other, "%s/other", directory);
    int fd = open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "keep", 4), 4);
    close(fd);
    unlink(path);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(pidlock_take(path, 0, &lock, &err), PIDLOCK_FAILED);
    unlink(path);
    assert_int_equal(link(other, path), 0);
    assert_int_equal(pidlock_take(path, 0, &lock, &err), PIDLOCK_FAILED);
    struct stat file;
    assert_int_equal(stat(other, &file), 0);
    assert_int_equal(file.st_size, 4);
    unlink(path);
    unlink(other);
}

static void test_a_pid_of_somebody_elses_process_is_not_trusted(void **state)
{
    (void)state;
    struct err err = {0};
    pid_t found = 0;
    if (geteuid() != 0)
        skip();
    /* What a service user could do: make the file, name a process of root, hold the lock. */
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(fchown(fd, 65534, 65534), 0);
    assert_true(dprintf(fd, "%d\n", (int)getpid()) > 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(pidlock_holder(path, &found, &err), PIDLOCK_HOLDER_UNSURE);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_holder_is_found_by_its_pid, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(test_a_second_server_is_refused_after_its_wait,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_the_lock_is_held_until_the_last_child_is_gone,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_a_clean_stop_leaves_an_empty_file, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(test_a_link_in_the_place_of_the_file_is_refused,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_a_pid_of_somebody_elses_process_is_not_trusted,
                                        make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
