/* `gatepost compact`: what deleted rows left of the running server's files is given back, in small
 * steps between its batches. Stopped at any point, what was done stays done. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "gatepost/proc.h"

#include "asking.h"

static const char USAGE[] =
    "usage: gatepost compact [--json] [-c FILE] [-o section.key=value]...\n\n"
    "  Moves the rows of each table together and gives free pages back to the file system, in\n"
    "  small steps beside all that the server does. Not beside a backup.\n"
    "  Exit codes: 0 done, 1 refused, 2 wrong words, 3 no server, 10 the configuration is wrong.\n";

struct compaction {
    struct asking asking;
    bool json;
    uint64_t before; /* bytes of all tables */
    uint64_t after;
    bool done; /* there is no table of the next number */
};

static uint64_t number_of(const struct json_object *object, const char *name)
{
    char text[24];

    return slice_to_text(answer_member(object, name), text, sizeof(text)) ? strtoull(text, NULL, 10)
                                                                          : 0;
}

/* next_io: from where; then where the next step begins, "" when the table is over. */
static int step(struct compaction *compaction, unsigned table, char **next_io,
                struct json_object *object_out)
{
    const size_t path_bytes = sizeof("/admin/compact?table=&from=") + 10 + strlen(*next_io);
    char *path = xcalloc(1, path_bytes);
    struct admin_answer answer = {0};

    (void)snprintf(path, path_bytes, "/admin/compact?table=%u&from=%s", table, *next_io);
    const int code = ask(&compaction->asking, "POST", path, "", &answer);
    free(path);
    compaction->done = code == CLI_NOT_FOUND && answer.status == 404;
    if (code != EXIT_DONE)
        return compaction->done ? EXIT_DONE : code;
    answer_object(slice_of(answer.body, answer.len), object_out);
    const struct slice next = answer_member(object_out, "next");
    free(*next_io);
    *next_io = xcalloc(1, next.len + 1);
    memcpy(*next_io, next.at, next.len);
    return EXIT_DONE;
}

static void tell(const struct compaction *compaction, const char *name, uint64_t before,
                 uint64_t after)
{
    (void)printf(compaction->json ? "{\"name\":\"%s\",\"before\":%" PRIu64 ",\"after\":%" PRIu64
                                    "}\n"
                                  : "%s: %" PRIu64 " bytes, before %" PRIu64 "\n",
                 name, compaction->json ? before : after, compaction->json ? after : before);
    (void)fflush(stdout);
}

static int compact_table(struct compaction *compaction, unsigned table)
{
    char *next = xstrdup("");
    char name[64] = "";
    uint64_t before = 0;
    uint64_t after = 0;
    bool first = true;
    int code;

    do {
        struct json_object object;

        code = step(compaction, table, &next, &object);
        if (code != EXIT_DONE || compaction->done)
            break;
        if (first)
            before = number_of(&object, "before");
        first = false;
        after = number_of(&object, "after");
        if (!slice_to_text(answer_member(&object, "name"), name, sizeof(name)))
            name[0] = '\0';
        json_object_fini(&object);
    } while (next[0] != '\0');
    free(next);
    if (code == EXIT_DONE && !compaction->done) {
        tell(compaction, name, before, after);
        compaction->before += before;
        compaction->after += after;
    }
    return code;
}

int cli_compact(const struct config_source *source, const char *const *words, size_t count)
{
    struct compaction compaction = {.asking = {.missing = NULL}}; /* the end of the tables */
    int code = EXIT_DONE;

    if (count > 1 || (count == 1 && strcmp(words[0], "--json") != 0)) {
        cli_compact_usage(stderr);
        return EXIT_USAGE;
    }
    compaction.json = count == 1;
    struct config *config = config_load(source, cli_print_problem, NULL);
    if (config == NULL)
        return EXIT_CONFIG;
    config_forget_secrets(config);
    compaction.asking.client = admin_client_new(config);
    for (unsigned table = 0; code == EXIT_DONE && !compaction.done; table++)
        code = compact_table(&compaction, table);
    if (code == EXIT_DONE)
        tell(&compaction, "all", compaction.before, compaction.after);
    admin_client_free(&compaction.asking.client);
    config_free(&config);
    return code;
}

void cli_compact_usage(FILE *to)
{
    (void)fputs(USAGE, to);
}
