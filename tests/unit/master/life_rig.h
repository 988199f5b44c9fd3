/* A whole server in a directory of its own: master_run in a forked process, with role mains that
 * enter, close dead seats as store and mailer must, and obey orders. What a role is to do wrong is
 * told by a file in that directory, named after the role. Shared by the tests of the master's life.
 */
#ifndef GATEPOST_LIFE_RIG_H
#define GATEPOST_LIFE_RIG_H

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatepost/clock.h"
#include "master/master.h"

#define PATIENCE_NS (20 * NS_PER_S)

/* ---- the roles ----------------------------------------------------------------------------- */

static void close_dead_seats(const struct heritage *heritage)
{
    for (uint32_t slot = 0; slot < segment_seats(heritage->segment); slot++) {
        struct seat_view seat = seat_look(heritage->segment, slot);
        if (seat.state == SEAT_DEAD)
            seat_close(heritage->segment, slot, seat.generation,
                       heritage->role == ROLE_STORE ? SEAT_CLOSED_BY_STORE : SEAT_CLOSED_BY_MAILER);
    }
}

/* "misbehave.store" holds a letter: f fail at start, h hang at start; of the store: d die of a
 * failed flush before READY, c die of one after. */
static char misbehaviour(enum proc_role role)
{
    static const char *const paths[ROLE_COUNT] = {[ROLE_WORKER] = "misbehave.worker",
                                                  [ROLE_STORE] = "misbehave.store",
                                                  [ROLE_MAILER] = "misbehave.mailer",
                                                  [ROLE_ADMIN] = "misbehave.admin"};
    char letter = 0;
    int fd = open(paths[role], O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, &letter, 1) != 1)
            letter = 0;
        close(fd);
    }
    return letter;
}

/* As sync.c does it. */
_Noreturn static void die_of_a_failed_flush(const struct heritage *heritage)
{
    board_set(heritage->segment, BOARD_STORE_CONDEMNED, 1);
    abort();
}

static int live(struct heritage *heritage)
{
    proc_enter(heritage);
    proc_drop_privileges(heritage);
    char letter = misbehaviour(heritage->role);
    if (letter == 'f')
        return EXIT_TLS;
    while (letter == 'h')
        pause();
    if (letter == 'd')
        die_of_a_failed_flush(heritage);
    close_dead_seats(heritage);
    proc_ready(heritage);
    for (;;) {
        struct proc_message order;
        struct pollfd polled = {.fd = heritage->control_fd, .events = POLLIN};
        if (heritage->role == ROLE_STORE || heritage->role == ROLE_MAILER)
            close_dead_seats(heritage);
        if (heritage->role == ROLE_STORE && misbehaviour(ROLE_STORE) == 'c')
            die_of_a_failed_flush(heritage);
        (void)poll(&polled, 1, 10);
        life_sign(heritage->segment, heritage->slot);
        while (proc_receive(heritage, &order)) {
            if (order.kind == ORDER_STOP || order.kind == ORDER_DRAIN)
                return EXIT_DONE;
        }
    }
}

/* ---- the server ---------------------------------------------------------------------------- */

struct server {
    char directory[64];
    pid_t pid;
    int out; /* its standard output */
    char ready[512];
};

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_true(fd_write_all(fd, text, strlen(text)));
    close(fd);
}

static void configure(const char *more)
{
    char text[1024];
    snprintf(text, sizeof text,
             "[http]\nlisten = 127.0.0.1:0\nworkers = 2\n[log]\nfile = log.txt\n"
             "[master]\ndrain_s = 2\n%s",
             more);
    write_text("gatepost.conf", text);
}

static void make_server(struct server *server)
{
    *server = (struct server){.directory = "/tmp/gatepost-life-XXXXXX"};
    assert_non_null(mkdtemp(server->directory));
    assert_int_equal(chdir(server->directory), 0);
    configure("");
}

static void fork_server(struct server *server)
{
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    server->pid = fork();
    if (server->pid == 0) {
        static const struct role_mains mains = {
            {[ROLE_WORKER] = live, [ROLE_STORE] = live, [ROLE_MAILER] = live, [ROLE_ADMIN] = live},
            1};
        struct config_source source = {0};
        dup2(out[1], STDOUT_FILENO);
        _exit(master_run(&source, &mains));
    }
    close(out[1]);
    server->out = out[0];
}

/* Waits for one line. */
static void await_ready(struct server *server)
{
    size_t len = 0;
    while (len == 0 || server->ready[len - 1] != '\n') {
        struct pollfd polled = {.fd = server->out, .events = POLLIN};
        assert_int_equal(poll(&polled, 1, 20000), 1);
        ssize_t got = read(server->out, server->ready + len, sizeof server->ready - 1 - len);
        assert_true(got > 0);
        len += (size_t)got;
    }
}

static void start(struct server *server)
{
    make_server(server);
    fork_server(server);
    await_ready(server);
}

static int await_exit(struct server *server)
{
    int status = 0;
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void remove_server(struct server *server)
{
    char command[128];
    close(server->out);
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", server->directory);
    assert_int_equal(system(command), 0);
}

static void stop(struct server *server)
{
    kill(server->pid, SIGTERM);
    assert_int_equal(await_exit(server), 0);
    remove_server(server);
}

static size_t read_file(const char *path, char *text_out, size_t text_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text_out, text_bytes - 1) : 0;
    if (fd >= 0)
        close(fd);
    text_out[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

static char page[32768];

static const char *status_page(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "var/gatepost.sock"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t len = 0;
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    ssize_t got;
    while ((got = read(fd, page + len, sizeof page - 1 - len)) > 0)
        len += (size_t)got;
    page[len] = '\0';
    close(fd);
    return page;
}

/* The pid that the status page gives for a process that is READY; 0 when there is none. */
static pid_t pid_of(const char *name)
{
    char start_of_line[64];
    char line_text[256];
    snprintf(start_of_line, sizeof start_of_line, "process: %s pid=", name);
    for (const char *line = status_page(); line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        snprintf(line_text, sizeof line_text, "%.*s", (int)strcspn(line, "\n"), line);
        if (strncmp(line, start_of_line, strlen(start_of_line)) == 0 &&
            (strstr(line_text, "state=ready") != NULL || strcmp(name, "master") == 0))
            return (pid_t)strtol(line + strlen(start_of_line), NULL, 10);
    }
    return 0;
}

static bool await_page(const char *text)
{
    mono_ns deadline = clock_mono_ns() + PATIENCE_NS;
    while (strstr(status_page(), text) == NULL) {
        if (clock_mono_ns() > deadline)
            return false;
        usleep(10000);
    }
    return true;
}

static pid_t await_successor(const char *name, pid_t old)
{
    mono_ns deadline = clock_mono_ns() + PATIENCE_NS;
    pid_t pid;
    while ((pid = pid_of(name)) == 0 || pid == old) {
        if (clock_mono_ns() > deadline)
            return 0;
        usleep(5000);
    }
    return pid;
}

static bool log_has(const char *text)
{
    static char log[262144];
    read_file("log.txt", log, sizeof log);
    return strstr(log, text) != NULL;
}

#endif
