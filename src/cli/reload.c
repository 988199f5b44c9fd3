/* `gatepost reload`: HUP to the server, then wait for what became of it.
 *
 * The status page counts reloads begun and done. One that began after this command looked at the
 * page read the configuration as it is now, whoever asked for it, so its outcome is the answer. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/clock.h"
#include "gatepost/proc.h"
#include "running.h"

#define POLL_MS 50
/* Beyond master.drain_s, for which a reload may have to wait for seats: two starts of everything.
 */
#define LIMIT_S 90

struct outcome {
    uint64_t begun;
    uint64_t done;
    char text[700]; /* "3 ok 2026-11-23T15:20:01.123Z" */
};

static bool read_outcome(const struct running *running, struct outcome *outcome_out,
                         struct err *err)
{
    char *page = NULL;
    char begun[32];
    struct outcome outcome = {0};
    if (!running_read_page(running, &page, err))
        return false;
    bool ok = page_find(page, "reloads_begun", begun, sizeof begun) &&
              page_find(page, "reload", outcome.text, sizeof outcome.text);
    free(page);
    if (!ok) {
        err_set(err, "the status page does not speak of reloads");
        return false;
    }
    outcome.begun = strtoull(begun, NULL, 10);
    outcome.done = strtoull(outcome.text, NULL, 10);
    *outcome_out = outcome;
    return true;
}

static int report(const struct outcome *outcome)
{
    char word[16] = "";
    (void)sscanf(outcome->text, "%*u %15s", word);
    bool ok = strcmp(word, "ok") == 0;
    (void)fprintf(ok ? stdout : stderr, "reload %s\n", outcome->text);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static int wait_for_outcome(const struct running *running, struct err *err)
{
    struct outcome before = {0};
    if (!read_outcome(running, &before, err))
        return EXIT_FAILED;
    if (kill(running->pid, SIGHUP) != 0) {
        err_set(err, "pid %d: %s", (int)running->pid, strerror(errno));
        return EXIT_FAILED;
    }
    mono_ns limit_s = (mono_ns)running->config->master_drain_s + LIMIT_S;
    mono_ns deadline = clock_mono_ns() + limit_s * NS_PER_S;
    while (clock_mono_ns() < deadline) {
        struct outcome now = {0};
        pause_ms(POLL_MS);
        if (!read_outcome(running, &now, err))
            return EXIT_FAILED;
        if (now.done > before.begun)
            return report(&now);
    }
    err_set(err, "the reload is not done after %" PRIu64 " s; see the log", (uint64_t)limit_s);
    return EXIT_FAILED;
}

int cli_reload(const struct config_source *source)
{
    struct running running = {0};
    struct err err = {0};
    int code = running_find(source, &running);
    if (code != EXIT_DONE)
        return code;
    code = wait_for_outcome(&running, &err);
    if (err.text[0] != '\0')
        (void)fprintf(stderr, "gatepost: %s\n", err.text);
    running_fini(&running);
    return code;
}
