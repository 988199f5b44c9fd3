/* `gatepost status`: the running server's status page, as it is; --json: as one object; --watch: a
 * live screen, or, where standard output is no terminal, a page each second.
 *
 * The page is the one thing that the master tells; everything here is made from its lines. */
#include "status.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"
#include "gatepost/clock.h"
#include "gatepost/proc.h"
#include "running.h"

#define EVERY_MS 1000
#define ENTER    "\x1b[?1049h\x1b[?25l" /* another screen, no cursor */
#define LEAVE    "\x1b[?25h\x1b[?1049l"
#define HOME     "\x1b[H"
#define CLEAR    "\x1b[J"

static const char USAGE[] =
    "usage: gatepost status [--watch] [--json] [-c FILE] [-o section.key=value]...\n\n"
    "  --watch  a screen that is drawn anew each second, until q; where standard output is no\n"
    "           terminal, a page each second\n"
    "  --json   the page as one object\n\n"
    "  What each line says: docs/watch.md. With a wrong configuration the server is looked for by\n"
    "  what can be read of it.\n"
    "  Exit codes: 0 done, 1 the server does not answer, 2 wrong words, 3 no server, 10 no "
    "server,\n"
    "  and the configuration is wrong.\n";

struct words {
    bool watch;
    bool json;
};

static bool read_words(const char *const *words, size_t count, struct words *words_out)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], "--watch") == 0)
            words_out->watch = true;
        else if (strcmp(words[i], "--json") == 0)
            words_out->json = true;
        else
            return false;
    }
    return true;
}

static bool print_page(const char *page, bool json)
{
    if (json) {
        struct json_writer *writer = json_writer_new();
        status_write_json(page, writer);
        const struct slice text = json_writer_text(writer);
        (void)fwrite(text.at, 1, text.len, stdout);
        (void)fputc('\n', stdout);
        json_writer_free(&writer);
    } else {
        (void)fputs(page, stdout);
    }
    return fflush(stdout) == 0;
}

/* ---- --watch ------------------------------------------------------------------------------------
 */

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
    (void)number;
    told_to_end = 1;
}

static void catch_signals(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: poll is to end */

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        sigaction(ends[i], &action, NULL);
    action.sa_handler = SIG_IGN; /* whoever reads us has gone: fflush says so */
    sigaction(SIGPIPE, &action, NULL);
}

/* Single keys, not shown. Returns false when standard input is no terminal. */
static bool begin_keys(struct termios *before_out)
{
    struct termios keys;

    if (tcgetattr(STDIN_FILENO, before_out) != 0)
        return false;
    keys = *before_out;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    return tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

/* Returns true when it is to end: a signal, or q. */
static bool wait_for_the_next(bool keys)
{
    struct pollfd key = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};
    const mono_ns until = clock_mono_ns() + EVERY_MS * NS_PER_MS;
    char c;

    for (mono_ns now; !told_to_end && (now = clock_mono_ns()) < until;) {
        const int left_ms = (int)((until - now) / NS_PER_MS) + 1;
        if (poll(&key, 1, left_ms) != 1)
            continue;
        if (read(STDIN_FILENO, &c, 1) != 1)
            key.fd = -1; /* it was closed */
        else if (c == 'q' || c == 'Q')
            return true;
    }
    return told_to_end != 0;
}

static bool draw(const char *page)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    (void)fputs(HOME, stdout);
    status_draw(page, size.ws_col > 0 ? size.ws_col : 80, size.ws_row > 0 ? size.ws_row : 24,
                stdout);
    (void)fputs(CLEAR, stdout);
    return fflush(stdout) == 0;
}

/* Ends with the server, with its reader, or when it is told to. */
static int watch(const struct running *running, const struct words *words)
{
    const bool screen = !words->json && isatty(STDOUT_FILENO) == 1;
    struct termios before;
    const bool keys = screen && begin_keys(&before);
    struct err err = {0};
    int code = EXIT_DONE;

    catch_signals();
    if (screen)
        (void)fputs(ENTER, stdout);
    do {
        char *page = NULL;
        if (!running_read_page(running, &page, &err)) {
            code = running_still(running) ? EXIT_FAILED : CLI_NOT_RUNNING;
            break;
        }
        const bool heard = screen ? draw(page) : print_page(page, words->json);
        free(page);
        if (!heard)
            break;
    } while (!wait_for_the_next(keys));
    if (screen) {
        (void)fputs(LEAVE, stdout);
        (void)fflush(stdout);
    }
    if (keys)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    if (code == CLI_NOT_RUNNING)
        (void)fprintf(stderr, "gatepost: the server has ended\n");
    else if (code != EXIT_DONE)
        (void)fprintf(stderr, "gatepost: pid %d runs, but %s\n", (int)running->pid, err.text);
    return code;
}

/* ---- once ---------------------------------------------------------------------------------------
 */

static int once(const struct running *running, const struct words *words)
{
    struct err err = {0};
    char *page = NULL;

    if (!running_read_page(running, &page, &err)) {
        (void)fprintf(stderr, "gatepost: pid %d runs, but %s\n", (int)running->pid, err.text);
        return EXIT_FAILED;
    }
    const bool heard = print_page(page, words->json);
    free(page);
    return heard ? EXIT_DONE : EXIT_FAILED;
}

int cli_status(const struct config_source *source, const char *const *said, size_t count)
{
    struct running running = {0};
    struct words words = {0};

    if (!read_words(said, count, &words)) {
        cli_status_usage(stderr);
        return EXIT_USAGE;
    }
    int code = running_find_anyhow(source, &running);
    if (code != EXIT_DONE)
        return code;
    code = words.watch ? watch(&running, &words) : once(&running, &words);
    running_fini(&running);
    return code;
}

void cli_status_usage(FILE *to)
{
    (void)fputs(USAGE, to);
}
