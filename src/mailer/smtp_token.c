/* Tokens of relays.
 *
 * Story of a command: spawned with a clean environment and no descriptor of ours; its pidfd tells
 * when it has ended; then the first line in its pipe is the token. What it writes beyond the pipe's
 * room stops it, SMTP_TOKEN_COMMAND_S kills it, with what it started. Invariant: at most one
 * runs, and after a failure none for SMTP_TOKEN_PAUSE_S, however many connections ask. */
#include "smtp_token.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 32

struct smtp_token {
    const char *file;
    const char *command;
    int64_t life_s;
    struct secret text; /* with its NUL; len 0: none */
    uint64_t serial;
    mono_ns got_at;
    struct stat seen; /* of the file that text is from */
    pid_t pid;        /* 0: no command runs */
    bool was_killed;
    int pid_fd, out_fd;
    mono_ns deadline;
    mono_ns failed_at; /* 0: the last one came */
    struct err why;
};

struct smtp_token *smtp_token_new(const char *file, const char *command, int64_t life_s)
{
    struct smtp_token *token = xcalloc(1, sizeof(*token));

    token->file = file;
    token->command = command;
    token->life_s = life_s;
    token->pid_fd = token->out_fd = -1;
    return token;
}

static void close_command(struct smtp_token *token)
{
    if (token->pid_fd >= 0)
        close(token->pid_fd);
    close(token->out_fd);
    token->pid_fd = token->out_fd = -1;
    token->pid = 0;
}

/* With all that it started. It is reaped later: even a killed process may take its time to go. */
static void kill_command(struct smtp_token *token)
{
    kill(-token->pid, SIGKILL);
    token->was_killed = true;
}

void smtp_token_free(struct smtp_token **token)
{
    if (*token == NULL)
        return;
    if ((*token)->pid != 0) {
        kill_command(*token);
        (void)waitpid((*token)->pid, NULL, WNOHANG);
        close_command(*token);
    }
    secret_fini(&(*token)->text);
    free(*token);
    *token = NULL;
}

/* The first line, without the white space around it: RFC 6750's b64token, and what else is
 * printable, for issuers are generous. */
static bool take_text(struct smtp_token *token, const char *bytes, size_t len)
{
    char text[SMTP_TOKEN_MAX_BYTES + 1];
    size_t from = 0, to = 0;
    bool good;

    while (to < len && bytes[to] != '\n')
        to++;
    while (from < to && (bytes[from] == ' ' || bytes[from] == '\t'))
        from++;
    while (to > from && (bytes[to - 1] == ' ' || bytes[to - 1] == '\t' || bytes[to - 1] == '\r'))
        to--;
    good = to > from && to - from <= SMTP_TOKEN_MAX_BYTES;
    for (size_t i = from; i < to && good; i++)
        good = bytes[i] > 0x20 && bytes[i] < 0x7f;
    if (!good)
        return false;
    memcpy(text, bytes + from, to - from);
    text[to - from] = '\0';
    secret_fini(&token->text);
    secret_from_bytes(text, to - from + 1, &token->text);
    secret_wipe(text, sizeof(text));
    token->serial++;
    return true;
}

/* ---- a file ---- */

static bool is_as_seen(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A file that changes while it is read looks changed the next time. */
static bool read_file(struct smtp_token *token, const struct stat *found)
{
    struct secret bytes = {0};
    struct err err = {""};

    if (!secret_load(token->file, 1, &bytes, &err)) {
        err_set(&token->why, "token_file: %.400s", err.text);
        return false;
    }
    bool good = take_text(token, (const char *)bytes.bytes, bytes.len);
    secret_fini(&bytes);
    token->seen = *found;
    if (!good)
        err_set(&token->why, "token_file: %.400s: its first line is no token", token->file);
    return good;
}

static enum smtp_token_state look_at_file(struct smtp_token *token)
{
    struct stat found;

    if (stat(token->file, &found) != 0) {
        err_set(&token->why, "token_file: %.400s: %s", token->file, strerror(errno));
        return SMTP_TOKEN_MISSING;
    }
    if (token->text.len > 0 && is_as_seen(&found, &token->seen))
        return SMTP_TOKEN_READY;
    return read_file(token, &found) ? SMTP_TOKEN_READY : SMTP_TOKEN_MISSING;
}

/* ---- a command ---- */

static void fail(struct smtp_token *token, mono_ns now, const char *what)
{
    err_set(&token->why, "token_command: %s", what);
    token->failed_at = now;
}

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

static pid_t spawn_command(const struct smtp_token *token, int out_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *words[WORDS_MAX + 1] = {NULL}, *at = NULL;
    char *text = xstrdup(token->command);
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

static void start_command(struct smtp_token *token, mono_ns now)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        fail(token, now, strerror(errno));
        return;
    }
    /* The command's end blocks, as a program expects. */
    pid_t pid = fcntl(ends[1], F_SETFL, 0) == 0 ? spawn_command(token, ends[1]) : -1;
    int error = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        fail(token, now, strerror(error));
        return;
    }
    token->pid = pid;
    token->was_killed = false;
    token->out_fd = ends[0];
    token->pid_fd = pidfd_open(pid, 0); /* without it the loop's own pace has to do */
    token->deadline = now + SMTP_TOKEN_COMMAND_S * NS_PER_S;
}

static void on_command_end(struct smtp_token *token, int status, mono_ns now)
{
    char bytes[2 * SMTP_TOKEN_MAX_BYTES], what[64];
    ssize_t got = read(token->out_fd, bytes, sizeof(bytes));

    close_command(token);
    if (token->was_killed) {
        fail(token, now, "did not end in time");
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        snprintf(what, sizeof(what), WIFEXITED(status) ? "exit status %d" : "ended by signal %d",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        fail(token, now, what);
    } else if (got <= 0 || !take_text(token, bytes, (size_t)got)) {
        fail(token, now, "the first line of its output is no token");
    } else {
        token->got_at = now;
        token->failed_at = 0;
    }
    secret_wipe(bytes, sizeof(bytes));
}

static void look_after_command(struct smtp_token *token, mono_ns now)
{
    int status = 0;

    if (waitpid(token->pid, &status, WNOHANG) == token->pid)
        on_command_end(token, status, now);
    else if (now >= token->deadline)
        kill_command(token);
}

static bool is_paused(const struct smtp_token *token, mono_ns now)
{
    return token->failed_at != 0 && now < token->failed_at + SMTP_TOKEN_PAUSE_S * NS_PER_S;
}

static enum smtp_token_state look_at_command(struct smtp_token *token, mono_ns now)
{
    if (token->pid != 0)
        look_after_command(token, now);
    if (token->pid == 0 && !is_paused(token, now) &&
        (token->text.len == 0 || now >= token->got_at + (mono_ns)token->life_s * NS_PER_S))
        start_command(token, now);
    if (token->pid != 0)
        return SMTP_TOKEN_COMING;
    /* One that is older than it should be may still be taken; if not, it is refused. */
    return token->text.len > 0 ? SMTP_TOKEN_READY : SMTP_TOKEN_MISSING;
}

enum smtp_token_state smtp_token_look(struct smtp_token *token, mono_ns now, const char **text_out,
                                      uint64_t *serial_out, struct err *why)
{
    enum smtp_token_state state =
        token->file[0] != '\0' ? look_at_file(token) : look_at_command(token, now);

    if (state == SMTP_TOKEN_READY) {
        *text_out = (const char *)token->text.bytes;
        *serial_out = token->serial;
    } else if (state == SMTP_TOKEN_MISSING) {
        *why = token->why;
    }
    return state;
}

/* Several connections may show the same one and be refused one after another. */
void smtp_token_refused(struct smtp_token *token, uint64_t serial)
{
    if (serial == token->serial)
        secret_fini(&token->text);
}

int smtp_token_fd(const struct smtp_token *token)
{
    return token->pid_fd;
}
