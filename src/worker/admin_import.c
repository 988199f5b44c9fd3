/* POST /admin/import?dry_run=1&verified=1   an account a line (application/x-ndjson)
 *
 *   step      where  fails how
 *   1 read    loop   400 a parameter, 413 over 1 MiB or LINES_MAX lines, 415; nothing was asked yet
 *   2 ask     store  line by line checked, as many to an ask as go into it, ASKS_MAX at a time; a
 *                    line that is wrong is told and no more; 503 when the store is away or busy:
 *                    what was added stays, the same body can be sent again
 *   3 answer  loop   200: a line for each that was not added and was not there already, with its
 *                    number in the body and why; at last one line of sums. In a dry run those too
 *                    that are there already: who asks can tell what would be added
 *
 * Invariant: the lines are read out of libh2o's buffer, so none is read once the client is gone;
 * what the store was asked by then happens. */
#include "endpoints.h"

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/encoding.h"

#include "admin.h"
#include "form.h"
#include "moved_row.h"
#include "reply.h"

#define ASKS_MAX    4     /* a batch of the store holds up lookups: few at a time */
#define ROWS_BYTES  15000 /* of accounts_import_ask */
#define ROWS_AN_ASK 100   /* more than go into one in practice */
#define LINES_MAX   10000
#define TRIES_MAX   40 /* REQUEST_LATER_MS apart: 10 s */

struct outcome {
    const char *field;    /* of a refusal, or NULL */
    const char *sentence; /* a constant, or NULL */
    uint8_t bits;         /* enum import_result */
};

struct accounts_import {
    bool dry_run;
    bool verified;
    size_t read; /* bytes of the body that were taken */
    uint32_t lines;
    uint32_t asks; /* under way */
    uint32_t tries;
    bool failed;
    struct outcome outcomes[LINES_MAX];
};

/* One ask to the store. Freed when it was answered. */
struct import_ask {
    struct request *request;
    uint32_t count;
    uint32_t lines[ROWS_AN_ASK]; /* of its rows */
};

static void go_on(struct request *request);
static void on_imported(void *context, enum store_status status, struct slice payload);
static void answer(struct request *request);

/* ---- 1 ------------------------------------------------------------------------------------------
 */

/* Returns the name of the parameter that makes no sense, or NULL. */
static const char *read_query(struct slice text, struct accounts_import *import)
{
    struct json_object query;
    const char *wrong = NULL;

    if (!form_read(text, &query))
        wrong = "non_field_errors";
    else if (!admin_flag(&query, "dry_run", &import->dry_run))
        wrong = "dry_run";
    else if (!admin_flag(&query, "verified", &import->verified))
        wrong = "verified";
    json_object_fini(&query);
    return wrong;
}

/* The next line of the body that is not empty. read: bytes of it that were taken. */
static bool next_line(const struct request *request, size_t *read, struct slice *line_out)
{
    struct slice body = request_body(request);

    while (*read < body.len) {
        const char *at = body.at + *read;
        size_t left = body.len - *read;
        const char *end = memchr(at, '\n', left);
        size_t len = end != NULL ? (size_t)(end - at) : left;

        *read += end != NULL ? len + 1 : len;
        if (len == 0)
            continue;
        *line_out = slice_of(at, len);
        return true;
    }
    return false;
}

/* Are there more lines than there is room for outcomes? */
static bool has_too_many_lines(const struct request *request)
{
    struct slice line;
    size_t read = 0;
    size_t lines = 0;

    while (lines <= LINES_MAX && next_line(request, &read, &line))
        lines++;
    return lines > LINES_MAX;
}

void users_import_on_request(struct request *request)
{
    struct accounts_import *import = request_keep(request, sizeof(*import));
    const char *wrong = read_query(request_query(request), import);

    request_peer(request);
    if (wrong != NULL)
        reply_field(&request, wrong, "This is neither 0 nor 1.");
    else if (has_too_many_lines(request))
        reply_problem(&request, PROBLEM_TOO_LARGE);
    else
        go_on(request);
}

/* ---- 2 ------------------------------------------------------------------------------------------
 */

/* Packs as many lines as go into one ask. Returns how many rows it holds. */
static uint32_t pack_rows(struct request *request, struct import_ask *ask, struct packer *rows)
{
    struct accounts_import *import = request->state;
    struct slice line;

    for (;;) {
        const size_t before = import->read;
        uint8_t bytes[MOVED_ROW_BYTES];
        struct packer row = packer_over(bytes, sizeof(bytes));
        struct outcome outcome = {.field = NULL};

        if (ask->count == ROWS_AN_ASK || !next_line(request, &import->read, &line))
            break;
        outcome.sentence = moved_row_read(line, import->verified, &row, &outcome.field);
        if (outcome.sentence == NULL) {
            if (rows->len + 2 + row.len > rows->max) {
                import->read = before; /* it goes into the next one */
                break;
            }
            pack_slice(rows, packer_slice(&row));
            ask->lines[ask->count++] = import->lines;
        }
        import->outcomes[import->lines++] = outcome;
    }
    return ask->count;
}

/* Returns false when the store does not take it now. */
static bool ask_store(struct request *request, struct import_ask *ask, struct slice rows)
{
    const struct accounts_import *import = request->state;
    uint8_t bytes[ROWS_BYTES + 256];
    struct packer packer = packer_over(bytes, sizeof(bytes));

    accounts_import_ask_pack(&packer,
                             &(struct accounts_import_ask){.dry_run = import->dry_run,
                                                           .rows = rows,
                                                           .peer = slice_of_text(request->peer),
                                                           .now = clock_wall_ms()});
    BUG_ON(packer.overflow);
    return store_ask(request->worker->store, STORE_ACCOUNTS_IMPORT, packer_slice(&packer),
                     clock_mono_ns() + STORE_WAIT_NS, on_imported, ask);
}

/* Reads and asks for one more. Returns false when nothing more is to be asked now. */
static bool ask_more(struct request *request)
{
    struct accounts_import *import = request->state;
    const size_t read_before = import->read;
    const uint32_t lines_before = import->lines;
    struct import_ask *ask = xcalloc(1, sizeof(*ask));
    uint8_t bytes[ROWS_BYTES];
    struct packer rows = packer_over(bytes, sizeof(bytes));

    ask->request = request;
    if (pack_rows(request, ask, &rows) == 0) {
        free(ask);
        return false;
    }
    if (!ask_store(request, ask, packer_slice(&rows))) {
        free(ask);
        import->read = read_before;
        import->lines = lines_before;
        return false;
    }
    import->asks++;
    import->tries = 0;
    return true;
}

static bool is_read(const struct request *request, const struct accounts_import *import)
{
    return request->h2o == NULL || import->read >= request_body(request).len;
}

static void go_on(struct request *request)
{
    struct accounts_import *import = request->state;

    while (!import->failed && !is_read(request, import) && import->asks < ASKS_MAX &&
           ask_more(request))
        ;
    if (import->asks > 0)
        return;
    if (!import->failed && !is_read(request, import)) {
        if (import->tries++ < TRIES_MAX) {
            request_call_later(request, go_on);
            return;
        }
        import->failed = true;
    }
    answer(request);
}

static void on_imported(void *context, enum store_status status, struct slice payload)
{
    struct import_ask *ask = context;
    struct request *request = ask->request;
    struct accounts_import *import = request->state;
    struct accounts_import_answer imported;

    import->asks--;
    if (status != STORE_OK || !accounts_import_answer_unpack(payload, &imported) ||
        imported.results.len != ask->count) {
        import->failed = true;
    } else {
        for (uint32_t i = 0; i < ask->count; i++)
            import->outcomes[ask->lines[i]].bits = (uint8_t)imported.results.at[i];
    }
    free(ask);
    go_on(request);
}

/* ---- 3 ------------------------------------------------------------------------------------------
 */

struct sums {
    uint32_t added;
    uint32_t unchanged;
    uint32_t duplicate;
    uint32_t refused;
};

static const char *taken_sentence(uint8_t bits)
{
    static const char *const sentences[] = {
        [IMPORT_ID_TAKEN] = "id: another account has it",
        [IMPORT_NAME_TAKEN] = "username: another account has it, or one that looks like it",
        [IMPORT_EMAIL_TAKEN] = "email: another account has it",
        [IMPORT_ID_TAKEN | IMPORT_NAME_TAKEN] = "id, username: other accounts have them",
        [IMPORT_ID_TAKEN | IMPORT_EMAIL_TAKEN] = "id, email: other accounts have them",
        [IMPORT_NAME_TAKEN | IMPORT_EMAIL_TAKEN] = "username, email: other accounts have them",
        [IMPORT_ID_TAKEN | IMPORT_NAME_TAKEN | IMPORT_EMAIL_TAKEN] =
            "id, username, email: other accounts have them",
    };

    return bits < ARRAY_LEN(sentences) && sentences[bits] != NULL ? sentences[bits] : "";
}

static void write_outcome(FILE *lines, uint32_t number, const struct outcome *outcome)
{
    if (outcome->sentence != NULL)
        (void)fprintf(lines, "{\"line\":%u,\"result\":\"refused\",\"why\":\"%s%s%s\"}\n", number,
                      outcome->field != NULL ? outcome->field : "",
                      outcome->field != NULL ? ": " : "", outcome->sentence);
    else if (outcome->bits == IMPORT_UNCHANGED)
        (void)fprintf(lines, "{\"line\":%u,\"result\":\"unchanged\",\"why\":\"\"}\n", number);
    else
        (void)fprintf(lines, "{\"line\":%u,\"result\":\"duplicate\",\"why\":\"%s\"}\n", number,
                      taken_sentence(outcome->bits));
}

static void write_all(FILE *lines, const struct accounts_import *import)
{
    struct sums sums = {0};

    for (uint32_t i = 0; i < import->lines; i++) {
        const struct outcome *outcome = &import->outcomes[i];

        if (outcome->sentence != NULL)
            sums.refused++;
        else if (outcome->bits == 0)
            sums.added++;
        else if (outcome->bits == IMPORT_UNCHANGED)
            sums.unchanged++;
        else
            sums.duplicate++;
        if (outcome->sentence != NULL ||
            (outcome->bits != 0 && (outcome->bits != IMPORT_UNCHANGED || import->dry_run)))
            write_outcome(lines, i + 1, outcome);
    }
    (void)fprintf(lines, "{\"added\":%u,\"unchanged\":%u,\"duplicate\":%u,\"refused\":%u}\n",
                  sums.added, sums.unchanged, sums.duplicate, sums.refused);
}

static void answer(struct request *request)
{
    const struct accounts_import *import = request->state;
    char *text = NULL;
    size_t len = 0;

    if (import->failed) {
        reply_problem(&request, PROBLEM_UNAVAILABLE);
        return;
    }
    FILE *lines = open_memstream(&text, &len);
    BUG_ON(lines == NULL);
    write_all(lines, import);
    BUG_ON(fclose(lines) != 0); /* of memory alone: it ran out */
    reply_text(&request, 200, "application/x-ndjson", NULL, slice_of(text, len));
    free(text);
}
