/* `gatepost mail status`, `pause`, `resume` and `drain`: the mail as a whole. */
#include "mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gatepost/encoding.h"
#include "gatepost/proc.h"

#include "running.h"
#include "terminal.h"

#define LOOK_MS 200

struct mail_state {
    bool paused;
    unsigned long long pending;
    unsigned long long due; /* counted up to a bound; 0 is exact */
    wall_ms oldest_due;     /* 0: none is due */
};

static unsigned long long number_of(const struct json_object *object, const char *name)
{
    char text[24];

    if (!slice_to_text(answer_member(object, name), text, sizeof(text)) || text[0] < '0' ||
        text[0] > '9')
        exit(cli_fail("the server's answer cannot be read"));
    return strtoull(text, NULL, 10);
}

static int ask_state(struct mail_order *order, struct mail_state *state_out)
{
    struct admin_answer answer = {0};
    struct json_object object;
    int code = ask(&order->asking, "GET", "/admin/mail", NULL, &answer);

    if (code != EXIT_DONE)
        return code;
    answer_object(slice_of(answer.body, answer.len), &object);
    state_out->paused = slice_equal(answer_member(&object, "paused"), SLICE_LITERAL("yes"));
    state_out->pending = number_of(&object, "pending");
    state_out->due = number_of(&object, "due");
    const struct slice oldest = answer_member(&object, "oldest_due");
    if (!clock_read_iso(oldest.at, oldest.len, &state_out->oldest_due))
        state_out->oldest_due = 0;
    json_object_fini(&object);
    return EXIT_DONE;
}

int cli_mail_status(struct mail_order *order)
{
    static const char *const members[] = {"paused",     "paused_since", "pending", "due",
                                          "oldest_due", "dead",         "sent",    "suppressed"};
    struct admin_answer answer = {0};
    struct json_object object;
    int code = ask(&order->asking, "GET", "/admin/mail", NULL, &answer);

    if (code != EXIT_DONE)
        return code;
    if (has_mail_option(order, MAIL_OPTION_JSON)) {
        (void)printf("%s\n", answer.body);
        return EXIT_DONE;
    }
    answer_object(slice_of(answer.body, answer.len), &object);
    const bool more = slice_equal(answer_member(&object, "due_or_more"), SLICE_LITERAL("yes"));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        char *text = terminal_text(answer_member(&object, members[i]));
        (void)printf("%-13s %s%s\n", members[i], text,
                     more && strcmp(members[i], "due") == 0 ? " or more" : "");
        free(text);
    }
    json_object_fini(&object);
    return EXIT_DONE;
}

static int tell_server(struct mail_order *order, const char *path, const char *done)
{
    struct admin_answer answer = {0};
    int code = ask(&order->asking, "POST", path, NULL, &answer);

    if (code == EXIT_DONE)
        (void)printf("%s\n", done);
    return code;
}

int cli_mail_pause(struct mail_order *order)
{
    return tell_server(order, "/admin/mail/pause",
                       "paused: what is being sent ends, nothing new is begun");
}

int cli_mail_resume(struct mail_order *order)
{
    return tell_server(order, "/admin/mail/resume", "letters are sent");
}

/* ---- drain --------------------------------------------------------------------------------------
 */

/* Everything that waits is due now, stretch by stretch. */
static int make_due(struct mail_order *order)
{
    char after[64] = "";
    bool more = true;
    int code = EXIT_DONE;

    while (code == EXIT_DONE && more) {
        struct admin_answer answer = {0};
        struct json_object object;
        char path[128];

        (void)snprintf(path, sizeof(path), "/admin/mail/drain?after=%s", after);
        code = ask(&order->asking, "POST", path, NULL, &answer);
        if (code != EXIT_DONE)
            break;
        answer_object(slice_of(answer.body, answer.len), &object);
        more = slice_equal(answer_member(&object, "more"), SLICE_LITERAL("yes"));
        if (!slice_to_text(answer_member(&object, "after"), after, sizeof(after)))
            exit(cli_fail("the server's answer cannot be read"));
        json_object_fini(&object);
    }
    return code;
}

static void show_progress(bool shows, const struct mail_state *state)
{
    if (!shows)
        return;
    (void)fprintf(stderr, "\r%llu letters wait\033[K", state->pending);
    (void)fflush(stderr);
}

/* A try moves a letter's time; those that came since then are not waited for, nor their tries: on a
 * busy server something is always due. */
static bool has_untried(const struct mail_state *state, wall_ms since)
{
    return state->due > 0 && state->oldest_due <= since;
}

/* Until all that waited then were tried. */
static int wait_for_tries(struct mail_order *order, size_t wait_s, wall_ms since,
                          struct mail_state *state)
{
    const mono_ns end = clock_mono_ns() + (mono_ns)wait_s * NS_PER_S;
    const bool shows = isatty(STDERR_FILENO) != 0;
    int code;

    while ((code = ask_state(order, state)) == EXIT_DONE && has_untried(state, since) &&
           !state->paused && (wait_s == 0 || clock_mono_ns() < end)) {
        show_progress(shows, state);
        pause_ms(LOOK_MS);
    }
    if (shows)
        (void)fputs("\r\033[K", stderr);
    return code;
}

int cli_mail_drain(struct mail_order *order)
{
    struct mail_state state = {.due = 0};
    size_t wait_s;

    if (!mail_number(order, MAIL_OPTION_WAIT, &wait_s))
        return mail_misuse("--wait: this is no number of seconds from 1 on");
    int code = make_due(order);
    const wall_ms since = clock_wall_ms();
    if (code == EXIT_DONE)
        code = wait_for_tries(order, wait_s, since, &state);
    if (code != EXIT_DONE)
        return code;
    if (has_mail_option(order, MAIL_OPTION_JSON))
        (void)printf("{\"pending\":%llu,\"due\":%llu}\n", state.pending, state.due);
    else if (state.pending == 0)
        (void)printf("drained: no letter waits\n");
    else
        (void)printf("%llu letter%s wait%s: %s\n", state.pending, state.pending == 1 ? "" : "s",
                     state.pending == 1 ? "s" : "",
                     state.paused                 ? "sending was paused meanwhile"
                     : has_untried(&state, since) ? "not all could be tried in that time"
                                                  : "tried, or written since then");
    return state.pending == 0 ? EXIT_DONE : EXIT_FAILED;
}
