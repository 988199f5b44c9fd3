/* Messages with descriptors, the start of a child, the tables. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatepost/log.h"
#include "gatepost/proc.h"

static void open_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
                     0);
}

static void test_a_message_arrives_as_it_was_sent(void **state)
{
    (void)state;
    int pair[2];
    bool gone = true;
    struct proc_message message;
    open_pair(pair);
    proc_send(pair[1], MESSAGE_READY, 7, UINT64_C(0x1122334455667788), -1);
    assert_true(proc_receive_from_child(pair[0], &message, &gone));
    assert_int_equal(message.kind, MESSAGE_READY);
    assert_int_equal(message.slot, 7);
    assert_true(message.value == UINT64_C(0x1122334455667788));
    assert_false(proc_receive_from_child(pair[0], &message, &gone));
    assert_false(gone);
    close(pair[1]);
    assert_false(proc_receive_from_child(pair[0], &message, &gone));
    assert_true(gone);
    close(pair[0]);
}

static void test_a_message_to_a_process_that_is_gone_or_full_is_dropped(void **state)
{
    (void)state;
    int pair[2];
    open_pair(pair);
    for (int i = 0; i < 400; i++)
        proc_send(pair[0], ORDER_SWEEP, 0, 0, -1);
    close(pair[1]);
    proc_send(pair[0], ORDER_SWEEP, 0, 0, -1);
    proc_send(-1, ORDER_SWEEP, 0, 0, -1);
    close(pair[0]);
}

static void test_a_packet_of_another_length_is_looked_past(void **state)
{
    (void)state;
    int pair[2];
    bool gone = false;
    struct proc_message message;
    open_pair(pair);
    assert_int_equal(send(pair[1], "abc", 3, 0), 3);
    proc_send(pair[1], MESSAGE_DRAINED, 1, 2, -1);
    assert_true(proc_receive_from_child(pair[0], &message, &gone));
    assert_int_equal(message.kind, MESSAGE_DRAINED);
    close(pair[0]);
    close(pair[1]);
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_a_child_cannot_give_the_master_a_descriptor(void **state)
{
    (void)state;
    int pair[2];
    bool gone = false;
    struct proc_message message;
    open_pair(pair);
    size_t before = open_descriptors();
    proc_send(pair[1], MESSAGE_READY, 0, 0, STDIN_FILENO);
    assert_true(proc_receive_from_child(pair[0], &message, &gone));
    assert_int_equal(open_descriptors(), before);
    close(pair[0]);
    close(pair[1]);
}

static void test_a_new_log_becomes_descriptor_2(void **state)
{
    (void)state;
    int pair[2], log_pipe[2];
    struct proc_message message;
    open_pair(pair);
    assert_int_equal(pipe2(log_pipe, O_CLOEXEC), 0);
    struct heritage heritage = {.control_fd = pair[1], .lock_fd = -1};
    proc_send(pair[0], ORDER_LOG, 0, CONFIG_LOG_INFO, log_pipe[1]);
    proc_send(pair[0], ORDER_SWEEP, 0, 0, -1);
    int saved = dup(STDERR_FILENO);
    assert_true(proc_receive(&heritage, &message)); /* the order before it is not returned */
    assert_int_equal(message.kind, ORDER_SWEEP);
    assert_int_equal(write(STDERR_FILENO, "x", 1), 1);
    dup2(saved, STDERR_FILENO);
    char byte = 0;
    assert_int_equal(read(log_pipe[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(saved);
    close(pair[0]);
    close(pair[1]);
    close(log_pipe[0]);
    close(log_pipe[1]);
}

static void test_an_orphan_exits_with_its_reason(void **state)
{
    (void)state;
    int pair[2];
    int status = 0;
    open_pair(pair);
    pid_t pid = fork();
    if (pid == 0) {
        struct proc_message message;
        struct heritage heritage = {.control_fd = pair[1], .lock_fd = -1};
        close(pair[0]);
        for (;;) {
            if (proc_receive(&heritage, &message))
                _exit(90);
            usleep(1000);
        }
    }
    close(pair[1]);
    close(pair[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_ORPHANED);
}

static void test_every_exit_reason_has_its_sentence(void **state)
{
    (void)state;
    assert_string_equal(exit_reason_sentence(EXIT_STORE_PANIC), "the database asked for recovery");
    assert_string_equal(exit_reason_sentence(EXIT_DONE), "it was told to stop");
    assert_null(exit_reason_sentence(99));
    assert_null(exit_reason_sentence(-1));
}

static void test_every_phase_has_its_limit(void **state)
{
    (void)state;
    assert_int_equal(life_limit_ms(LIFE_STARTING), 30000);
    assert_int_equal(life_limit_ms(LIFE_RECOVERING), 30000);
    assert_int_equal(life_limit_ms(LIFE_SERVING), 5000);
    assert_int_equal(life_limit_ms(LIFE_FLUSHING), 30000);
    assert_true(life_limit_ms(LIFE_DRAINING) > life_limit_ms(LIFE_SERVING));
}

static void test_processes_have_names(void **state)
{
    (void)state;
    char name[PROC_NAME_BYTES];
    assert_string_equal(proc_name(ROLE_WORKER, 31, name), "worker.31");
    assert_string_equal(proc_name(ROLE_STORE, 5, name), "store");
    assert_string_equal(proc_name(ROLE_MAILER, 0, name), "mailer");
    assert_string_equal(proc_name(ROLE_ADMIN, 0, name), "admin");
}

/* What a child that entered says about itself, through a pipe that it kept as its alive_fd. */
struct findings {
    int extra_open;
    int listener_open;
    int control_open;
    int wake_open;
    int term_ignored;
    int mask_empty;
    int death_signal;
    int dumpable;
    int no_new_privs;
    uint64_t core_limit;
    char title[16];
};

/* A number that was closed may be another descriptor by then. */
static bool is_socket(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode);
}

static struct findings enter_and_look(enum proc_role role)
{
    struct err err = {0};
    int out[2], pair[2];
    struct findings findings = {0};
    struct segment *segment = segment_create(2, &err);
    assert_non_null(segment);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    open_pair(pair);
    int extra = socket(AF_UNIX, SOCK_STREAM, 0);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    pid_t master_pid = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        struct config config = {.master_user = "", .log_level = CONFIG_LOG_ERROR};
        struct heritage heritage = {.role = role,
                                    .config = &config,
                                    .segment = segment,
                                    .control_fd = pair[1],
                                    .alive_fd = out[1],
                                    .lock_fd = -1,
                                    .master_pid = master_pid,
                                    .listeners = {{.fd = listener}},
                                    .listener_count = 1};
        sigset_t mask;
        struct sigaction action;
        struct rlimit core;
        proc_enter(&heritage);
        proc_drop_privileges(&heritage);
        sigprocmask(SIG_SETMASK, NULL, &mask);
        sigaction(SIGTERM, NULL, &action);
        getrlimit(RLIMIT_CORE, &core);
        findings.extra_open = is_socket(extra);
        findings.listener_open = is_socket(listener);
        findings.control_open = is_socket(pair[1]) && !is_socket(pair[0]);
        findings.wake_open = fcntl(wake_fd(segment, 1), F_GETFD) >= 0;
        findings.term_ignored = action.sa_handler == SIG_IGN;
        findings.mask_empty = !sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGCHLD);
        prctl(PR_GET_PDEATHSIG, &findings.death_signal);
        findings.dumpable = prctl(PR_GET_DUMPABLE);
        findings.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
        findings.core_limit = core.rlim_cur;
        prctl(PR_GET_NAME, findings.title);
        _exit(write(out[1], &findings, sizeof findings) == (ssize_t)sizeof findings ? 0 : 1);
    }
    close(out[1]);
    assert_int_equal(read(out[0], &findings, sizeof findings), sizeof findings);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(out[0]);
    close(pair[0]);
    close(pair[1]);
    close(extra);
    close(listener);
    segment_close(&segment);
    return findings;
}

static void test_a_child_holds_its_heritage_and_nothing_else(void **state)
{
    (void)state;
    struct findings worker = enter_and_look(ROLE_WORKER);
    assert_false(worker.extra_open);
    assert_true(worker.listener_open);
    assert_true(worker.control_open);
    assert_true(worker.wake_open);
    assert_string_equal(worker.title, "gatepost: worke");
    struct findings store = enter_and_look(ROLE_STORE);
    assert_false(store.listener_open);
    assert_string_equal(store.title, "gatepost: store");
    struct findings admin = enter_and_look(ROLE_ADMIN);
    assert_true(admin.listener_open);
    assert_string_equal(admin.title, "gatepost: admin");
}

static void test_a_child_ignores_the_masters_signals_and_dies_with_it(void **state)
{
    (void)state;
    struct findings mailer = enter_and_look(ROLE_MAILER);
    assert_true(mailer.term_ignored);
    assert_true(mailer.mask_empty);
    assert_int_equal(mailer.death_signal, SIGKILL);
}

static void test_a_child_leaves_no_core_and_gains_no_privileges(void **state)
{
    (void)state;
    struct findings mailer = enter_and_look(ROLE_MAILER);
    assert_int_equal(mailer.dumpable, 0);
    assert_int_equal(mailer.no_new_privs, 1);
    assert_int_equal(mailer.core_limit, 0);
}

static void test_there_is_no_way_back_to_root(void **state)
{
    (void)state;
    struct err err = {0};
    int status = 0;
    if (geteuid() != 0)
        skip();
    pid_t pid = fork();
    if (pid == 0) {
        if (!proc_become_user("nobody", &err))
            _exit(1);
        _exit(getuid() == 0 || setuid(0) == 0 || setgid(0) == 0 ? 2 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_user_that_does_not_exist_is_named(void **state)
{
    (void)state;
    struct err err = {0};
    if (geteuid() != 0)
        skip();
    assert_false(proc_become_user("no-such-user", &err));
    assert_non_null(strstr(err.text, "master.user"));
    assert_non_null(strstr(err.text, "no-such-user"));
}

static void test_a_title_takes_the_place_of_the_command_line(void **state)
{
    (void)state;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        /* As the kernel lays them out: arguments, then the environment, without a gap. */
        static char area[] = "gatepost\0serve\0SECRET=canary";
        char *arguments[] = {area, area + 9, NULL};
        char *variables[] = {area + 15, NULL};
        environ = variables;
        proc_title_init(2, arguments);
        proc_title_set("gatepost: worker 0");
        bool ok = strcmp(area, "gatepost: worker 0") == 0 &&
                  memmem(area, sizeof area, "canary", 6) == NULL &&
                  strcmp(arguments[1], "serve") == 0 && strcmp(getenv("SECRET"), "canary") == 0;
        proc_title_set("a title that is a good deal longer than all the room there is");
        ok = ok && area[sizeof area - 1] == '\0' && strlen(area) == sizeof area - 1;
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_arrives_as_it_was_sent),
        cmocka_unit_test(test_a_message_to_a_process_that_is_gone_or_full_is_dropped),
        cmocka_unit_test(test_a_packet_of_another_length_is_looked_past),
        cmocka_unit_test(test_a_child_cannot_give_the_master_a_descriptor),
        cmocka_unit_test(test_a_new_log_becomes_descriptor_2),
        cmocka_unit_test(test_an_orphan_exits_with_its_reason),
        cmocka_unit_test(test_every_exit_reason_has_its_sentence),
        cmocka_unit_test(test_every_phase_has_its_limit),
        cmocka_unit_test(test_processes_have_names),
        cmocka_unit_test(test_a_child_holds_its_heritage_and_nothing_else),
        cmocka_unit_test(test_a_child_ignores_the_masters_signals_and_dies_with_it),
        cmocka_unit_test(test_a_child_leaves_no_core_and_gains_no_privileges),
        cmocka_unit_test(test_there_is_no_way_back_to_root),
        cmocka_unit_test(test_a_user_that_does_not_exist_is_named),
        cmocka_unit_test(test_a_title_takes_the_place_of_the_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
