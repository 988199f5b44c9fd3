/* `gatepost user export --to FORMAT [FILE]`: all accounts with their stored passwords.
 *
 * jsonl is what `import --from jsonl` reads; django is what `manage.py loaddata` reads. Django's
 * accounts are known by numbers: those whose id is none get one there, behind all that have one, so
 * that none is given away twice; that takes a second look at the list.
 *
 * A file has its name from when it is whole; until then, and for ever if the export is cut, it is
 * FILE.part. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/clock.h"
#include "gatepost/proc.h"
#include "gatepost/uuid.h"

#include "lines.h"
#include "moved_user.h"
#include "terminal.h"
#include "user.h"

struct export
{
    struct user_order *order;
    FILE *to;
    const char *path; /* NULL: standard output */
    char *part;       /* what is written to until it is whole */
    bool to_django;
    bool numbered; /* in this pass: those with a number, or those without */
    unsigned long long written;
    unsigned long long others; /* that this pass left out */
    char after[UUID_TEXT_BYTES];
};

static const struct json_member *find(const struct json_object *object, const char *name)
{
    const struct json_member *member = json_find(object, name);

    if (member == NULL)
        exit(cli_fail("the server's answer cannot be read"));
    return member;
}

/* A number that a database can have as a key, as it writes it. */
static bool is_number(struct slice text)
{
    if (text.len == 0 || text.len > 18 || (text.len > 1 && text.at[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return true;
}

static void write_member(struct json_writer *writer, const char *name,
                         const struct json_member *member)
{
    json_string(writer, slice_of_text(name));
    moved_value_write(writer, member);
}

static void write_jsonl(const struct json_object *user, struct json_writer *writer)
{
    static const char *const members[] = {"id",       "username",       "email",       "password",
                                          "active",   "email_verified", "date_joined", "last_login",
                                          "language", "extra"};

    json_object_begin(writer);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        write_member(writer, members[i], find(user, members[i]));
    json_object_end(writer);
}

/* Fields that the account itself has: an extra of that name would be another password, say. */
static bool is_written(struct slice name)
{
    static const char *const names[] = {"username",  "email",       "password",
                                        "is_active", "date_joined", "last_login"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_equal(name, slice_of_text(names[i])))
            return true;
    }
    return false;
}

static void write_extra(const struct json_object *user, struct json_writer *writer)
{
    struct json_object extra;
    struct err err = {0};

    if (json_read(find(user, "extra")->text, &extra, &err) != JSON_OK) {
        char *id = terminal_text(find(user, "id")->text);
        (void)fprintf(stderr, "gatepost: the extra of id:%s cannot be read: %s\n", id, err.text);
        exit(EXIT_FAILED);
    }
    for (size_t i = 0; i < extra.count; i++) {
        if (is_written(extra.members[i].name))
            continue;
        json_string(writer, extra.members[i].name);
        moved_value_write(writer, &extra.members[i]);
    }
    json_object_fini(&extra);
}

static void write_django(const struct export *export, const struct json_object *user,
                         struct json_writer *writer)
{
    const char *model = export->order->options[OPTION_MODEL];

    json_object_begin(writer);
    json_string(writer, SLICE_LITERAL("model"));
    json_string(writer, slice_of_text(model != NULL ? model : "auth.user"));
    if (export->numbered) {
        json_string(writer, SLICE_LITERAL("pk"));
        json_raw(writer, find(user, "id")->text);
    }
    json_string(writer, SLICE_LITERAL("fields"));
    json_object_begin(writer);
    write_member(writer, "username", find(user, "username"));
    write_member(writer, "email", find(user, "email"));
    write_member(writer, "password", find(user, "password"));
    write_member(writer, "is_active", find(user, "active"));
    write_member(writer, "date_joined", find(user, "date_joined"));
    write_member(writer, "last_login", find(user, "last_login"));
    write_extra(user, writer);
    json_object_end(writer);
    json_object_end(writer);
}

static void write_user(struct export *export, const struct json_object *user)
{
    struct json_writer *writer;

    if (export->to_django && is_number(find(user, "id")->text) != export->numbered) {
        export->others++;
        return;
    }
    writer = json_writer_new();
    if (export->to_django)
        write_django(export, user, writer);
    else
        write_jsonl(user, writer);
    struct slice text = json_writer_text(writer);
    if (export->to_django)
        (void)fputs(export->written == 0 ? "[\n" : ",\n", export->to);
    (void)fwrite(text.at, 1, text.len, export->to);
    if (!export->to_django)
        (void)fputc('\n', export->to);
    export->written++;
    json_writer_free(&writer);
}

/* One pass over all accounts. */
static int pass(struct export *export)
{
    struct slice page = slice_of("", 1);
    int code = EXIT_DONE;

    export->after[0] = '\0';
    export->others = 0;
    while (code == EXIT_DONE && page.len > 0) {
        struct admin_answer answer = {0};
        struct slice line;
        char path[96];

        (void)snprintf(path, sizeof(path), "/admin/export?after=%s", export->after);
        code = ask(&export->order->asking, "GET", path, NULL, &answer);
        if (code != EXIT_DONE)
            break;
        page = slice_of(answer.body, answer.len);
        for (struct slice rest = page; next_line(&rest, &line);) {
            struct json_object user;

            answer_object(line, &user);
            write_user(export, &user);
            if (!slice_to_text(find(&user, "key")->text, export->after, sizeof(export->after)))
                code = cli_fail("the server's answer cannot be read");
            json_object_fini(&user);
        }
        if (ferror(export->to) != 0)
            code = cli_fail("the file cannot be written");
    }
    return code;
}

static int write_all(struct export *export)
{
    int code;

    export->numbered = true;
    code = pass(export);
    if (code == EXIT_DONE && export->to_django && export->others > 0) {
        export->numbered = false;
        code = pass(export);
    }
    if (code == EXIT_DONE && export->to_django)
        (void)fputs(export->written == 0 ? "[]\n" : "\n]\n", export->to);
    return code;
}

/* ---- the file -----------------------------------------------------------------------------------
 */

static int fail_at(const char *path, const char *why)
{
    struct err err = {0};

    err_set(&err, "%s: %s", path, why);
    return cli_fail(err.text);
}

static int open_part(struct export *export)
{
    const size_t bytes = strlen(export->path) + sizeof(".part");
    struct stat file;

    if (lstat(export->path, &file) == 0)
        return fail_at(export->path, strerror(EEXIST));
    export->part = xcalloc(1, bytes);
    (void)snprintf(export->part, bytes, "%s.part", export->path);
    /* The passwords of everybody: for nobody else's eyes. */
    int fd = open(export->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_at(export->part, errno == EEXIST ? "another export is under way, or was cut: "
                                                       "remove the file then"
                                                     : strerror(errno));
    export->to = fdopen(fd, "w");
    return export->to != NULL ? EXIT_DONE : fail_at(export->part, strerror(errno));
}

/* code: of what was written. */
static int close_part(struct export *export, int code)
{
    bool fine = fflush(export->to) == 0 && fsync(fileno(export->to)) == 0;

    fine = fclose(export->to) == 0 && fine;
    if (code == EXIT_DONE && !fine)
        code = fail_at(export->part, "the file cannot be written");
    if (code == EXIT_DONE && rename(export->part, export->path) != 0)
        code = fail_at(export->path, strerror(errno));
    if (code != EXIT_DONE)
        (void)unlink(export->part);
    return code;
}

int cli_user_export(struct user_order *order)
{
    const char *path = order->operands[0];
    const char *format = order->options[OPTION_TO];
    struct export export = {.order = order, .to = stdout};

    if (format == NULL || (strcmp(format, "django") != 0 && strcmp(format, "jsonl") != 0))
        return cli_fail("--to must be django or jsonl");
    export.to_django = strcmp(format, "django") == 0;
    if (path != NULL && strcmp(path, "-") != 0)
        export.path = path;
    int code = export.path != NULL ? open_part(&export) : EXIT_DONE;
    if (code == EXIT_DONE) {
        code = write_all(&export);
        if (export.path != NULL)
            code = close_part(&export, code);
        if (export.path != NULL && code == EXIT_DONE)
            (void)printf("%llu accounts\n", export.written);
    }
    free(export.part);
    return code;
}
