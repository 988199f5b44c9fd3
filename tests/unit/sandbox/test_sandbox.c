/* The filter by itself: that its table is one of real calls, holds for every thread, and tells what
 * it refused. Which call is refused to whom: test_53_sandbox.py. */
#include "gatepost/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/log.h"

#include "lib/proc/crash.h"

#include <cmocka.h>

static struct config config = {.master_user = "",
                               .store_dir = "/nonexistent",
                               .mail_dir = "/nonexistent",
                               .master_sandbox = true};

#define ALLOW(roles, call)                 #call,
#define REFUSE(roles, call, error)         #call,
#define FATAL(roles, call)                 #call,
#define ALLOW_IF(roles, call, ...)         #call,
#define FATAL_IF(roles, call, ...)         #call,
#define REFUSE_IF(roles, call, error, ...) #call,

/* A name that nobody knows would be left out without a word, and with it what it forbids. */
static void test_every_name_in_the_table_is_one_of_a_call(void **state)
{
    static const char *const names[] = {
#include "lib/sandbox/calls.def"
    };
    (void)state;
    assert_true(ARRAY_LEN(names) > 150);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (seccomp_syscall_resolve_name(names[i]) == __NR_SCMP_ERROR)
            fail_msg("there is no call %s", names[i]);
    }
}

static void enter(enum proc_role role)
{
    struct err err = {""};
    int landlock;

    if (!proc_become_user("", &err) || !sandbox_close(role, &config, &landlock, &err)) {
        fprintf(stderr, "%s\n", err.text);
        _exit(99);
    }
}

/* How a process ends that does this in a role's sandbox; what it wrote to standard error. */
static int end_of(void (*act)(void), char *text_out, size_t text_bytes)
{
    int ends[2], status = 0;
    size_t len = 0;
    ssize_t got;

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct sigaction action = {.sa_handler = SIG_DFL};
        dup2(ends[1], STDERR_FILENO);
        sigaction(SIGSYS, &action, NULL); /* cmocka has a handler of its own */
        act();
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], text_out + len, text_bytes - 1 - len)) > 0)
        len += (size_t)got;
    text_out[len] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void execute(void)
{
    char *const words[] = {"/bin/true", NULL};

    log_init("worker.0", LOG_LEVEL_INFO);
    crash_report_init();
    enter(ROLE_WORKER);
    execve(words[0], words, words + 1);
}

static void test_a_call_that_ends_a_process_is_told_with_its_number_and_the_stack(void **state)
{
    char text[8192], expected[64];
    int status = end_of(execute, text, sizeof(text));
    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
#if !defined(__SANITIZE_ADDRESS__) &&                                                              \
    !defined(__SANITIZE_THREAD__) /* these have handlers of their own */
    snprintf(expected, sizeof(expected),
             "process.crashed signal=SIGSYS call=%d stack=", SYS_execve);
    assert_non_null(strstr(text, expected));
#else
    (void)expected;
#endif
}

static int gate[2];

static void *thread_that_opens(void *context)
{
    char byte;

    (void)context;
    (void)!read(gate[0], &byte, 1);
    (void)!open("/dev/null", O_WRONLY | O_CLOEXEC);
    return NULL;
}

static void open_in_an_older_thread(void)
{
    pthread_t thread;

    if (pipe(gate) != 0 || pthread_create(&thread, NULL, thread_that_opens, NULL) != 0)
        _exit(98);
    enter(ROLE_WORKER);
    (void)!write(gate[1], "", 1);
    pthread_join(thread, NULL);
}

static void open_in_a_younger_thread(void)
{
    pthread_t thread;

    enter(ROLE_WORKER);
    if (pipe2(gate, O_CLOEXEC) != 0 || write(gate[1], "", 1) != 1 ||
        pthread_create(&thread, NULL, thread_that_opens, NULL) != 0)
        _exit(98);
    pthread_join(thread, NULL);
}

static void test_threads_of_before_and_after_are_bound_as_well(void **state)
{
    char text[8192];
    (void)state;
    int status = end_of(open_in_an_older_thread, text, sizeof(text));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    status = end_of(open_in_a_younger_thread, text, sizeof(text));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* A log that is reopened comes from the master as a descriptor. */
static void receive_a_descriptor(void)
{
    int pair[2], fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct proc_message message;
    struct heritage heritage = {.role = ROLE_WORKER, .config = &config};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) != 0)
        _exit(98);
    heritage.control_fd = pair[1];
    enter(ROLE_WORKER);
    proc_send(pair[0], ORDER_LOG, 0, 0, fd);
    proc_send(pair[0], ORDER_SWEEP, 0, 0, -1);
    _exit(proc_receive(&heritage, &message) && message.kind == ORDER_SWEEP ? 7 : 97);
}

static void test_descriptors_are_still_passed(void **state)
{
    char text[8192];
    (void)state;
    int status = end_of(receive_a_descriptor, text, sizeof(text));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name_in_the_table_is_one_of_a_call),
        cmocka_unit_test(test_a_call_that_ends_a_process_is_told_with_its_number_and_the_stack),
        cmocka_unit_test(test_threads_of_before_and_after_are_bound_as_well),
        cmocka_unit_test(test_descriptors_are_still_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
