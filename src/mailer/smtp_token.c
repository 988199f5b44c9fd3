/* Tokens of relays.
 *
 * Story of a command: the helper (token_helper.h) is told to run it; when its reply comes, the
 * first line of the output is the token. SMTP_TOKEN_COMMAND_S has it killed. Invariant: at most one
 * runs, and after a failure none for SMTP_TOKEN_PAUSE_S, however many connections ask. */
#include "smtp_token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/log.h"
#include "gatepost/proc.h"

#include "token_helper.h"

struct smtp_token {
    const char *file;
    const char *command;
    int64_t life_s;
    struct secret text; /* with its NUL; len 0: none */
    uint64_t serial;
    mono_ns got_at;
    struct stat seen; /* of the file that text is from */
    int helper_fd;    /* -1: no command */
    bool is_running;  /* a reply is to come */
    bool was_killed;
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
    token->helper_fd = command[0] != '\0' ? token_helper_start(command) : -1;
    if (command[0] != '\0' && token->helper_fd < 0)
        die(EXIT_MAIL_SETUP, "smtp.token_command: no process to run it: %s", strerror(errno));
    return token;
}

void smtp_token_free(struct smtp_token **token)
{
    if (*token == NULL)
        return;
    if ((*token)->helper_fd >= 0)
        close((*token)->helper_fd); /* which ends the helper, and what it runs */
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

static void on_command_end(struct smtp_token *token, const struct token_helper_reply *reply,
                           mono_ns now)
{
    const int status = reply->status;
    char what[64];

    token->is_running = false;
    if (reply->error != 0) {
        fail(token, now, strerror(reply->error));
    } else if (token->was_killed) {
        fail(token, now, "did not end in time");
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        snprintf(what, sizeof(what), WIFEXITED(status) ? "exit status %d" : "ended by signal %d",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        fail(token, now, what);
    } else if (!take_text(token, reply->output, reply->len)) {
        fail(token, now, "the first line of its output is no token");
    } else {
        token->got_at = now;
        token->failed_at = 0;
    }
}

static void start_command(struct smtp_token *token, mono_ns now)
{
    token_helper_say(token->helper_fd, TOKEN_HELPER_RUN);
    token->is_running = true;
    token->was_killed = false;
    token->deadline = now + SMTP_TOKEN_COMMAND_S * NS_PER_S;
}

static void look_after_command(struct smtp_token *token, mono_ns now)
{
    struct token_helper_reply reply;

    switch (token_helper_hear(token->helper_fd, &reply)) {
    case TOKEN_HELPER_NOTHING:
        if (now >= token->deadline) {
            token_helper_say(token->helper_fd, TOKEN_HELPER_KILL);
            token->was_killed = true;
        }
        return;
    case TOKEN_HELPER_REPLY:
        on_command_end(token, &reply, now);
        secret_wipe(reply.output, reply.len);
        return;
    case TOKEN_HELPER_GONE: /* a mailer makes its helper at its start alone: there will be another
                             */
        die(EXIT_FAILED, "the process that runs smtp.token_command is gone");
    }
}

static bool is_paused(const struct smtp_token *token, mono_ns now)
{
    return token->failed_at != 0 && now < token->failed_at + SMTP_TOKEN_PAUSE_S * NS_PER_S;
}

static enum smtp_token_state look_at_command(struct smtp_token *token, mono_ns now)
{
    if (token->is_running)
        look_after_command(token, now);
    if (!token->is_running && !is_paused(token, now) &&
        (token->text.len == 0 || now >= token->got_at + (mono_ns)token->life_s * NS_PER_S))
        start_command(token, now);
    if (token->is_running)
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
    return token->is_running ? token->helper_fd : -1;
}
