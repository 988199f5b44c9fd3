/* Reading templates. */
#include "sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "built_in.h"
#include "gatepost/encoding.h"

/* ---- one file ---------------------------------------------------------------------------------
 */

static struct source *add_source(struct sources *sources, const char *folder, const char *path)
{
    struct source *source = xcalloc(1, sizeof(*source));
    size_t bytes = strlen(folder) + strlen(path) + 2;

    source->where = xcalloc(1, bytes);
    snprintf(source->where, bytes, "%s/%s", folder, path);
    source->text = slice_of("", 0);
    sources->all = xrealloc(sources->all, (sources->count + 1) * sizeof(struct source *));
    sources->all[sources->count++] = source;
    return source;
}

/* Lines that end with CR LF end with LF from here on, and a byte order mark is no text. */
static void tidy(struct source *source)
{
    size_t len = 0;

    for (size_t i = 0; i < source->text.len; i++) {
        if (source->heap[i] != '\r' || i + 1 == source->text.len || source->heap[i + 1] != '\n')
            source->heap[len++] = source->heap[i];
    }
    source->text.len = len;
    if (len >= 3 && memcmp(source->heap, "\xef\xbb\xbf", 3) == 0)
        source->text = slice_of(source->heap + 3, len - 3);
}

static void check_bytes(struct sources *sources, struct source *source)
{
    struct slice text = source->text;

    if (!utf8_valid(text)) {
        problem_tell(sources->problems, source, NULL, "is not UTF-8");
        source->is_bad = true;
        return;
    }
    while (text.len > 0) {
        const char *at = text.at;
        uint32_t point = utf8_next(&text);
        if (point != '\n' && point != '\t' && (point < 0x20 || point == 0x7f)) {
            problem_tell(sources->problems, source, at, "there is a control character here");
            source->is_bad = true;
            return;
        }
    }
}

/* False with errno: there is nothing of that name, or it is no file of a letter's size. */
static bool read_file(struct source *source)
{
    struct stat status;
    int fd = open(source->where, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool done = false;

    if (fd < 0)
        return false;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        errno = EINVAL;
    } else {
        source->heap = xcalloc(1, SOURCE_MAX_BYTES + 1);
        ssize_t len = 0, got = 0;
        while (len <= SOURCE_MAX_BYTES &&
               (got = read(fd, source->heap + len, SOURCE_MAX_BYTES + 1 - (size_t)len)) > 0)
            len += got;
        done = got >= 0 && len <= SOURCE_MAX_BYTES;
        if (got >= 0 && !done)
            errno = EFBIG;
        source->text = slice_of(source->heap, done ? (size_t)len : 0);
    }
    int error = errno;
    close(fd);
    errno = error;
    return done;
}

static const struct source *read_own(struct sources *sources, const char *path)
{
    struct source *source = add_source(sources, sources->dir, path);

    if (read_file(source)) {
        tidy(source);
        check_bytes(sources, source);
    } else {
        problem_tell(sources->problems, source, NULL, "%s", strerror(errno));
        source->is_bad = true;
    }
    return source;
}

const struct source *sources_get(struct sources *sources, const char *path)
{
    struct slice text;
    char own[4096];

    if (sources->dir[0] != '\0') {
        int len = snprintf(own, sizeof(own), "%s/%s", sources->dir, path);
        bool is_there = len < (int)sizeof(own) && (access(own, F_OK) == 0 || errno != ENOENT);
        if (is_there || !built_in_find(path, &text))
            return read_own(sources, path);
    }
    BUG_ON(!built_in_find(path, &text));
    struct source *source = add_source(sources, "conf/mail", path);
    source->text = text;
    return source;
}

void sources_free(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->all[i]->where);
        free(sources->all[i]->heap);
        free(sources->all[i]);
    }
    free(sources->all);
    *sources = (struct sources){0};
}

/* ---- the operator's folder --------------------------------------------------------------------
 */

/* "verify.txt": the purpose, and one of a letter's files? In the layout's folder "layout.html". */
static bool is_letter_file(const char *name, bool in_language)
{
    static const char *const shared[] = {"layout", "button", "note"};
    const char *dot = strrchr(name, '.');
    struct slice stem = slice_of(name, dot != NULL ? (size_t)(dot - name) : strlen(name));
    struct slice text;

    if (dot == NULL)
        return false;
    bool is_part = strcmp(dot, ".txt") == 0 || strcmp(dot, ".html") == 0;
    if (in_language)
        return mail_purpose_named(stem) != 0 && (is_part || strcmp(dot, ".subject") == 0);
    for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
        text = slice_of_text(shared[i]);
        if (slice_equal(stem, text))
            return is_part;
    }
    return false;
}

/* Would an operator take it for one? An editor's copies and other things may lie there. */
static bool looks_like_one(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL &&
           (strcmp(dot, ".txt") == 0 || strcmp(dot, ".html") == 0 || strcmp(dot, ".subject") == 0);
}

static void tell_of(struct sources *sources, const char *folder, const char *name,
                    const char *sentence)
{
    const struct source *source = add_source(sources, folder, name);

    problem_tell(sources->problems, source, NULL, "%s", sentence);
}

static void add_language(char tags[LANGUAGES_MAX][LANGUAGE_TAG_BYTES], size_t *count_io,
                         const char *tag)
{
    for (size_t i = 0; i < *count_io; i++) {
        if (strcmp(tags[i], tag) == 0)
            return;
    }
    if (*count_io < LANGUAGES_MAX &&
        slice_to_text(slice_of_text(tag), tags[*count_io], LANGUAGE_TAG_BYTES))
        (*count_io)++;
}

static void scan_language(struct sources *sources, const char *folder)
{
    DIR *listing = opendir(folder);
    const struct dirent *entry;

    if (listing == NULL) {
        tell_of(sources, folder, "", strerror(errno));
        return;
    }
    while ((entry = readdir(listing)) != NULL) {
        if (looks_like_one(entry->d_name) && entry->d_name[0] != '.' &&
            !is_letter_file(entry->d_name, true))
            tell_of(sources, folder, entry->d_name, "is no letter's file: it would not be used");
    }
    closedir(listing);
}

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void sources_scan(struct sources *sources, char tags[LANGUAGES_MAX][LANGUAGE_TAG_BYTES],
                  size_t *count_io)
{
    DIR *listing = opendir(sources->dir);
    const struct dirent *entry;

    if (listing == NULL) {
        tell_of(sources, sources->dir, "", strerror(errno));
        return;
    }
    while ((entry = readdir(listing)) != NULL) {
        const char *name = entry->d_name;
        char path[4096];
        int len = snprintf(path, sizeof(path), "%s/%s", sources->dir, name);

        if (name[0] == '.' || len >= (int)sizeof(path))
            continue;
        if (!is_folder(path)) {
            if (looks_like_one(name) && !is_letter_file(name, false))
                tell_of(sources, sources->dir, name, "is no letter's file: it would not be used");
        } else if (!language_is_tag(name)) {
            tell_of(sources, sources->dir, name, "is no language: a folder is named de or pt-BR");
        } else {
            add_language(tags, count_io, name);
            scan_language(sources, path);
        }
    }
    closedir(listing);
}
