/* Log lines: formatted on the stack, escaped, written by one write(2) to descriptor 2. This file
 * makes the text; json_line.c makes JSON from the same.
 *
 * Invariant: whatever stands in the arguments, one call makes one line. A full pipe or disk drops
 * the line and counts it; nothing here waits for a reader. */
#include "gatepost/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatepost/clock.h"
#include "gatepost/encoding.h"
#include "line.h"

static struct {
    const char *name;
    enum log_level level;
    bool json;
    void (*on_line)(enum log_level level, struct slice line);
    uint64_t dropped; /* touched by __atomic builtins: threads log too */
} process_log = {.name = "gatepost", .level = LOG_LEVEL_INFO};

void log_init(const char *name, enum log_level level)
{
    process_log.name = name;
    process_log.level = level;
}

void log_set_level(enum log_level level)
{
    process_log.level = level;
}

/* What base tells before it aborts; as text it says so itself. */
static void tell_bug(const char *file, int line, const char *condition)
{
    char text[256];

    log_error("bug.found", "file=%s line=%d condition=%s", file, line,
              log_quoted(slice_of_text(condition), text, sizeof(text)));
}

void log_use_json(bool json)
{
    process_log.json = json;
    bug_report = json ? tell_bug : NULL;
}

static _Thread_local const char *about = "";

void log_about(const char *request_id)
{
    about = request_id;
}

void log_watch(void (*on_line)(enum log_level level, struct slice line))
{
    process_log.on_line = on_line;
}

uint64_t log_dropped(void)
{
    return __atomic_load_n(&process_log.dropped, __ATOMIC_RELAXED);
}

size_t log_plain_len(struct slice text)
{
    uint8_t first = (uint8_t)text.at[0];

    if (first < 0x80)
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    for (size_t len = 2; len <= 4 && len <= text.len; len++) {
        struct slice character = slice_of(text.at, len);
        if (!utf8_valid(character))
            continue;
        uint32_t point = utf8_next(&character);
        /* C1 controls, line and paragraph separators, and what turns text around on a terminal */
        bool harmful = point < 0xa0 || (point >= 0x2028 && point <= 0x202e) ||
                       (point >= 0x2066 && point <= 0x2069);
        return harmful ? 0 : len;
    }
    return 0;
}

static size_t escape(struct slice text, char *out, size_t out_bytes)
{
    size_t written = 0;

    while (text.len > 0) {
        size_t len = log_plain_len(text);
        size_t needed = len > 0 ? len : 4;

        if (written + needed > out_bytes)
            break;
        if (len > 0)
            memcpy(out + written, text.at, len);
        else
            snprintf(out + written, 5, "\\x%02x", (uint8_t)text.at[0]);
        written += needed;
        len = len > 0 ? len : 1;
        text.at += len;
        text.len -= len;
    }
    return written;
}

/* A blocking descriptor 2 (a terminal, a pipe of the caller's) must not hold the process up. */
static bool can_write_now(void)
{
    struct pollfd descriptor = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&descriptor, 1, 0) == 1 && (descriptor.revents & POLLOUT) != 0;
}

/* The text form, without its end. */
static size_t text_line(const struct log_parts *parts, char line_out[LOG_LINE_MAX_BYTES + 8])
{
    int head =
        snprintf(line_out, LOG_LINE_MAX_BYTES, "%s %s %s %ld %s%s", parts->when, parts->level,
                 parts->process, parts->pid, parts->event, parts->fields.len > 0 ? " " : "");
    size_t len = head < 0 ? 0 : (size_t)head;
    char tail[REQUEST_ID_BYTES + 16] = "";
    if (parts->about[0] != '\0')
        snprintf(tail, sizeof(tail), " request=%s", parts->about);
    const size_t tail_len = strlen(tail);
    const size_t room = LOG_LINE_MAX_BYTES - len - sizeof("...\n") - tail_len;

    len += escape(parts->fields, line_out + len, room);
    if (parts->is_cut || len + 4 + tail_len >= LOG_LINE_MAX_BYTES - sizeof("...\n")) {
        memcpy(line_out + len, "...", 3);
        len += 3;
    }
    memcpy(line_out + len, tail, tail_len);
    return len + tail_len;
}

static void write_line(const char *line, size_t len)
{
    int saved_errno = errno;

    if (!can_write_now() || write(STDERR_FILENO, line, len) != (ssize_t)len)
        __atomic_add_fetch(&process_log.dropped, 1, __ATOMIC_RELAXED);
    errno = saved_errno;
}

static void tell(enum log_level level, const struct log_parts *parts)
{
    char line[LOG_LINE_MAX_BYTES + 8]; /* snprintf's NUL after an escape, and the newline */
    const bool is_watched = process_log.on_line != NULL && level <= LOG_LEVEL_WARNING;
    size_t len = process_log.json && !is_watched ? 0 : text_line(parts, line);

    if (is_watched)
        process_log.on_line(level, slice_of(line, len));
    if (process_log.json) {
        char object[LOG_JSON_MAX_BYTES];
        write_line(object, log_json_line(parts, object));
        return;
    }
    line[len++] = '\n';
    write_line(line, len);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char fields[LOG_LINE_MAX_BYTES];
    char when[CLOCK_ISO_BYTES];
    va_list args;

    if (level > process_log.level)
        return;
    va_start(args, format);
    int len = vsnprintf(fields, sizeof(fields), format, args);
    va_end(args);
    const bool is_cut = len >= (int)sizeof(fields);
    const size_t kept = len < 0 ? 0 : is_cut ? sizeof(fields) - 1 : (size_t)len;

    clock_iso(clock_wall_ms(), when);
    tell(level, &(struct log_parts){.when = when,
                                    .level = names[level],
                                    .process = process_log.name,
                                    .pid = (long)getpid(),
                                    .event = event,
                                    .about = about,
                                    .format = format,
                                    .fields = slice_of(fields, kept),
                                    .is_cut = is_cut});
}

const char *log_quoted(struct slice value, char *text_out, size_t text_bytes)
{
    size_t written = 0;

    BUG_ON(text_bytes < 3);
    text_out[written++] = '"';
    for (size_t i = 0; i < value.len; i++) {
        bool special = value.at[i] == '"' || value.at[i] == '\\';

        /* NUL would end the %s that prints this; the rest log_event escapes */
        char c = value.at[i] == '\0' ? ' ' : value.at[i];
        if (written + (special ? 2 : 1) + 2 > text_bytes)
            break;
        if (special)
            text_out[written++] = '\\';
        text_out[written++] = c;
    }
    text_out[written++] = '"';
    text_out[written] = '\0';
    return text_out;
}

_Noreturn void die(int exit_code, const char *format, ...)
{
    char sentence[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    log_event(LOG_LEVEL_ERROR, "process.failed", "exit=%d %s", exit_code, sentence);
    exit(exit_code);
}
