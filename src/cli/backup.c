/* `gatepost backup DIR [--logs]`: the running server's database, streamed over the admin socket
 * into files of whoever runs the command.
 *
 * Story: the directory is looked at and locked; the server is asked to begin; page by page the
 * stream becomes files; they are synced, the manifest is written, the server is told that they are
 * there. Whatever goes wrong before that leaves the backup that was there as it was. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup_set.h"
#include "cli.h"
#include "gatepost/clock.h"
#include "gatepost/encoding.h"
#include "gatepost/proc.h"

#include "asking.h"
#include "progress.h"

static const char USAGE[] =
    "usage: gatepost backup DIR [--logs] [--json] [-c FILE] [-o section.key=value]...\n\n"
    "  DIR     made with mode 0700, or empty, or the backup that is to be replaced or added to\n"
    "  --logs  adds what the log has grown by since the backup in DIR; with store.archive = yes\n"
    "          that is always possible\n"
    "  --json  one object a second, and one at the end\n\n"
    "  The server goes on serving. Keys and configuration are not in it: docs/backup.md.\n"
    "  Exit codes: 0 done, 1 refused, 2 wrong words, 3 no server, 10 the configuration is wrong,\n"
    "  25 not whole: the backup that was there before is what there is.\n";

struct backup_order {
    struct asking asking;
    const char *dir;
    bool logs_only;
    bool json;
    struct backup_set *set;
    struct backup_stream *stream;
    struct progress progress;
    char id[24];
    mono_ns told; /* --json: when last */
};

static int fail(const char *sentence)
{
    (void)fprintf(stderr, "gatepost: backup: %s\n", sentence);
    return EXIT_BACKUP;
}

static bool read_words(const char *const *words, size_t count, struct backup_order *order)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], "--logs") == 0)
            order->logs_only = true;
        else if (strcmp(words[i], "--json") == 0)
            order->json = true;
        else if (order->dir == NULL && words[i][0] != '-' && words[i][0] != '\0')
            order->dir = words[i];
        else
            return false;
    }
    return order->dir != NULL;
}

/* ---- what people see ----------------------------------------------------------------------------
 */

static void show(struct backup_order *order, bool last)
{
    const struct progress *progress = &order->progress;
    const mono_ns now = clock_mono_ns();
    const double seconds = (double)(now - progress->began) / 1e9;

    if (!order->json) {
        progress_show_bytes(&order->progress);
        return;
    }
    if (!last && now - order->told < NS_PER_S)
        return;
    order->told = now;
    (void)printf("{\"bytes\":%" PRIu64 ",\"of\":%" PRIu64 ",\"bytes_a_second\":%.0f,\"done\":%s}\n",
                 progress->read, last ? progress->read : progress->all,
                 seconds > 0 ? (double)progress->read / seconds : 0, last ? "true" : "false");
    (void)fflush(stdout);
}

static void tell(struct backup_order *order)
{
    const struct backup_manifest *manifest = backup_set_manifest(order->set);
    char ended[CLOCK_ISO_BYTES];

    progress_hide(&order->progress);
    show(order, true);
    progress_hide(&order->progress);
    if (order->json)
        return;
    clock_iso(manifest->ended, ended);
    (void)printf("%s: %s of %" PRIu64 " accounts, %" PRIu64 " bytes, log up to %" PRIu32 "/%" PRIu32
                 ", %s\n",
                 order->dir, order->logs_only ? "newer log" : "full backup", manifest->users,
                 order->progress.read, manifest->end.file, manifest->end.offset, ended);
}

/* ---- asking -------------------------------------------------------------------------------------
 */

static void begin_path(const struct backup_order *order, char path_out[256])
{
    const struct backup_manifest *manifest = backup_set_manifest(order->set);
    char name[BACKUP_LOG_NAME_BYTES];
    char hex[HEX_TEXT_BYTES(DIGEST_BYTES)] = "";

    (void)snprintf(path_out, 256, "/admin/backup");
    if (!order->logs_only)
        return;
    backup_log_name(manifest->end.file, name);
    const struct backup_file *file = backup_file_find(manifest, name);
    if (file != NULL)
        hex_encode(file->digest, DIGEST_BYTES, hex);
    (void)snprintf(path_out, 256, "/admin/backup?log=%" PRIu32 "&offset=%" PRIu32 "&digest=%s",
                   manifest->end.file, manifest->end.offset, hex);
}

static int begin(struct backup_order *order)
{
    struct admin_answer answer = {0};
    struct json_object object;
    char path[256];
    char bytes[24];

    begin_path(order, path);
    int code = ask(&order->asking, "POST", path, "", &answer);
    if (code != EXIT_DONE)
        return code;
    answer_object(slice_of(answer.body, answer.len), &object);
    const bool told = slice_to_text(answer_member(&object, "id"), order->id, sizeof(order->id)) &&
                      slice_to_text(answer_member(&object, "bytes"), bytes, sizeof(bytes));
    json_object_fini(&object);
    if (!told)
        return fail("the server's answer cannot be read");
    progress_begin(&order->progress, strtoull(bytes, NULL, 10));
    return EXIT_DONE;
}

/* Takes what is whole of the stream. */
static enum backup_set_status take(struct backup_order *order, struct err *err)
{
    enum backup_set_status status = BACKUP_SET_MORE;
    enum backup_frame kind;
    struct slice body;

    while (status == BACKUP_SET_MORE) {
        switch (backup_stream_next(order->stream, &kind, &body)) {
        case BACKUP_NEXT_FRAME:
            status = backup_set_take(order->set, kind, body, err);
            break;
        case BACKUP_NEXT_MORE:
            return BACKUP_SET_MORE;
        case BACKUP_NEXT_WRONG:
            err_set(err, "the server's stream makes no sense");
            return BACKUP_SET_WRONG;
        }
    }
    return status;
}

static int stream(struct backup_order *order)
{
    enum backup_set_status status = BACKUP_SET_MORE;
    struct err err = {{0}};

    while (status == BACKUP_SET_MORE) {
        struct admin_answer answer = {0};
        char path[128];

        (void)snprintf(path, sizeof(path), "/admin/backup/%s?at=%" PRIu64, order->id,
                       order->progress.read);
        if (ask(&order->asking, "GET", path, NULL, &answer) != EXIT_DONE)
            return fail("it was cut short");
        backup_stream_put(order->stream, slice_of(answer.body, answer.len));
        order->progress.read += answer.len;
        status = take(order, &err);
        show(order, false);
    }
    progress_hide(&order->progress);
    return status == BACKUP_SET_WHOLE ? EXIT_DONE : fail(err.text);
}

/* The server is told how it ended, so that the next one need not wait. */
static int end(struct backup_order *order, bool whole)
{
    struct admin_answer answer = {0};
    char path[128];

    (void)snprintf(path, sizeof(path), whole ? "/admin/backup/%s/whole" : "/admin/backup/%s",
                   order->id);
    return ask(&order->asking, whole ? "POST" : "DELETE", path, whole ? "" : NULL, &answer);
}

static int run(struct backup_order *order)
{
    struct err err = {{0}};
    int code = begin(order);

    if (code != EXIT_DONE)
        return code;
    code = stream(order);
    if (code == EXIT_DONE && !backup_set_finish(order->set, &err))
        code = fail(err.text);
    if (code != EXIT_DONE) {
        (void)end(order, false);
        return code;
    }
    if (end(order, true) != EXIT_DONE)
        (void)fprintf(stderr, "gatepost: backup: it is whole, but the server could not be told: "
                              "log files are kept for the next one\n");
    tell(order);
    return EXIT_DONE;
}

int cli_backup(const struct config_source *source, const char *const *words, size_t count)
{
    struct backup_order order = {.asking = {.missing = "the server knows nothing of it"}};
    struct err err = {{0}};
    int code;

    if (!read_words(words, count, &order)) {
        cli_backup_usage(stderr);
        return EXIT_USAGE;
    }
    struct config *config = config_load(source, cli_print_problem, NULL);
    if (config == NULL)
        return EXIT_CONFIG;
    config_forget_secrets(config);
    order.set = backup_set_open(order.dir, order.logs_only, &err);
    if (order.set != NULL) {
        order.asking.client = admin_client_new(config);
        order.stream = backup_stream_new();
        code = run(&order);
        backup_stream_free(&order.stream);
        admin_client_free(&order.asking.client);
    } else {
        (void)fail(err.text);
        code = EXIT_FAILED;
    }
    backup_set_close(&order.set);
    config_free(&config);
    return code;
}

void cli_backup_usage(FILE *to)
{
    (void)fputs(USAGE, to);
}
