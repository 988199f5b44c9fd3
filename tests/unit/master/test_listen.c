/* Listening sockets: real ports, kept across reloads, taken over, refused by name. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/listen.h"

static const struct listen_set none;
static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/gatepost-listen-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void test_port_0_gets_a_name_with_the_real_port(void **state)
{
    (void)state;
    struct listen_set set;
    struct err err = {0};
    char names[LISTEN_NAMES_BYTES];
    unsigned port4 = 0, port6 = 0;
    assert_true(listen_open("127.0.0.1:0 , [::1]:0", &none, &none, &set, &err));
    assert_int_equal(set.count, 2);
    listen_names(&set, names, sizeof names);
    assert_int_equal(sscanf(names, "127.0.0.1:%u,[::1]:%u", &port4, &port6), 2);
    assert_true(port4 > 0 && port6 > 0);
    assert_true((fcntl(set.sockets[0].listener.fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(set.sockets[0].listener.fd, F_GETFD) & FD_CLOEXEC) != 0);
    listen_close_others(&set, NULL);
}

static void test_a_port_in_use_is_named(void **state)
{
    (void)state;
    struct listen_set first, second;
    struct err err = {0};
    char list[256];
    assert_true(listen_open("127.0.0.1:0", &none, &none, &first, &err));
    const char *name = first.sockets[0].listener.name;
    snprintf(list, sizeof list, "127.0.0.1:0,%s", name);
    assert_false(listen_open(list, &none, &none, &second, &err));
    assert_non_null(strstr(err.text, name));
    assert_non_null(strstr(err.text, "http.listen"));
    assert_non_null(strstr(err.text, "in use"));
    listen_close_others(&first, NULL);
}

static void test_a_listener_whose_text_is_unchanged_keeps_its_socket(void **state)
{
    (void)state;
    struct listen_set old, new;
    struct err err = {0};
    assert_true(listen_open("127.0.0.1:0,127.0.0.1:0", &none, &none, &old, &err));
    int first = old.sockets[0].listener.fd;
    int second = old.sockets[1].listener.fd;
    assert_true(listen_open("[::1]:0,127.0.0.1:0", &old, &none, &new, &err));
    assert_int_equal(new.sockets[1].listener.fd, first);
    assert_string_equal(new.sockets[1].listener.name, old.sockets[0].listener.name);
    listen_close_others(&old, &new);
    assert_true(fcntl(first, F_GETFD) >= 0);
    assert_true(fcntl(second, F_GETFD) < 0);
    listen_close_others(&new, NULL);
    assert_true(fcntl(first, F_GETFD) < 0);
}

static void test_a_failed_change_leaves_the_old_sockets_open(void **state)
{
    (void)state;
    struct listen_set old, other, new;
    struct err err = {0};
    char list[256];
    assert_true(listen_open("127.0.0.1:0", &none, &none, &old, &err));
    assert_true(listen_open("127.0.0.1:0", &none, &none, &other, &err));
    int next_fd = dup(STDIN_FILENO);
    close(next_fd);
    snprintf(list, sizeof list, "127.0.0.1:0,[::1]:0,%s", other.sockets[0].listener.name);
    assert_false(listen_open(list, &old, &none, &new, &err));
    assert_true(fcntl(old.sockets[0].listener.fd, F_GETFD) >= 0);
    assert_true(fcntl(next_fd, F_GETFD) < 0); /* what was opened on the way was closed */
    listen_close_others(&old, NULL);
    listen_close_others(&other, NULL);
}

static void test_text_that_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {"127.0.0.1", "localhost:80",    "127.0.0.1:http",
                                        ":80",       "127.0.0.1:99999", "[::1:80"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct listen_set set;
        struct err err = {0};
        assert_false(listen_open(lists[i], &none, &none, &set, &err));
        assert_non_null(strstr(err.text, lists[i]));
    }
}

static void test_a_unix_listener_has_its_mode_and_leaves_no_file(void **state)
{
    (void)state;
    struct listen_set set;
    struct err err = {0};
    struct stat file;
    char text[128];
    snprintf(text, sizeof text, "unix:%s/http.sock", directory);
    assert_true(listen_open(text, &none, &none, &set, &err));
    assert_true(set.sockets[0].listener.is_unix);
    assert_string_equal(set.sockets[0].listener.name, text);
    assert_int_equal(stat(text + 5, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0666);
    listen_close_others(&set, NULL);
    assert_int_not_equal(stat(text + 5, &file), 0);

    int fd = listen_unix(text + 5, 0600, &err);
    assert_true(fd >= 0);
    assert_int_equal(stat(text + 5, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    close(fd);
    unlink(text + 5);
}

static void test_a_stale_unix_socket_is_replaced_and_a_living_one_is_not(void **state)
{
    (void)state;
    struct err err = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/http.sock", directory);
    int stale = listen_unix(path, 0600, &err);
    assert_true(stale >= 0);
    assert_true(listen_unix(path, 0600, &err) < 0); /* somebody answers */
    assert_non_null(strstr(err.text, "in use"));
    close(stale); /* as a killed server leaves it */
    int fresh = listen_unix(path, 0600, &err);
    assert_true(fresh >= 0);
    close(fresh);
    unlink(path);
}

static void test_a_file_that_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat file;
    char path[128];
    snprintf(path, sizeof path, "%s/data", directory);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_true(listen_unix(path, 0600, &err) < 0);
    assert_int_equal(stat(path, &file), 0);
    unlink(path);
}

static void test_an_inherited_socket_is_taken_by_its_address(void **state)
{
    (void)state;
    struct listen_set first, inherited = {0}, set;
    struct err err = {0};
    assert_true(listen_open("127.0.0.1:0", &none, &none, &first, &err));
    inherited = first;
    inherited.sockets[0].inherited = true;
    assert_true(listen_open(first.sockets[0].listener.name, &none, &inherited, &set, &err));
    assert_int_equal(set.sockets[0].listener.fd, first.sockets[0].listener.fd);
    assert_true(set.sockets[0].inherited);
    listen_close_others(&set, NULL);
}

static void test_systemd_sockets_are_adopted_for_this_process_only(void **state)
{
    (void)state;
    struct listen_set set;
    struct err err = {0};
    char pid[32];
    snprintf(pid, sizeof pid, "%d", (int)getpid() + 1);
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    assert_true(listen_adopt(&set, &err));
    assert_int_equal(set.count, 0);
    assert_null(getenv("LISTEN_FDS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_0_gets_a_name_with_the_real_port),
        cmocka_unit_test(test_a_port_in_use_is_named),
        cmocka_unit_test(test_a_listener_whose_text_is_unchanged_keeps_its_socket),
        cmocka_unit_test(test_a_failed_change_leaves_the_old_sockets_open),
        cmocka_unit_test(test_text_that_is_no_address_is_refused),
        cmocka_unit_test(test_a_unix_listener_has_its_mode_and_leaves_no_file),
        cmocka_unit_test(test_a_stale_unix_socket_is_replaced_and_a_living_one_is_not),
        cmocka_unit_test(test_a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(test_an_inherited_socket_is_taken_by_its_address),
        cmocka_unit_test(test_systemd_sockets_are_adopted_for_this_process_only),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
