/* `gatepost reload` and `gatepost upgrade`: a signal to the server, then what became of it.
 *
 * The status page counts changes begun and done. One that began after this command looked at the
 * page saw the configuration, or the binary, as it is now, whoever asked for it, so its outcome is
 * the answer. While the server executes its new binary, who connects waits for that one to answer.
 * With a new master.admin_socket nobody answers there before the reload: it has the page at the new
 * path as soon as it begins, and leaves it there when it is refused. */
#include "change.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "gatepost/clock.h"
#include "gatepost/proc.h"
#include "running.h"

#define POLL_MS 50

/* A page at a path that no server had before: so long it may take to appear. Longer than a reload
 * that has to wait for another one usually takes, and no reason to wait for minutes in vain. */
#define APPEAR_S 20

struct outcome {
    uint64_t begun;
    uint64_t done;
    char text[700]; /* "3 ok 2026-11-23T15:20:01.123Z" */
    char *page;     /* owned */
};

static bool read_outcome(const struct running *running, const struct change *change,
                         struct outcome *outcome_out, struct err *err)
{
    char key[32];
    char begun[32];
    struct outcome outcome = {0};
    if (!running_read_page(running, &outcome.page, err))
        return false;
    (void)snprintf(key, sizeof key, "%ss_begun", change->name);
    if (!page_find(outcome.page, key, begun, sizeof begun) ||
        !page_find(outcome.page, change->name, outcome.text, sizeof outcome.text)) {
        err_set(err, "the status page does not speak of %ss", change->name);
        free(outcome.page);
        return false;
    }
    outcome.begun = strtoull(begun, NULL, 10);
    outcome.done = strtoull(outcome.text, NULL, 10);
    free(outcome_out->page);
    *outcome_out = outcome;
    return true;
}

/* "reload_change: http.workers: 2 -> 3" as "changed http.workers: 2 -> 3", and so on. */
static void print_lines(FILE *to, const char *page, const char *name, const char *part,
                        const char *word)
{
    char key[64];
    size_t key_len = (size_t)snprintf(key, sizeof key, "%s_%s: ", name, part);
    for (const char *line = page; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (len > key_len && memcmp(line, key, key_len) == 0)
            (void)fprintf(to, "%s%.*s\n", word, (int)(len - key_len), line + key_len);
        line += line[len] == '\n' ? len + 1 : len;
    }
}

static int report(const struct change *change, const struct outcome *outcome)
{
    char word[16] = "";
    char key[32];
    char took[32] = "?";
    (void)sscanf(outcome->text, "%*u %15s", word);
    bool ok = strcmp(word, "ok") == 0;
    FILE *to = ok ? stdout : stderr;
    (void)fprintf(to, "%s %s\n", change->name, outcome->text);
    print_lines(to, outcome->page, change->name, "change", "changed ");
    print_lines(to, outcome->page, change->name, "did", "");
    (void)snprintf(key, sizeof key, "%s_took_ms", change->name);
    if (page_find(outcome->page, key, took, sizeof took))
        (void)fprintf(to, "took %s ms\n", took);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

/* Is this the outcome of a change that began after the command was given? */
static bool is_answer(const struct outcome *now, const struct outcome *before, bool before_known,
                      uint64_t *wanted)
{
    if (before_known)
        return now->done > before->begun;
    if (*wanted == 0)
        *wanted = now->begun; /* the first look at a page that a new reload has put there */
    return *wanted > 0 && now->done >= *wanted;
}

/* Looks until the outcome is there. before_known: there was a page before the signal. */
static int await_outcome(const struct running *running, const struct change *change,
                         const struct outcome *before, bool before_known, struct outcome *now,
                         struct err *err)
{
    mono_ns limit_s = (mono_ns)running->config->master_drain_s + change->limit_s;
    mono_ns began = clock_mono_ns();
    uint64_t wanted = 0;
    while (clock_mono_ns() < began + limit_s * NS_PER_S) {
        struct err why = {0};
        pause_ms(POLL_MS);
        if (read_outcome(running, change, now, &why)) {
            if (is_answer(now, before, before_known, &wanted))
                return report(change, now);
        } else if (before_known || wanted > 0 || clock_mono_ns() > began + APPEAR_S * NS_PER_S) {
            err_set(err, "%s%s", why.text,
                    before_known || wanted > 0
                        ? ""
                        : ": the server has its status page elsewhere; see the log");
            return EXIT_FAILED;
        }
    }
    err_set(err, "the %s is not done after %" PRIu64 " s; see the log", change->name,
            (uint64_t)limit_s);
    return EXIT_FAILED;
}

static int wait_for_outcome(const struct running *running, const struct change *change,
                            struct err *err)
{
    struct outcome before = {0};
    struct outcome now = {0};
    struct err why = {0};
    int code = EXIT_FAILED;
    bool before_known = read_outcome(running, change, &before, &why);
    if (kill(running->pid, change->signal) == 0)
        code = await_outcome(running, change, &before, before_known, &now, err);
    else
        err_set(err, "pid %d: %s", (int)running->pid, strerror(errno));
    free(before.page);
    free(now.page);
    return code;
}

int cli_change(const struct config_source *source, const struct change *change)
{
    struct running running = {0};
    struct err err = {0};
    int code = running_find(source, &running);
    if (code != EXIT_DONE)
        return code;
    code = wait_for_outcome(&running, change, &err);
    if (err.text[0] != '\0')
        (void)fprintf(stderr, "gatepost: %s\n", err.text);
    running_fini(&running);
    return code;
}
