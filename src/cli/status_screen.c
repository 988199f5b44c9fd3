/* One screen for a person: load, latencies, processes, queues, what needs attention. Values are
 * found by key and name on the page's lines; what an older server does not tell is shown as "-". */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "running.h"
#include "status.h"
#include "terminal.h"

#define VALUE_BYTES 64
#define LINE_BYTES  512
#define ERASE       "\x1b[K"
#define BOLD        "\x1b[1m"
#define RED         "\x1b[31m"
#define PLAIN       "\x1b[0m"

struct screen {
    FILE *to;
    unsigned columns;
    unsigned rows_left;
    const char *page;
};

static void put(struct screen *screen, const char *style, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* One line, cut at the screen's edge; nothing below its last row. */
static void put(struct screen *screen, const char *style, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;

    if (screen->rows_left == 0)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    char *shown = terminal_text(slice_of_text(line));
    size_t len = strlen(shown);
    while (len > 0 && terminal_width(shown) > screen->columns) {
        do {
            len--;
        } while (len > 0 && ((uint8_t)shown[len] & 0xc0) == 0x80); /* whole characters */
        shown[len] = '\0';
    }
    screen->rows_left--;
    (void)fprintf(screen->to, "%s%s%s" ERASE "%s", style, shown, style[0] != '\0' ? PLAIN : "",
                  screen->rows_left > 0 ? "\n" : "");
    free(shown);
}

/* ---- what the page says -------------------------------------------------------------------------
 */

/* Where the value of " name=" begins in a line's text, up to its end or the next blank. */
static const char *member_of(const char *text, const char *name, char value_out[VALUE_BYTES])
{
    const size_t len = strlen(name);

    (void)snprintf(value_out, VALUE_BYTES, "-");
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += len) {
        if ((at == text || at[-1] == ' ') && at[len] == '=') {
            at += len + 1;
            (void)snprintf(value_out, VALUE_BYTES, "%.*s", (int)strcspn(at, " \n"), at);
            break;
        }
    }
    return value_out;
}

static const char *value_of(const struct screen *screen, const char *key,
                            char value_out[VALUE_BYTES])
{
    if (!page_find(screen->page, key, value_out, VALUE_BYTES))
        (void)snprintf(value_out, VALUE_BYTES, "-");
    return value_out;
}

/* A member of the first line of that key. */
static const char *member(const struct screen *screen, const char *key, const char *name,
                          char value_out[VALUE_BYTES])
{
    char line[LINE_BYTES];

    if (!page_find(screen->page, key, line, sizeof(line)))
        line[0] = '\0';
    return member_of(line, name, value_out);
}

/* Calls back with each line of that key, without it. */
static void each(struct screen *screen, const char *key,
                 void (*on_line)(struct screen *screen, const char *line))
{
    const size_t key_len = strlen(key);

    for (const char *at = screen->page; *at != '\0';) {
        const size_t len = strcspn(at, "\n");
        char line[LINE_BYTES];
        if (len > key_len + 2 && memcmp(at, key, key_len) == 0 &&
            memcmp(at + key_len, ": ", 2) == 0) {
            (void)snprintf(line, sizeof(line), "%.*s", (int)(len - key_len - 2), at + key_len + 2);
            on_line(screen, line);
        }
        at += len + (at[len] == '\n');
    }
}

static void age_text(const char *seconds_text, char text_out[VALUE_BYTES])
{
    const uint64_t s = strtoull(seconds_text, NULL, 10);

    if (s >= 86400)
        (void)snprintf(text_out, VALUE_BYTES, "%" PRIu64 "d %02" PRIu64 "h", s / 86400,
                       s / 3600 % 24);
    else if (s >= 3600)
        (void)snprintf(text_out, VALUE_BYTES, "%" PRIu64 "h %02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        (void)snprintf(text_out, VALUE_BYTES, "%" PRIu64 "m %02" PRIu64 "s", s / 60, s % 60);
}

static void memory_text(const char *kib_text, char text_out[VALUE_BYTES])
{
    if (kib_text[0] < '0' || kib_text[0] > '9')
        (void)snprintf(text_out, VALUE_BYTES, "-");
    else
        (void)snprintf(text_out, VALUE_BYTES, "%.1f MiB",
                       (double)strtoull(kib_text, NULL, 10) / 1024);
}

/* ---- the screen's parts -------------------------------------------------------------------------
 */

static void draw_head(struct screen *screen)
{
    char version[VALUE_BYTES], state[VALUE_BYTES], uptime[VALUE_BYTES], age[VALUE_BYTES];
    char pid[VALUE_BYTES], users[VALUE_BYTES], generation[VALUE_BYTES], disk[VALUE_BYTES];
    char reload[LINE_BYTES / 2];

    age_text(value_of(screen, "uptime_s", uptime), age);
    put(screen, strcmp(value_of(screen, "state", state), "serving") == 0 ? BOLD : RED,
        "gatepost %s  %s  up %s  pid %s", value_of(screen, "version", version), state, age,
        value_of(screen, "pid", pid));
    if (!page_find(screen->page, "reload", reload, sizeof(reload)))
        reload[0] = '\0';
    put(screen, "", "%s accounts  configuration %s  reload %s", value_of(screen, "users", users),
        value_of(screen, "generation", generation), reload);
    value_of(screen, "disk", disk);
    char free_mib[VALUE_BYTES], certificate[VALUE_BYTES];
    put(screen, strcmp(disk, "enough") == 0 ? "" : RED, "disk %s, %s MiB free  certificate %s",
        disk, value_of(screen, "disk_free_mib", free_mib),
        value_of(screen, "certificate", certificate));
}

static void draw_rates(struct screen *screen)
{
    static const char *const names[] = {"requests", "signups", "logins", "letters"};
    char ten[VALUE_BYTES], sixty[VALUE_BYTES];

    put(screen, "", "%s", "");
    put(screen, BOLD, "%-14s %10s %10s", "a second", "10 s", "60 s");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        put(screen, "", "%-14s %10s %10s", names[i], member(screen, "rates_10s", names[i], ten),
            member(screen, "rates_60s", names[i], sixty));
}

static void draw_latency(struct screen *screen, const char *line)
{
    char count[VALUE_BYTES], half[VALUE_BYTES], most[VALUE_BYTES];

    put(screen, "", "%-14.*s %10s %10s %10s", (int)strcspn(line, " "), line,
        member_of(line, "p50_ms", half), member_of(line, "p99_ms", most),
        member_of(line, "count", count));
}

static const char *memory_of(const struct screen *screen, const char *pid,
                             char text_out[VALUE_BYTES], char fds_out[VALUE_BYTES])
{
    char pattern[VALUE_BYTES + 8], kib[VALUE_BYTES];

    (void)snprintf(text_out, VALUE_BYTES, "-");
    (void)snprintf(fds_out, VALUE_BYTES, "-");
    (void)snprintf(pattern, sizeof(pattern), " pid=%s ", pid);
    for (const char *at = screen->page; (at = strstr(at, "\nmemory: ")) != NULL; at++) {
        char line[LINE_BYTES];
        (void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
        if (strstr(line, pattern) == NULL)
            continue;
        memory_text(member_of(line, "pss_kib", kib), text_out);
        (void)member_of(line, "fds", fds_out);
    }
    return text_out;
}

static void draw_process(struct screen *screen, const char *line)
{
    char pid[VALUE_BYTES], age[VALUE_BYTES], age_s[VALUE_BYTES], state[VALUE_BYTES];
    char phase[VALUE_BYTES], memory[VALUE_BYTES], fds[VALUE_BYTES];

    member_of(line, "pid", pid);
    age_text(member_of(line, "age_s", age_s), age);
    memory_of(screen, pid, memory, fds);
    member_of(line, "state", state);
    put(screen, strcmp(state, "stuck") == 0 ? RED : "", "%-14.*s %8s %9s %10s %6s  %s %s",
        (int)strcspn(line, " "), line, pid, age, memory, fds, state,
        member_of(line, "phase", phase));
}

static void draw_processes(struct screen *screen)
{
    char total[VALUE_BYTES], kib[VALUE_BYTES];

    memory_text(member(screen, "memory_total", "pss_kib", kib), total);
    put(screen, "", "%s", "");
    put(screen, BOLD, "%-14s %8s %9s %10s %6s  all: %s", "process", "pid", "age", "memory", "files",
        total);
    each(screen, "process", draw_process);
}

static void draw_queues(struct screen *screen)
{
    char open[VALUE_BYTES], unanswered[VALUE_BYTES], waiting[VALUE_BYTES], computing[VALUE_BYTES];
    char line[VALUE_BYTES], fullest[VALUE_BYTES];
    char mail[LINE_BYTES / 2], due[LINE_BYTES / 2];

    put(screen, "", "%s", "");
    put(screen, BOLD, "queues");
    put(screen, "", "connections %s, requests at work %s, hashes waiting %s, in computation %s",
        member(screen, "connections", "open", open),
        member(screen, "connections", "unanswered", unanswered),
        member(screen, "hash_queue", "waiting", waiting),
        member(screen, "hash_queue", "computing", computing));
    put(screen, "", "store: %s writes in line, fullest lane %s",
        value_of(screen, "store_line", line), member(screen, "lanes", "fullest", fullest));
    if (page_find(screen->page, "mail", mail, sizeof(mail)))
        put(screen, strncmp(mail, "paused", 6) == 0 ? RED : "", "mail: %s", mail);
    if (page_find(screen->page, "letters_due", due, sizeof(due)))
        put(screen, "", "letters due: %s", due);
}

static void draw_restarts(struct screen *screen, const char *line)
{
    static const char *const names[] = {"signal", "exit", "stuck"};
    char value[VALUE_BYTES];
    bool any = false;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        any |= strcmp(member_of(line, names[i], value), "0") != 0;
    if (any)
        put(screen, RED, "ended: %s", line);
}

static void draw_last(struct screen *screen, const char *line)
{
    put(screen, strstr(line, " error ") != NULL ? RED : "", "%s", line);
}

void status_draw(const char *page, unsigned columns, unsigned rows, FILE *to)
{
    struct screen screen = {.to = to, .columns = columns, .rows_left = rows, .page = page};
    char attention[LINE_BYTES / 2];

    draw_head(&screen);
    draw_rates(&screen);
    put(&screen, "", "%s", "");
    put(&screen, BOLD, "%-14s %10s %10s %10s", "ms, last 60 s", "p50", "p99", "count");
    each(&screen, "latency_60s", draw_latency);
    draw_processes(&screen);
    draw_queues(&screen);
    put(&screen, "", "%s", "");
    if (page_find(page, "attention", attention, sizeof(attention)))
        put(&screen, BOLD, "log: %s   (q ends)", attention);
    each(&screen, "restarts", draw_restarts);
    each(&screen, "last", draw_last);
}
