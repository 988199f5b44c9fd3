/* `gatepost user import --from FORMAT FILE`: accounts of another system.
 *
 * Story: the file is read in pieces (import_file.h), each account becomes a line, a batch of lines
 * is posted; what the server did not add is reported with its place in the file. Nothing is kept of
 * what was sent: an import that was cut short is run again, and finds the accounts it had brought
 * unchanged. A dry run sends the same, and the server only looks; of what it would add, that which
 * the file itself holds twice is found here (seen.h), since nothing of it is there yet. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/clock.h"
#include "gatepost/proc.h"

#include "cli.h"
#include "import_file.h"
#include "lines.h"
#include "progress.h"
#include "seen.h"
#include "terminal.h"
#include "user.h"

#define READ_BYTES       ((size_t)256 * 1024)
#define BATCH_LINES      2000
#define BATCH_BYTES      ((size_t)768 * 1024) /* the server takes 1 MiB, and one more line is to fit */
#define BUSY_TRIES       60                   /* a second apart */
#define HTTP_UNAVAILABLE 503

struct import {
    struct user_order *order;
    struct import_sink sink;
    struct progress progress;
    struct seen *seen; /* of a dry run */
    FILE *report;
    char *lines; /* of the batch */
    size_t len;
    size_t count;
    uint64_t places[BATCH_LINES]; /* in the file */
    char *names[BATCH_LINES];     /* for the report */
    struct seen_keys keys[BATCH_LINES];
    unsigned long long added;
    unsigned long long unchanged;
    unsigned long long duplicate;
    unsigned long long refused;
    int code;
};

/* ---- the report ---------------------------------------------------------------------------------
 */

static void report(struct import *import, uint64_t line, const char *name, const char *result,
                   struct slice why)
{
    char *text = terminal_text(why);

    progress_hide(&import->progress);
    (void)fprintf(import->report, "line %llu: %s%s%s: %s\n", (unsigned long long)line, name,
                  name[0] != '\0' ? ": " : "", result, text);
    free(text);
}

/* ---- a batch ------------------------------------------------------------------------------------
 */

static void batch_clear(struct import *import)
{
    for (size_t i = 0; i < import->count; i++)
        free(import->names[i]);
    import->count = 0;
    import->len = 0;
}

static unsigned long long number_of(const struct json_object *object, const char *name)
{
    char text[24];

    return slice_to_text(answer_member(object, name), text, sizeof(text)) ? strtoull(text, NULL, 10)
                                                                          : 0;
}

/* In a dry run: accounts of the batch that the server would add, if they stood there alone. */
static void look_back(struct import *import, size_t from, size_t end)
{
    static const char *const sentences[] = {
        [SEEN_ID] = "id: an account before it in this file has it",
        [SEEN_NAME] = "username: an account before it in this file has it, or one that looks like "
                      "it",
        [SEEN_ADDRESS] = "email: an account before it in this file has it",
    };

    for (size_t i = from; import->seen != NULL && i < end; i++) {
        enum seen_result result = seen_look(import->seen, &import->keys[i]);

        if (result == SEEN_NEW)
            continue;
        import->added--; /* as the server counted it */
        if (result == SEEN_UNCHANGED) {
            import->unchanged++;
            continue;
        }
        import->duplicate++;
        report(import, import->places[i], import->names[i], "duplicate",
               slice_of_text(sentences[result]));
    }
}

/* Lines of what was not added, in their order, then one of sums. */
static void take_outcomes(struct import *import, struct slice answer)
{
    struct slice line;
    size_t told = 0; /* accounts of the batch */

    while (next_line(&answer, &line)) {
        struct json_object object;

        answer_object(line, &object);
        unsigned long long number = number_of(&object, "line");
        if (number > 0 && number <= import->count) {
            char result[16] = "";

            look_back(import, told, number - 1);
            told = number;
            if (slice_to_text(answer_member(&object, "result"), result, sizeof(result)) &&
                strcmp(result, "unchanged") != 0)
                report(import, import->places[number - 1], import->names[number - 1], result,
                       answer_member(&object, "why"));
        } else {
            import->added += number_of(&object, "added");
            import->unchanged += number_of(&object, "unchanged");
            import->duplicate += number_of(&object, "duplicate");
            import->refused += number_of(&object, "refused");
        }
        json_object_fini(&object);
    }
    look_back(import, told, import->count);
}

static int post(struct import *import, struct admin_answer *answer_out)
{
    const struct user_order *order = import->order;
    char path[64];
    struct err err = {0};

    (void)snprintf(path, sizeof(path), "/admin/import?dry_run=%s&verified=%s",
                   has_option(order, OPTION_DRY_RUN) ? "1" : "0",
                   has_option(order, OPTION_VERIFIED) ? "1" : "0");
    for (int tries = 0;; tries++) {
        enum admin_status status = admin_post_lines(
            order->asking.client, path, slice_of(import->lines, import->len), answer_out, &err);

        if (status == ADMIN_OK && answer_out->status == 200)
            return EXIT_DONE;
        bool waits = status == ADMIN_OK && answer_out->status == HTTP_UNAVAILABLE;
        if (waits && tries < BUSY_TRIES) {
            (void)sleep(1);
            continue;
        }
        progress_hide(&import->progress);
        if (status == ADMIN_OK)
            err_set(&err, "the server answered with status %d", answer_out->status);
        (void)cli_fail(err.text);
        return status == ADMIN_NOT_RUNNING ? CLI_NOT_RUNNING : EXIT_FAILED;
    }
}

/* Returns false when it cannot go on. */
static bool batch_send(struct import *import)
{
    struct admin_answer answer = {0};

    if (import->count > 0) {
        import->code = post(import, &answer);
        if (import->code == EXIT_DONE)
            take_outcomes(import, slice_of(answer.body, answer.len));
    }
    batch_clear(import);
    progress_show(&import->progress,
                  import->added + import->unchanged + import->duplicate + import->refused);
    return import->code == EXIT_DONE;
}

/* ---- an account ---------------------------------------------------------------------------------
 */

static bool on_refused(void *context, uint64_t line, const char *sentence)
{
    struct import *import = context;

    report(import, line, "", "refused", slice_of_text(sentence));
    import->refused++;
    return true;
}

static bool on_user(void *context, const struct moved_user *user, uint64_t line)
{
    struct import *import = context;
    struct json_writer *writer = json_writer_new();

    if (!moved_user_write(user, writer)) {
        json_writer_free(&writer);
        return on_refused(import, line,
                          "extra: it cannot be read, has a name twice or over 32 members");
    }
    struct slice text = json_writer_text(writer);
    if (text.len + 1 > BATCH_BYTES) { /* escapes make it up to six times as long as it was */
        json_writer_free(&writer);
        return on_refused(import, line, "the record is too long");
    }
    if (import->len + text.len + 1 > BATCH_BYTES && !batch_send(import)) {
        json_writer_free(&writer);
        return false;
    }
    memcpy(import->lines + import->len, text.at, text.len);
    import->len += text.len;
    import->lines[import->len++] = '\n';
    import->places[import->count] = line;
    if (import->seen != NULL)
        import->keys[import->count] = seen_keys_of(user);
    import->names[import->count++] = terminal_text(user->username.text);
    json_writer_free(&writer);
    return import->count < BATCH_LINES || batch_send(import);
}

/* ---- the file -----------------------------------------------------------------------------------
 */

static int open_file(const char *path, uint64_t *bytes_out)
{
    struct stat stat;
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    *bytes_out = 0;
    if (fd >= 0 && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode))
        *bytes_out = (uint64_t)stat.st_size;
    return fd;
}

/* It has everybody's names in it. Returns NULL with errno set. */
static FILE *open_report(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    return fd >= 0 ? fdopen(fd, "w") : NULL;
}

/* Returns false when it cannot go on; import->code is set. */
static bool read_file(struct import *import, struct import_file *file, int fd)
{
    char *bytes = xrealloc(NULL, READ_BYTES);
    struct err err = {0};
    ssize_t got;

    while ((got = read(fd, bytes, READ_BYTES)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            err_set(&err, "%s: %s", import->order->operands[0], strerror(errno));
        import->progress.read += got > 0 ? (uint64_t)got : 0;
        if (got < 0 || !import_file_feed(file, slice_of(bytes, (size_t)got), &err))
            break;
    }
    if (got == 0 && import->code == EXIT_DONE && import_file_end(file, &err))
        (void)batch_send(import);
    if (err.text[0] != '\0') {
        (void)batch_send(import); /* what was good before */
        progress_hide(&import->progress);
        import->code = cli_fail(err.text);
    }
    free(bytes);
    return import->code == EXIT_DONE;
}

static void print_sums(const struct import *import)
{
    (void)printf("%s%llu added, %llu unchanged, %llu duplicates, %llu refused",
                 has_option(import->order, OPTION_DRY_RUN) ? "dry run: " : "", import->added,
                 import->unchanged, import->duplicate, import->refused);
    if (import->sink.skipped > 0)
        (void)printf(", %llu of other models skipped", (unsigned long long)import->sink.skipped);
    (void)printf("\n");
}

static int run(struct import *import, struct import_file *file, int fd)
{
    import->lines = xrealloc(NULL, BATCH_BYTES);
    if (has_option(import->order, OPTION_DRY_RUN))
        import->seen = seen_new();
    bool fine = read_file(import, file, fd);
    progress_hide(&import->progress);
    print_sums(import);
    batch_clear(import);
    seen_free(&import->seen);
    free(import->lines);
    if (fine && (import->duplicate > 0 || import->refused > 0))
        return EXIT_FAILED; /* told row by row */
    return import->code;
}

int cli_user_import(struct user_order *order)
{
    struct import *import = xcalloc(1, sizeof(*import));
    const char *model = order->options[OPTION_MODEL];
    const char *report_path = order->options[OPTION_REPORT];
    uint64_t bytes;

    import->order = order;
    import->report = stderr;
    import->sink =
        (struct import_sink){on_user, on_refused, import, model != NULL ? model : "auth.user", 0};
    const char *format = order->options[OPTION_FROM];
    struct import_file *file = format != NULL ? import_file_new(format, &import->sink) : NULL;
    int fd = file != NULL ? open_file(order->operands[0], &bytes) : -1;
    int code;
    if (file == NULL) {
        code = cli_fail("--from must be django, csv or jsonl");
    } else if (fd < 0 ||
               (report_path != NULL && (import->report = open_report(report_path)) == NULL)) {
        struct err err;
        err_set(&err, "%s: %s", fd < 0 ? order->operands[0] : report_path, strerror(errno));
        code = cli_fail(err.text);
    } else {
        progress_begin(&import->progress, bytes);
        code = run(import, file, fd);
        if (report_path != NULL && fclose(import->report) != 0)
            code = cli_fail("the report cannot be written");
    }
    if (fd > STDIN_FILENO)
        close(fd);
    import_file_free(&file);
    free(import);
    return code;
}
