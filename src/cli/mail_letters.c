/* `gatepost mail list`, `show`, `retry` and `cancel`: letters, one or many.
 *
 * What the server changes at once is bounded: many letters are gone through stretch by stretch. */
#include "mail.h"

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/encoding.h"
#include "gatepost/proc.h"

#include "lines.h"
#include "listing.h"
#include "terminal.h"
#include "when.h"

#define ID_TEXT_BYTES 64

/* ---- which letters ------------------------------------------------------------------------------
 */

static const struct {
    enum mail_option option;
    const char *name; /* of the parameter */
} FILTERS[] = {
    {MAIL_OPTION_STATE, "state"},
    {MAIL_OPTION_PURPOSE, "purpose"},
    {MAIL_OPTION_TO, "to"},
    {MAIL_OPTION_DOMAIN, "domain"},
};

/* The path with the filters as its query, ending with '&'. Gives: heap text; NULL: --since is no
 * time. */
static char *filtered_path(const struct mail_order *order, const char *path)
{
    const char *since = order->options[MAIL_OPTION_SINCE];
    char when_text[CLOCK_ISO_BYTES] = "";
    char *text = NULL;
    size_t len = 0;
    wall_ms when;

    if (since != NULL && !when_read(since, &when))
        return NULL;
    if (since != NULL)
        clock_iso(when, when_text);
    FILE *query = open_memstream(&text, &len);
    BUG_ON(query == NULL);
    (void)fprintf(query, "%s?", path);
    for (size_t i = 0; i < ARRAY_LEN(FILTERS); i++) {
        const char *value = order->options[FILTERS[i].option];
        char *escaped = admin_escape(value != NULL ? value : "");
        if (value != NULL)
            (void)fprintf(query, "%s=%s&", FILTERS[i].name, escaped);
        free(escaped);
    }
    if (since != NULL)
        (void)fprintf(query, "since=%s&", when_text);
    if (has_mail_option(order, MAIL_OPTION_DUE))
        (void)fputs("due=1&", query);
    BUG_ON(fclose(query) != 0); /* of memory alone: it ran out */
    return text;
}

static bool has_filter(const struct mail_order *order)
{
    bool any = has_mail_option(order, MAIL_OPTION_SINCE) || has_mail_option(order, MAIL_OPTION_DUE);

    for (size_t i = 0; i < ARRAY_LEN(FILTERS); i++)
        any |= has_mail_option(order, FILTERS[i].option);
    return any;
}

/* ---- list and show ------------------------------------------------------------------------------
 */

int cli_mail_list(struct mail_order *order)
{
    static const char *const headers[] = {"ID",      "STATE", "PURPOSE", "TO",
                                          "CREATED", "DUE",   "TRIES",   "REPLY"};
    static const char *const members[] = {"id",      "state", "purpose", "to",
                                          "created", "due",   "tries",   "reply"};
    static const struct listing listing = {headers, members, ARRAY_LEN(headers), 1U << 4 | 1U << 5};
    size_t limit;

    if (!mail_number(order, MAIL_OPTION_LIMIT, &limit))
        return mail_misuse("--limit: this is no number from 1 on");
    char *path = filtered_path(order, "/admin/mail/letters");
    if (path == NULL)
        return mail_misuse("--since: this is no time");
    int code = listing_print_all(&order->asking, &listing, path, limit);
    free(path);
    return code;
}

static void print_line(struct slice time, const char *what, struct slice relay, struct slice reply)
{
    char storage[TIME_TEXT_BYTES];
    char *time_shown = terminal_text(time_text(time, storage));
    char *relay_shown = terminal_text(relay);
    char *reply_shown = terminal_text(reply);

    (void)printf("%-19s  %s%s%s%s%s\n", time_shown, what, relay.len > 0 ? " by " : "", relay_shown,
                 reply.len > 0 ? ": " : "", reply_shown);
    free(time_shown);
    free(relay_shown);
    free(reply_shown);
}

/* The times that are not events: when it was made, and what comes next. */
static void print_next(const struct json_object *letter)
{
    const struct slice none = SLICE_LITERAL("");
    const struct slice state = answer_member(letter, "state");

    if (slice_equal(state, SLICE_LITERAL("pending")))
        print_line(answer_member(letter, "due"), "due next", none, none);
    else if (slice_equal(state, SLICE_LITERAL("dead")))
        print_line(answer_member(letter, "ended"), "given up", none, none);
}

static void print_letter(const struct json_object *letter)
{
    static const char *const members[] = {"id", "state", "purpose", "to", "expires", "tries"};

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        char *text = terminal_text(answer_member(letter, members[i]));
        (void)printf("%-10s %s\n", members[i], text);
        free(text);
    }
    struct slice reply = answer_member(letter, "reply");
    if (reply.len > 0) {
        char *text = terminal_text(reply);
        (void)printf("%-10s %s\n", "last reply", text);
        free(text);
    }
    (void)putchar('\n');
    print_line(answer_member(letter, "created"), "made", SLICE_LITERAL(""), SLICE_LITERAL(""));
}

/* The first line is the letter, the others its events. */
static void print_shown(struct slice lines)
{
    struct json_object letter, event;
    struct slice line;

    if (!next_line(&lines, &line))
        exit(cli_fail("the server's answer cannot be read"));
    answer_object(line, &letter);
    print_letter(&letter);
    while (next_line(&lines, &line)) {
        char what[32];

        answer_object(line, &event);
        if (!slice_to_text(answer_member(&event, "event"), what, sizeof(what)))
            exit(cli_fail("the server's answer cannot be read"));
        print_line(answer_member(&event, "time"), what, answer_member(&event, "relay"),
                   answer_member(&event, "reply"));
        json_object_fini(&event);
    }
    print_next(&letter);
    json_object_fini(&letter);
}

/* The path of the letter that the first operand names. Gives: heap text. */
static char *letter_path(const struct mail_order *order, const char *rest)
{
    char *id = admin_escape(order->operands[0]);
    size_t bytes = sizeof("/admin/mail/letters/") + strlen(id) + strlen(rest);
    char *path = xcalloc(1, bytes);

    (void)snprintf(path, bytes, "/admin/mail/letters/%s%s", id, rest);
    free(id);
    return path;
}

int cli_mail_show(struct mail_order *order)
{
    struct admin_answer answer = {0};
    char *path = letter_path(order, "");
    int code = ask(&order->asking, "GET", path, NULL, &answer);

    free(path);
    if (code != EXIT_DONE)
        return code;
    if (has_mail_option(order, MAIL_OPTION_JSON))
        (void)printf("%s", answer.body);
    else
        print_shown(slice_of(answer.body, answer.len));
    return EXIT_DONE;
}

/* ---- retry and cancel ---------------------------------------------------------------------------
 */

struct change {
    const char *done;    /* "retried" */
    const char *method;  /* of one letter */
    const char *rest;    /* of its path */
    const char *path;    /* of many */
    const char *one_way; /* what is said when the mailer had one in hand, or NULL */
};

struct changed {
    unsigned long long changed;
    unsigned long long left; /* meant, and not changed */
    bool under_way;
    bool more;
    char after[ID_TEXT_BYTES];
};

static void take_answer(struct changed *changed, const struct admin_answer *answer)
{
    struct json_object object;
    char count[24], left[24];

    answer_object(slice_of(answer->body, answer->len), &object);
    if (!slice_to_text(answer_member(&object, "changed"), count, sizeof(count)) ||
        !slice_to_text(answer_member(&object, "left"), left, sizeof(left)) ||
        !slice_to_text(answer_member(&object, "after"), changed->after, sizeof(changed->after)))
        exit(cli_fail("the server's answer cannot be read"));
    changed->changed += strtoull(count, NULL, 10);
    changed->left += strtoull(left, NULL, 10);
    changed->under_way |= slice_equal(answer_member(&object, "under_way"), SLICE_LITERAL("yes"));
    changed->more = slice_equal(answer_member(&object, "more"), SLICE_LITERAL("yes"));
    json_object_fini(&object);
}

static int change_all(struct mail_order *order, const struct change *change,
                      struct changed *changed)
{
    char *filtered = filtered_path(order, change->path);
    size_t bytes = filtered != NULL ? strlen(filtered) + ID_TEXT_BYTES + 8 : 0;
    char *path = filtered != NULL ? xcalloc(1, bytes) : NULL;
    int code = filtered != NULL ? EXIT_DONE : mail_misuse("--since: this is no time");

    changed->more = true;
    while (code == EXIT_DONE && changed->more) {
        struct admin_answer answer = {0};

        (void)snprintf(path, bytes, "%safter=%s", filtered, changed->after);
        code = ask(&order->asking, "POST", path, NULL, &answer);
        if (code == EXIT_DONE)
            take_answer(changed, &answer);
    }
    free(filtered);
    free(path);
    return code;
}

static int change_one(struct mail_order *order, const struct change *change,
                      struct changed *changed)
{
    struct admin_answer answer = {0};
    char *path = letter_path(order, change->rest);
    int code = ask(&order->asking, change->method, path, NULL, &answer);

    free(path);
    if (code == EXIT_DONE)
        take_answer(changed, &answer);
    return code;
}

static int run_change(struct mail_order *order, const struct change *change)
{
    struct changed changed = {.changed = 0};
    const bool one = order->operands[0] != NULL;

    if (one && (has_mail_option(order, MAIL_OPTION_ALL) || has_filter(order)))
        return mail_misuse("an ID excludes --all and the filters");
    if (!one && !has_mail_option(order, MAIL_OPTION_ALL))
        return mail_misuse("an ID is missing, or --all, with filters or without");
    int code = one ? change_one(order, change, &changed) : change_all(order, change, &changed);
    if (code != EXIT_DONE)
        return code;
    if (has_mail_option(order, MAIL_OPTION_JSON)) {
        (void)printf("{\"%s\":%llu,\"left\":%llu,\"under_way\":%s}\n", change->done,
                     changed.changed, changed.left, changed.under_way ? "true" : "false");
        return EXIT_DONE;
    }
    (void)printf("%s: %llu letter%s\n", change->done, changed.changed,
                 changed.changed == 1 ? "" : "s");
    if (changed.left > 0)
        (void)printf(
            "left as they are, since they were sent or their address is suppressed: %llu\n",
            changed.left);
    if (changed.under_way && change->one_way != NULL)
        (void)printf("%s\n", change->one_way);
    return EXIT_DONE;
}

int cli_mail_retry(struct mail_order *order)
{
    static const struct change change = {"retried", "POST", "/retry", "/admin/mail/retry", NULL};

    return run_change(order, &change);
}

int cli_mail_cancel(struct mail_order *order)
{
    static const struct change change = {"cancelled", "DELETE", "", "/admin/mail/cancel",
                                         "The time of at least one had come: if the mailer was "
                                         "sending it already, it still arrives."};

    return run_change(order, &change);
}
