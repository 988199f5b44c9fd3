/* HUP, with roles that do nothing but live: what changes, what stays, what is rolled back. */
#include "life_rig.h"

static void test_a_reload_replaces_workers_and_mailer_and_keeps_port_and_store(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    pid_t worker = pid_of("worker.0"), mailer = pid_of("mailer"), store = pid_of("store");
    pid_t admin = pid_of("admin");
    char listener[128];
    snprintf(listener, sizeof listener, "listener: %.*s\n",
             (int)strcspn(server.ready + strlen("ready http="), " "),
             server.ready + strlen("ready http="));
    kill(server.pid, SIGHUP);
    assert_true(await_page("reload: 1 ok"));
    assert_true(await_page(listener));
    assert_non_null(strstr(page, "generation: 2\n"));
    assert_true(pid_of("worker.0") != worker && pid_of("mailer") != mailer);
    assert_true(await_successor("admin", admin) > 0);
    assert_int_equal(pid_of("store"), store);
    stop(&server);
}

static void test_a_changed_store_key_replaces_the_store(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    pid_t store = pid_of("store");
    configure("[store]\ncache_mib = 17\n");
    kill(server.pid, SIGHUP);
    assert_true(await_page("reload: 1 ok"));
    assert_true(pid_of("store") != store);
    stop(&server);
}

static void test_the_log_level_is_the_master_s_too_and_a_reload_changes_it(void **state)
{
    (void)state;
    struct server server;
    make_server(&server);
    configure("[log]\nlevel = error\n");
    fork_server(&server);
    await_ready(&server);
    assert_false(log_has("info master"));
    configure("");
    kill(server.pid, SIGHUP);
    assert_true(await_page("reload: 1 ok"));
    assert_true(log_has("reload.done"));
    stop(&server);
}

static void test_a_wrong_configuration_is_refused_with_its_problem(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    pid_t worker = pid_of("worker.0"), mailer = pid_of("mailer");
    configure("[nonsense]\nx = 1\n");
    kill(server.pid, SIGHUP);
    assert_true(await_page("reload: 1 refused"));
    assert_non_null(strstr(page, "nonsense"));
    assert_int_equal(pid_of("worker.0"), worker);
    configure("pid_file = var/other.pid\n");
    kill(server.pid, SIGHUP);
    assert_true(await_page("reload: 2 refused"));
    assert_non_null(strstr(page, "master.pid_file"));
    assert_int_equal(pid_of("worker.0"), worker);
    assert_int_equal(pid_of("mailer"), mailer);
    assert_non_null(strstr(status_page(), "generation: 1\n"));
    stop(&server);
}

static void test_a_reload_whose_workers_cannot_start_leaves_the_old_ones(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    pid_t worker = pid_of("worker.0"), mailer = pid_of("mailer");
    write_text("misbehave.worker", "f");
    kill(server.pid, SIGHUP);
    assert_true(await_page("reload: 1 refused"));
    assert_non_null(strstr(page, "certificate and key could not be used"));
    assert_true(log_has("reload.refused"));
    assert_int_equal(pid_of("worker.0"), worker);
    assert_int_equal(pid_of("mailer"), mailer);
    unlink("misbehave.worker");
    kill(server.pid, SIGHUP);
    assert_true(await_page("reload: 2 ok"));
    stop(&server);
}

static void test_a_reload_whose_mailer_cannot_start_brings_the_old_one_back(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    pid_t worker = pid_of("worker.0");
    write_text("misbehave.mailer", "f");
    kill(server.pid, SIGHUP);
    assert_true(await_page("reload: 1 refused"));
    unlink("misbehave.mailer");
    assert_true(await_successor("mailer", 0) > 0);
    assert_int_equal(pid_of("worker.0"), worker);
    stop(&server);
}

static void test_a_reload_whose_admin_cannot_start_leaves_the_old_one(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    pid_t worker = pid_of("worker.0"), admin = pid_of("admin");
    write_text("misbehave.admin", "f");
    kill(server.pid, SIGHUP);
    assert_true(await_page("reload: 1 refused"));
    assert_non_null(strstr(page, "admin could not start"));
    assert_int_equal(pid_of("worker.0"), worker);
    assert_int_equal(pid_of("admin"), admin);
    unlink("misbehave.admin");
    stop(&server);
}

static void test_reloads_that_come_together_are_folded(void **state)
{
    (void)state;
    struct server server;
    start(&server);
    for (int i = 0; i < 200; i++) {
        kill(server.pid, SIGHUP);
        usleep(500);
    }
    mono_ns deadline = clock_mono_ns() + PATIENCE_NS;
    unsigned long begun = 0, done = 0;
    do {
        assert_true(clock_mono_ns() < deadline);
        usleep(100000);
        const char *text = status_page();
        begun = strtoul(strstr(text, "reloads_begun: ") + 15, NULL, 10);
        done = strtoul(strstr(text, "\nreload: ") + 9, NULL, 10);
    } while (begun != done);
    assert_true(done >= 2 && done < 100);
    assert_non_null(strstr(page, " ok "));
    stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reload_replaces_workers_and_mailer_and_keeps_port_and_store),
        cmocka_unit_test(test_a_changed_store_key_replaces_the_store),
        cmocka_unit_test(test_the_log_level_is_the_master_s_too_and_a_reload_changes_it),
        cmocka_unit_test(test_a_wrong_configuration_is_refused_with_its_problem),
        cmocka_unit_test(test_a_reload_whose_workers_cannot_start_leaves_the_old_ones),
        cmocka_unit_test(test_a_reload_whose_mailer_cannot_start_brings_the_old_one_back),
        cmocka_unit_test(test_a_reload_whose_admin_cannot_start_leaves_the_old_one),
        cmocka_unit_test(test_reloads_that_come_together_are_folded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
