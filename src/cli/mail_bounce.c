/* `gatepost mail bounce < message`: a report, from an MTA's pipe to the running server.
 *
 * Story: the message from standard input, in the form that LMTP wants it, then one LMTP session
 * with mail.bounce_socket. The exit code is the MTA's language (sysexits.h, which Postfix's pipe(8)
 * and Exim's pipe transport read): 0 taken, 75 try again (whatever an operator can mend, so that no
 * report is lost for it), 67 no address of ours, 65 the message is none that could be taken. */
#include "mail.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "gatepost/email.h"

#define MESSAGE_MAX_BYTES 262144 /* as the server's */
#define REPLY_MAX_BYTES   4096
#define WAIT_MS           60000

/* ---- the message ---------------------------------------------------------------------------- */

/* All of standard input. False: it is longer than a report may be, or cannot be read. */
static bool read_input(char *bytes_out, size_t max, size_t *len_out)
{
    size_t len = 0;

    for (;;) {
        ssize_t got = read(STDIN_FILENO, bytes_out + len, max - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            *len_out = len;
            return got == 0;
        }
        len += (size_t)got;
        if (len == max)
            return false;
    }
}

/* Pipes have LF alone, and some a "From " line in front (mbox). LMTP has CRLF, a dot before each
 * dot that begins a line, and one alone at the end. Returns the length; at most three times what it
 * was, and six. */
static size_t write_for_lmtp(struct slice message, char *out)
{
    char *start = out;
    bool at_line_start = true;

    if (message.len > 5 && memcmp(message.at, "From ", 5) == 0) {
        const char *end = memchr(message.at, '\n', message.len);
        size_t skipped = end != NULL ? (size_t)(end - message.at) + 1 : message.len;
        message = slice_of(message.at + skipped, message.len - skipped);
    }
    for (size_t i = 0; i < message.len; i++) {
        char byte = message.at[i];
        if (at_line_start && byte == '.')
            *out++ = '.';
        if (byte == '\n' && (i == 0 || message.at[i - 1] != '\r'))
            *out++ = '\r';
        *out++ = byte;
        at_line_start = byte == '\n';
    }
    if (!at_line_start) {
        memcpy(out, "\r\n", 2);
        out += 2;
    }
    memcpy(out, ".\r\n", 3);
    return (size_t)(out - start) + 3;
}

/* ---- the session ---------------------------------------------------------------------------- */

struct session {
    int fd;
    size_t len;
    char in[REPLY_MAX_BYTES]; /* what came and is not a whole reply */
    char said[256];           /* the last line of the last reply */
};

static bool session_open(struct session *session, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *session = (struct session){.fd = -1};
    if (!slice_to_text(slice_of_text(path), address.sun_path, sizeof(address.sun_path))) {
        errno = ENAMETOOLONG;
        return false;
    }
    session->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return session->fd >= 0 &&
           connect(session->fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

/* One line without its end into `said`. False: none came in time, or it has no end. */
static bool read_line(struct session *session)
{
    for (;;) {
        const char *end = memchr(session->in, '\n', session->len);
        if (end != NULL) {
            size_t taken = (size_t)(end - session->in) + 1;
            size_t kept = taken - 1;
            if (kept > 0 && session->in[kept - 1] == '\r')
                kept--;
            snprintf(session->said, sizeof(session->said), "%.*s", (int)kept, session->in);
            session->len -= taken;
            memmove(session->in, session->in + taken, session->len);
            return true;
        }
        struct pollfd polled = {.fd = session->fd, .events = POLLIN};
        if (session->len == sizeof(session->in) || poll(&polled, 1, WAIT_MS) != 1)
            return false;
        ssize_t got =
            read(session->fd, session->in + session->len, sizeof(session->in) - session->len);
        if (got <= 0)
            return false;
        session->len += (size_t)got;
    }
}

/* The code of the next reply; 0 when the server is gone. */
static int read_reply(struct session *session)
{
    do {
        if (!read_line(session))
            return 0;
    } while (strlen(session->said) > 3 && session->said[3] == '-');
    return (int)strtol(session->said, NULL, 10);
}

static bool send_all(const struct session *session, const char *bytes, size_t len)
{
    while (len > 0) {
        struct pollfd polled = {.fd = session->fd, .events = POLLOUT};
        if (poll(&polled, 1, WAIT_MS) != 1)
            return false;
        ssize_t sent = send(session->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        bytes += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static int command(struct session *session, const char *format, ...) PRINTF_LIKE(2, 3);

static int command(struct session *session, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(line) || !send_all(session, line, (size_t)len))
        return 0;
    return read_reply(session);
}

/* Greeting to the answer to the dot; the code that ended it. *at_rcpt_out: that was RCPT's. */
static int hand_over(struct session *session, const char *to, const char *message, size_t len,
                     bool *at_rcpt_out)
{
    int code = read_reply(session);

    *at_rcpt_out = false;
    if (code == 220)
        code = command(session, "LHLO localhost\r\n");
    if (code == 250)
        code = command(session, "MAIL FROM:<>\r\n");
    if (code == 250) {
        code = command(session, "RCPT TO:<%s>\r\n", to);
        *at_rcpt_out = code != 250;
    }
    if (code == 250)
        code = command(session, "DATA\r\n");
    if (code == 354)
        code = send_all(session, message, len) ? read_reply(session) : 0;
    if (code == 250)
        (void)send_all(session, "QUIT\r\n", 6);
    return code;
}

static int exit_code_of(int code, bool at_rcpt)
{
    if (code == 250)
        return EX_OK;
    if (code >= 500 && code < 600)
        return at_rcpt ? EX_NOUSER : EX_DATAERR;
    return EX_TEMPFAIL;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int fail(int code, const char *format, ...) PRINTF_LIKE(2, 3);

static int fail(int code, const char *format, ...)
{
    va_list args;

    (void)fputs("gatepost: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return code;
}

/* Nothing that could become a second command. What is no address of ours the server says. */
static bool is_presentable(const char *address)
{
    for (const char *at = address; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '<' || *at == '>')
            return false;
    }
    return address[0] != '\0' && strlen(address) <= EMAIL_MAX_BYTES;
}

static int bounce(const struct config *config, const char *to, struct slice message)
{
    const char *path = config->mail_bounce_socket;
    char *text = xcalloc(1, 3 * message.len + 6);
    size_t len = write_for_lmtp(message, text);
    struct session session;
    bool at_rcpt = false;
    int code;

    if (session_open(&session, path)) {
        int reply = hand_over(&session, to, text, len, &at_rcpt);
        code = exit_code_of(reply, at_rcpt);
        if (reply == 0)
            (void)fail(code, "%s: the server went away", path);
        else if (code != EX_OK)
            (void)fail(code, "the server said: %s", session.said);
    } else {
        code = fail(EX_TEMPFAIL, "%s: %s", path, strerror(errno));
    }
    if (session.fd >= 0)
        close(session.fd);
    free(text);
    return code;
}

int cli_mail_bounce(struct mail_order *order)
{
    const char *to = has_mail_option(order, MAIL_OPTION_TO) ? order->options[MAIL_OPTION_TO]
                                                            : order->config->mail_from;
    char *bytes = xcalloc(1, MESSAGE_MAX_BYTES + 1);
    size_t len = 0;
    int code;

    if (!config_takes_reports(order->config))
        code = fail(EX_TEMPFAIL, "mail.bounce_socket is no: no reports are taken");
    else if (!is_presentable(to))
        code = fail(EX_NOUSER, "--to is no address of this server's letters");
    else if (!read_input(bytes, MESSAGE_MAX_BYTES + 1, &len) || len == 0)
        code = fail(EX_DATAERR, "standard input holds no message of at most %d bytes",
                    MESSAGE_MAX_BYTES);
    else
        code = bounce(order->config, to, slice_of(bytes, len));
    free(bytes);
    return code;
}
