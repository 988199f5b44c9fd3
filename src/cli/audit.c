/* `gatepost audit show|verify`: the running server's audit trail, over the admin socket.
 *
 * Both go page by page, so that a trail of years needs no more memory than one of a day. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "gatepost/clock.h"
#include "gatepost/encoding.h"
#include "gatepost/proc.h"

#include "listing.h"
#include "terminal.h"
#include "when.h"
#include "words.h"

#define FOLLOW_US    1000000
#define CHAIN_DIGITS 64

enum audit_option {
    AUDIT_USER,
    AUDIT_EVENT,
    AUDIT_SINCE,
    AUDIT_LIMIT,
    AUDIT_FOLLOW,
    AUDIT_JSON,
    AUDIT_OPTIONS
};

static const struct words_option OPTIONS[AUDIT_OPTIONS] = {
    [AUDIT_USER] = {"--user", "USER"},   [AUDIT_EVENT] = {"--event", "NAME"},
    [AUDIT_SINCE] = {"--since", "WHEN"}, [AUDIT_LIMIT] = {"--limit", "N"},
    [AUDIT_FOLLOW] = {"--follow", NULL}, [AUDIT_JSON] = {"--json", NULL},
};

struct audit_order {
    struct asking asking;
    bool follows;
    size_t limit; /* 0: none */
    const char *user;
    const char *event;
    char since[CLOCK_ISO_BYTES];
};

/* ---- show ---------------------------------------------------------------------------------------
 */

static const char *const HEADERS[] = {"TIME", "EVENT", "RESULT", "USER", "ADDRESS", "DETAIL"};
static const char *const MEMBERS[] = {"time", "event", "result", "user", "address", "detail"};

static const struct listing LISTING = {HEADERS, MEMBERS, ARRAY_LEN(HEADERS), 1U << 0};

static char *page_path(const struct audit_order *order, const char *after, size_t most)
{
    char *user = admin_escape(order->user != NULL ? order->user : "");
    char *event = admin_escape(order->event != NULL ? order->event : "");
    size_t bytes = strlen(user) + strlen(event) + strlen(after) + 128;
    char *path = xcalloc(1, bytes);

    (void)snprintf(path, bytes, "/admin/audit?user=%s&event=%s&since=%s&after=%s&limit=%zu", user,
                   event, order->since, after,
                   most < LISTING_PAGE_LINES ? most : LISTING_PAGE_LINES);
    free(user);
    free(event);
    return path;
}

static int show(struct audit_order *order)
{
    struct table *table = table_new(HEADERS, ARRAY_LEN(HEADERS));
    size_t left = order->limit != 0 ? order->limit : SIZE_MAX;
    char *last_id = xstrdup("");
    int code = EXIT_DONE;

    while (code == EXIT_DONE && left > 0) {
        struct admin_answer answer = {0};
        char *path = page_path(order, last_id, left);
        size_t count = 0;

        code = ask(&order->asking, "GET", path, NULL, &answer);
        free(path);
        if (code == EXIT_DONE)
            count = listing_print(&LISTING, table, order->asking.as_json,
                                  slice_of(answer.body, answer.len), left, &last_id);
        (void)fflush(stdout); /* who follows sees it now */
        left -= count;
        if (count == 0 && !order->follows)
            break;
        if (count == 0)
            (void)usleep(FOLLOW_US);
    }
    free(last_id);
    table_free(&table);
    return code;
}

/* ---- verify -------------------------------------------------------------------------------------
 */

struct verification {
    unsigned long long rows;
    bool more;
    bool broken;
    bool unlisted; /* broken, but the chain holds */
    bool chained;
    char after[64];
    char chain[CHAIN_DIGITS + 1];
};

static bool is_yes(const struct json_object *object, const char *name)
{
    return slice_equal(answer_member(object, name), SLICE_LITERAL("yes"));
}

static void take_page(struct verification *verification, const struct admin_answer *answer)
{
    struct json_object object;
    char rows[24];

    answer_object(slice_of(answer->body, answer->len), &object);
    if (!slice_to_text(answer_member(&object, "rows"), rows, sizeof(rows)) ||
        !slice_to_text(answer_member(&object, "after"), verification->after,
                       sizeof(verification->after)) ||
        !slice_to_text(answer_member(&object, "chain"), verification->chain,
                       sizeof(verification->chain)))
        exit(cli_fail("the server's answer cannot be read"));
    verification->rows += strtoull(rows, NULL, 10);
    verification->more = is_yes(&object, "more");
    verification->broken = is_yes(&object, "broken");
    verification->unlisted = is_yes(&object, "unlisted");
    verification->chained = is_yes(&object, "chained");
    json_object_fini(&object);
}

static int print_verdict(const struct audit_order *order, const struct verification *verification)
{
    const char *chain = verification->broken ? "" : verification->chain;

    if (order->asking.as_json)
        (void)printf("{\"whole\":%s,\"events\":%llu,\"last\":\"%s\",\"chain\":\"%s\"}\n",
                     verification->broken ? "false" : "true", verification->rows,
                     verification->after, chain);
    else if (verification->unlisted)
        (void)printf("broken: event %s, number %llu from the beginning, is missing from its "
                     "account's list\n",
                     verification->after, verification->rows);
    else if (verification->broken)
        (void)printf("broken: the chain does not hold at event %s, number %llu from the "
                     "beginning\n",
                     verification->after, verification->rows);
    else
        (void)printf("whole: %llu events; the last is %s, the chain ends with %s\n",
                     verification->rows,
                     verification->after[0] != '\0' ? verification->after : "none", chain);
    return verification->broken ? EXIT_FAILED : EXIT_DONE;
}

static int verify(struct audit_order *order)
{
    struct verification verification = {.more = true};
    int code = EXIT_DONE;

    while (code == EXIT_DONE && verification.more && !verification.broken) {
        struct admin_answer answer = {0};
        char path[256];

        (void)snprintf(path, sizeof(path), "/admin/audit/verify?after=%s&chain=%s&chained=%s",
                       verification.after, verification.chain, verification.chained ? "1" : "0");
        code = ask(&order->asking, "GET", path, NULL, &answer);
        if (code == EXIT_DONE)
            take_page(&verification, &answer);
    }
    return code == EXIT_DONE ? print_verdict(order, &verification) : code;
}

/* ---- the words ----------------------------------------------------------------------------------
 */

static const struct subcommand {
    struct words_command words;
    int (*run)(struct audit_order *order);
} SUBCOMMANDS[] = {
    {{"show", "", 0, (1U << AUDIT_OPTIONS) - 1, "what happened, the oldest first"}, show},
    {{"verify", "", 0, 1U << AUDIT_JSON, "whether the trail's chain of hashes holds"}, verify},
};

static const struct words_group GROUP = {
    "audit", SUBCOMMANDS, sizeof(SUBCOMMANDS[0]), ARRAY_LEN(SUBCOMMANDS), OPTIONS, AUDIT_OPTIONS};

void cli_audit_usage(FILE *to)
{
    words_print_usage(&GROUP, to);
    (void)fputs(
        "\n  USER is an id, a username or an e-mail address; id:, username: or email: in\n"
        "  front of it says which; of a deleted account its id. WHEN is a time as\n"
        "  2026-11-28T12:00:00Z or 2026-11-28, or so long ago: 30m, 12h, 7d.\n"
        "\n  verify reads all of the trail and says where its chain of hashes breaks, if it\n"
        "  does, and where it ends: who notes that elsewhere can tell later that it was not\n"
        "  made anew.\n"
        "\n  Exit codes: 0 done, 1 broken or refused, 2 wrong words, 3 no such user or server,\n"
        "  10 the configuration is wrong.\n",
        to);
}

static bool read_since(const char *text, struct audit_order *order)
{
    wall_ms when;

    if (!when_read(text, &when))
        return false;
    clock_iso(when, order->since);
    return true;
}

/* Fills the order. Returns the command, or NULL: err says why. */
static const struct subcommand *read_words(const char *const *words, size_t count,
                                           struct audit_order *order, struct err *err)
{
    const char *operands[WORDS_OPERANDS_MAX] = {NULL};
    const char *options[AUDIT_OPTIONS] = {NULL};
    const struct subcommand *subcommand =
        (const struct subcommand *)words_read(&GROUP, words, count, operands, options, err);

    if (subcommand == NULL)
        return NULL;
    order->user = options[AUDIT_USER];
    order->event = options[AUDIT_EVENT];
    order->follows = options[AUDIT_FOLLOW] != NULL;
    order->asking.as_json = options[AUDIT_JSON] != NULL;
    if (options[AUDIT_SINCE] != NULL && !read_since(options[AUDIT_SINCE], order))
        err_set(err, "--since: this is no time");
    else if (options[AUDIT_LIMIT] != NULL && !words_number(options[AUDIT_LIMIT], &order->limit))
        err_set(err, "--limit needs a number from 1 on");
    else if (order->user != NULL && !utf8_valid(slice_of_text(order->user)))
        err_set(err, "--user: this is no user");
    else
        return subcommand;
    return NULL;
}

/* ---- the command --------------------------------------------------------------------------------
 */

int cli_audit(const struct config_source *source, const char *const *words, size_t count)
{
    struct audit_order order = {.limit = 0};
    struct err err = {0};
    const struct subcommand *subcommand = read_words(words, count, &order, &err);

    if (subcommand == NULL) {
        (void)fprintf(stderr, "gatepost: %s\n\n", err.text);
        cli_audit_usage(stderr);
        return EXIT_USAGE;
    }
    struct config *config = config_load(source, cli_print_problem, NULL);
    if (config == NULL)
        return EXIT_CONFIG;
    config_forget_secrets(config);
    order.asking.client = admin_client_new(config);
    order.asking.missing = "no such user";
    int code = subcommand->run(&order);
    if (fflush(stdout) != 0 && code == EXIT_DONE)
        code = cli_fail("standard output cannot be written to");
    admin_client_free(&order.asking.client);
    config_free(&config);
    return code;
}
