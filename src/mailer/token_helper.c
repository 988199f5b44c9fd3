/* The helper's life: wait for a word, run the command with a clean environment and no descriptor of
 * ours, wait for its end by its pidfd, tell. What the command writes beyond the pipe's room stops
 * it; the mailer keeps the time and has it killed, with what it started. */
#include "token_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/proc.h"
#include "gatepost/secret.h"

#define WORDS_MAX 32
#define SOCKET_FD (STDERR_FILENO + 1) /* the one that the helper keeps */
#define LOOK_MS   100                 /* how often a command is looked at that has no pidfd */

struct helper {
    const char *command;
    pid_t pid; /* 0: none runs */
    int pid_fd, out_fd;
};

/* ---- the command ---- */

/* Nothing of ours but where to find programs, and whose home it is: not the mailer's environment,
 * which may hold the password of another relay. */
static pid_t spawn_with(char *const words[], int out_fd, posix_spawn_file_actions_t *actions,
                        posix_spawnattr_t *attributes)
{
    const struct passwd *user = getpwuid(geteuid());
    char home[512];
    char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", home,
        NULL};
    sigset_t all, none;
    pid_t pid = 0;

    snprintf(home, sizeof(home), "HOME=%s", user != NULL ? user->pw_dir : "/");
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(actions, out_fd, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setsigmask(attributes, &none);
    int error = posix_spawn(&pid, words[0], actions, attributes, words, environment);
    errno = error;
    return error == 0 ? pid : -1;
}

static pid_t spawn_command(const char *command, int out_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *words[WORDS_MAX + 1] = {NULL}, *at = NULL;
    char *text = xstrdup(command);
    size_t count = 0;

    for (char *word = strtok_r(text, " ", &at); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &at))
        words[count++] = word;
    BUG_ON(count == 0);
    BUG_ON(posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attributes) != 0);
    pid_t pid = spawn_with(words, out_fd, &actions, &attributes);
    int error = errno;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(text);
    errno = error;
    return pid;
}

/* Returns 0 or an errno. */
static int start_command(struct helper *helper)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return errno;
    /* The command's end blocks, as a program expects. */
    pid_t pid = fcntl(ends[1], F_SETFL, 0) == 0 ? spawn_command(helper->command, ends[1]) : -1;
    int error = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error;
    }
    helper->pid = pid;
    helper->out_fd = ends[0];
    helper->pid_fd = pidfd_open(pid, 0);
    return 0;
}

/* With all that it started. It is reaped later: even a killed process may take its time to go. */
static void kill_command(const struct helper *helper)
{
    if (helper->pid != 0)
        kill(-helper->pid, SIGKILL);
}

/* ---- the helper ---- */

static void tell(struct token_helper_reply *reply)
{
    const size_t len = offsetof(struct token_helper_reply, output) + reply->len;

    (void)!send(SOCKET_FD, reply, len, MSG_NOSIGNAL);
    secret_wipe(reply->output, reply->len);
}

static void look_after_command(struct helper *helper)
{
    struct token_helper_reply reply = {.error = 0};
    int status;

    if (helper->pid == 0 || waitpid(helper->pid, &status, WNOHANG) != helper->pid)
        return;
    ssize_t got = read(helper->out_fd, reply.output, sizeof(reply.output));
    reply.status = status;
    reply.len = got > 0 ? (uint32_t)got : 0;
    if (helper->pid_fd >= 0)
        close(helper->pid_fd);
    close(helper->out_fd);
    helper->pid = 0;
    tell(&reply);
}

static void obey(struct helper *helper)
{
    uint8_t word;
    ssize_t len = recv(SOCKET_FD, &word, sizeof(word), MSG_DONTWAIT);

    if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR)) {
        kill_command(helper); /* the mailer is gone */
        _exit(EXIT_DONE);
    }
    if (len == 1 && word == TOKEN_HELPER_RUN && helper->pid == 0) {
        struct token_helper_reply reply = {.error = start_command(helper)};
        if (reply.error != 0)
            tell(&reply);
    } else if (len == 1 && word == TOKEN_HELPER_KILL) {
        kill_command(helper);
    }
}

_Noreturn static void helper_main(const char *command, int fd)
{
    struct helper helper = {.command = command, .pid_fd = -1, .out_fd = -1};

    if (fd != SOCKET_FD && dup2(fd, SOCKET_FD) < 0)
        _exit(EXIT_FAILED);
    (void)fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
    close_range(SOCKET_FD + 1, ~0U, 0);
    proc_title_set("gatepost: mailer token");
    for (;;) {
        struct pollfd fds[] = {
            {.fd = SOCKET_FD, .events = POLLIN},
            {.fd = helper.pid != 0 ? helper.pid_fd : -1, .events = POLLIN},
        };
        (void)poll(fds, ARRAY_LEN(fds), helper.pid != 0 && helper.pid_fd < 0 ? LOOK_MS : -1);
        look_after_command(&helper);
        obey(&helper);
    }
}

/* ---- the mailer's end ---- */

int token_helper_start(const char *command)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        helper_main(command, ends[1]);
    }
    int error = errno;
    close(ends[1]);
    if (pid < 0)
        close(ends[0]);
    errno = error;
    return pid < 0 ? -1 : ends[0];
}

/* One that is not heard is a helper's that is gone, which token_helper_hear tells. */
void token_helper_say(int fd, enum token_helper_word word)
{
    const uint8_t byte = (uint8_t)word;

    (void)!send(fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_NOSIGNAL);
}

enum token_helper_news token_helper_hear(int fd, struct token_helper_reply *reply_out)
{
    const ssize_t head = (ssize_t)offsetof(struct token_helper_reply, output);
    ssize_t len = recv(fd, reply_out, sizeof(*reply_out), MSG_DONTWAIT);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return TOKEN_HELPER_NOTHING;
    if (len < head || reply_out->len != (size_t)(len - head))
        return TOKEN_HELPER_GONE;
    return TOKEN_HELPER_REPLY;
}
