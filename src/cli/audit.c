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

#define FOLLOW_US    1000000
#define CHAIN_DIGITS 64

static const char USAGE[] =
    "usage: gatepost audit show [--user USER] [--event NAME] [--since WHEN] [--limit N]\n"
    "                           [--follow] [--json] [-c FILE] [-o section.key=value]...\n"
    "       gatepost audit verify [--json] [-c FILE] [-o section.key=value]...\n\n"
    "  USER  an id, a username or an e-mail address; id:, username: or email: in front of\n"
    "        it says which; of a deleted account its id\n"
    "  WHEN  a time as 2026-11-28T12:00:00Z or 2026-11-28, or so long ago: 30m, 12h, 7d\n\n"
    "  verify reads all of the trail and says where its chain of hashes breaks, if it does,\n"
    "  and where it ends: who notes that elsewhere can tell later that it was not made anew.\n\n"
    "  Exit codes: 0 done, 1 broken or refused, 2 wrong words, 3 no such user or server,\n"
    "  10 the configuration is wrong.\n";

struct audit_order {
    struct asking asking;
    bool verifies;
    bool follows;
    size_t limit; /* 0: none */
    const char *user;
    const char *event;
    char since[CLOCK_ISO_BYTES];
};

/* ---- the words ----------------------------------------------------------------------------------
 */

static bool read_since(const char *text, struct audit_order *order)
{
    wall_ms when;

    if (!when_read(text, &when))
        return false;
    clock_iso(when, order->since);
    return true;
}

static bool read_limit(const char *text, struct audit_order *order)
{
    char *end = NULL;
    unsigned long limit = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || limit == 0)
        return false;
    order->limit = limit;
    return true;
}

/* Takes the option at words[*at] and its value. Returns what is wrong with it, or NULL. */
static const char *read_option(const char *const *words, size_t count, size_t *at,
                               struct audit_order *order)
{
    const char *word = words[*at];

    if (strcmp(word, "--json") == 0) {
        order->asking.as_json = true;
        return NULL;
    }
    if (order->verifies)
        return "`audit verify` has no such option";
    if (strcmp(word, "--follow") == 0) {
        order->follows = true;
        return NULL;
    }
    if (*at + 1 == count)
        return "unknown option, or its value is missing";
    const char *value = words[++*at];
    if (value[0] == '\0')
        return "its value is empty";
    if (strcmp(word, "--user") == 0) {
        order->user = value;
        return utf8_valid(slice_of_text(value)) ? NULL : "this is no user";
    }
    if (strcmp(word, "--event") == 0) {
        order->event = value;
        return NULL;
    }
    if (strcmp(word, "--since") == 0)
        return read_since(value, order) ? NULL : "this is no time";
    if (strcmp(word, "--limit") == 0)
        return read_limit(value, order) ? NULL : "this is no number from 1 on";
    return "unknown option";
}

static bool read_words(const char *const *words, size_t count, struct audit_order *order)
{
    if (count == 0 || (strcmp(words[0], "show") != 0 && strcmp(words[0], "verify") != 0)) {
        (void)fprintf(stderr, "gatepost: %s\n\n%s",
                      count == 0 ? "a command is missing after audit" : "unknown command", USAGE);
        return false;
    }
    order->verifies = strcmp(words[0], "verify") == 0;
    for (size_t i = 1; i < count; i++) {
        const char *word = words[i];
        const char *wrong = read_option(words, count, &i, order);
        if (wrong != NULL) {
            (void)fprintf(stderr, "gatepost: %s: %s\n\n%s", word, wrong, USAGE);
            return false;
        }
    }
    return true;
}

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

/* ---- the command --------------------------------------------------------------------------------
 */

int cli_audit(const struct config_source *source, const char *const *words, size_t count)
{
    struct audit_order order = {.limit = 0};

    if (!read_words(words, count, &order))
        return EXIT_USAGE;
    struct config *config = config_load(source, cli_print_problem, NULL);
    if (config == NULL)
        return EXIT_CONFIG;
    config_forget_secrets(config);
    order.asking.client = admin_client_new(config);
    order.asking.missing = "no such user";
    int code = order.verifies ? verify(&order) : show(&order);
    if (fflush(stdout) != 0 && code == EXIT_DONE)
        code = cli_fail("standard output cannot be written to");
    admin_client_free(&order.asking.client);
    config_free(&config);
    return code;
}
