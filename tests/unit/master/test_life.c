/* The master with roles that do nothing but live: start, death, stop, signals. */
#include "life_rig.h"

static void test_a_server_starts_says_ready_and_stops_cleanly(void **state)
{
    (void)state;
    struct server server;
    char expected[64];
    struct stat file;
    start(&server);
    snprintf(expected, sizeof expected, "pid=%d\n", (int)server.pid);
    assert_non_null(strstr(server.ready, "ready http=127.0.0.1:"));
    assert_non_null(strstr(server.ready, expected));
    assert_int_equal(pid_of("master"), server.pid);
    assert_true(pid_of("worker.0") > 0 && pid_of("worker.1") > 0);
    assert_true(pid_of("store") > 0 && pid_of("mailer") > 0 && pid_of("admin") > 0);
    assert_int_equal(stat("var/token.key", &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(stat("var/db", &file), 0);
    assert_int_equal(file.st_mode & 0777, 0700);
    assert_int_equal(stat("var/gatepost.sock", &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(stat("var/admin.sock", &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), 0);
    assert_int_not_equal(stat("var/gatepost.sock", &file), 0);
    assert_int_not_equal(stat("var/admin.sock", &file), 0);
    assert_false(log_has("child.died"));
    remove_server(&server);
}

static void test_every_killed_child_is_replaced(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    static const char *const names[] = {"worker.1", "store", "mailer", "admin", "worker.0"};
    for (size_t i = 0; i < ARRAY_LEN(names) * 3; i++) {
        const char *name = names[i % ARRAY_LEN(names)];
        pid_t old = pid_of(name);
        assert_true(old > 0);
        kill(old, SIGKILL);
        assert_true(await_successor(name, old) > 0);
    }
    stop(&server);
}

static void test_children_do_not_outlive_a_killed_master(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    pid_t children[] = {pid_of("worker.0"), pid_of("store"), pid_of("mailer"), pid_of("admin")};
    kill(server.pid, SIGKILL);
    int status = 0;
    assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
    mono_ns deadline = clock_mono_ns() + NS_PER_S;
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        char path[64];
        char text[256];
        snprintf(path, sizeof path, "/proc/%d/stat", (int)children[i]);
        while (read_file(path, text, sizeof text) > 0 && strstr(text, ") Z ") == NULL) {
            assert_true(clock_mono_ns() < deadline);
            usleep(5000);
        }
    }
    close(server.out);
    fork_server(&server); /* at once, over what the dead one left */
    await_ready(&server);
    stop(&server);
}

static void test_a_child_that_refuses_at_the_first_start_ends_the_server(void **state)
{
    (void)state;
    struct server server;
    make_server(&server);
    write_text("misbehave.worker", "f");
    fork_server(&server);
    assert_int_equal(await_exit(&server), EXIT_TLS);
    remove_server(&server);
}

static void test_a_condemned_store_has_no_successor(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    write_text("misbehave.store", "c");
    assert_true(await_page("state: condemned"));
    usleep(300000);
    assert_int_equal(pid_of("store"), 0);
    assert_true(pid_of("worker.0") > 0);
    assert_true(log_has("store.condemned"));
    stop(&server);
}

static void test_workers_of_a_condemned_store_are_replaced_as_often_as_it_takes(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    write_text("misbehave.store", "c");
    assert_true(await_page("state: condemned"));
    long more_than_seats = 2 * sysconf(_SC_NPROCESSORS_ONLN) + 16;
    for (long i = 0; i < more_than_seats; i++) {
        pid_t worker = pid_of("worker.0");
        assert_true(worker > 0);
        kill(worker, SIGKILL);
        assert_true(await_successor("worker.0", worker) > 0);
    }
    stop(&server);
}

static void test_a_flush_that_fails_before_the_first_ready_ends_the_server(void **state)
{
    (void)state;
    struct server server;
    make_server(&server);
    write_text("misbehave.store", "d");
    fork_server(&server);
    assert_int_equal(await_exit(&server), EXIT_STORE_FSYNC);
    remove_server(&server);
}

static void test_a_worker_without_a_life_sign_is_aborted_and_replaced(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    pid_t worker = pid_of("worker.0");
    kill(worker, SIGSTOP);
    assert_true(await_successor("worker.0", worker) > 0);
    assert_true(log_has("child.stuck"));
    assert_true(pid_of("store") > 0);
    stop(&server);
}

static void test_term_during_a_start_that_hangs_ends_it(void **state)
{
    (void)state;
    struct server server;
    make_server(&server);
    write_text("misbehave.store", "h");
    fork_server(&server);
    usleep(300000);
    mono_ns began = clock_mono_ns();
    kill(server.pid, SIGTERM);
    assert_int_equal(await_exit(&server), 0);
    assert_true(clock_mono_ns() - began < 5 * NS_PER_S);
    remove_server(&server);
}

static void test_usr1_opens_the_log_file_anew(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    assert_int_equal(rename("log.txt", "log.old"), 0);
    kill(server.pid, SIGUSR1);
    mono_ns deadline = clock_mono_ns() + PATIENCE_NS;
    while (!log_has("log.reopened")) {
        assert_true(clock_mono_ns() < deadline);
        usleep(10000);
    }
    stop(&server);
}

/* A program whose name nobody knows: launch_init was not called. */
static void test_usr2_without_a_file_changes_nothing(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    pid_t worker = pid_of("worker.0");
    kill(server.pid, SIGUSR2);
    assert_true(await_page("upgrade: 1 refused"));
    assert_int_equal(pid_of("worker.0"), worker);
    assert_true(log_has("upgrade.refused"));
    stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_server_starts_says_ready_and_stops_cleanly),
        cmocka_unit_test(test_every_killed_child_is_replaced),
        cmocka_unit_test(test_children_do_not_outlive_a_killed_master),
        cmocka_unit_test(test_a_child_that_refuses_at_the_first_start_ends_the_server),
        cmocka_unit_test(test_a_condemned_store_has_no_successor),
        cmocka_unit_test(test_workers_of_a_condemned_store_are_replaced_as_often_as_it_takes),
        cmocka_unit_test(test_a_flush_that_fails_before_the_first_ready_ends_the_server),
        cmocka_unit_test(test_a_worker_without_a_life_sign_is_aborted_and_replaced),
        cmocka_unit_test(test_term_during_a_start_that_hangs_ends_it),
        cmocka_unit_test(test_usr1_opens_the_log_file_anew),
        cmocka_unit_test(test_usr2_without_a_file_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
