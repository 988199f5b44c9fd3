/* Passwords that are refused: those built in and those of a file, each a sorted array of hashes.
 * The former is a constant, which costs a start nothing and is there once for all processes.
 *
 * What is compared is the case-folded password without the blanks around it, so that "Password1 "
 * is one of them. The hash is not keyed: who finds another text with the same one has found one
 * more password that is refused. */
#include "gatepost/password_policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unicase.h>
#include <uninorm.h>

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include "common_passwords.inc"

#define FOLDED_BYTES (3 * PASSWORD_MAX_BYTES)
#define COUNT_MAX    ((size_t)1 << 30) /* 8 GiB of hashes */

struct password_list {
    bool with_common;
    uint64_t *hashes; /* of the file; sorted */
    size_t count;
    size_t room;
};

/* FNV-1a, and a last mix (that of SplitMix64) for its weak upper bits. */
static uint64_t hash_of(struct slice text)
{
    uint64_t hash = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 0x100000001b3ULL;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
    return hash ^ (hash >> 31);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice trimmed(struct slice text)
{
    while (text.len > 0 && is_blank(text.at[0]))
        text = slice_of(text.at + 1, text.len - 1);
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

static bool lower_ascii(struct slice text, uint8_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if (c >= 0x80)
            return false;
        out[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
    }
    return true;
}

/* The hash of a prepared password as it is compared. */
static uint64_t key_of(struct slice password)
{
    struct slice text = trimmed(password);
    uint8_t folded[FOLDED_BYTES];
    size_t len = sizeof(folded);
    uint8_t *result = folded;

    if (lower_ascii(text, folded))
        len = text.len;
    else
        result = u8_casefold((const uint8_t *)text.at, text.len, NULL, UNINORM_NFC, folded, &len);
    BUG_ON(result == NULL);
    uint64_t hash = hash_of(slice_of(result, len));
    secret_wipe(result, len);
    if (result != folded)
        free(result);
    return hash;
}

static void add(struct password_list *list, uint64_t hash)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 16384 : list->room * 2;
        list->hashes = xrealloc(list->hashes, list->room * sizeof(*list->hashes));
    }
    list->hashes[list->count++] = hash;
}

/* Returns false when the line is no password. */
static bool add_line(struct password_list *list, struct slice line)
{
    char prepared[PASSWORD_MAX_BYTES];
    size_t len;

    line = trimmed(line);
    if (line.len == 0)
        return true;
    if (!utf8_valid(line) || !password_prepare(line, prepared, &len))
        return false;
    add(list, key_of(slice_of(prepared, len)));
    return true;
}

static bool read_lines(struct password_list *list, FILE *file, size_t *skipped_out)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    while (list->count < COUNT_MAX && (len = getline(&line, &room, file)) >= 0) {
        if (!add_line(list, slice_of(line, (size_t)len)))
            (*skipped_out)++;
    }
    free(line);
    return feof(file) && list->count < COUNT_MAX;
}

static bool read_file(struct password_list *list, const char *path, size_t *skipped_out,
                      struct err *err)
{
    struct stat status;
    FILE *file = fopen(path, "re");

    if (file == NULL || fstat(fileno(file), &status) != 0) {
        err_set(err, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        err_set(err, "%s is not a regular file", path);
    } else if (!read_lines(list, file, skipped_out)) {
        err_set(err, "%s: %s", path, list->count == COUNT_MAX ? "too many lines" : strerror(errno));
    } else {
        fclose(file);
        return true;
    }
    if (file != NULL)
        fclose(file);
    return false;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static void sort(struct password_list *list)
{
    size_t kept = 0;

    if (list->count == 0)
        return;
    qsort(list->hashes, list->count, sizeof(*list->hashes), compare);
    for (size_t i = 0; i < list->count; i++) {
        if (kept == 0 || list->hashes[kept - 1] != list->hashes[i])
            list->hashes[kept++] = list->hashes[i];
    }
    list->count = kept;
    list->hashes = xrealloc(list->hashes, kept * sizeof(*list->hashes));
}

struct password_list *password_list_new(bool with_common, const char *path, size_t *skipped_out,
                                        struct err *err)
{
    struct password_list *list = xcalloc(1, sizeof(*list));

    *skipped_out = 0;
    list->with_common = with_common;
    if (path[0] != '\0' && !read_file(list, path, skipped_out, err))
        password_list_free(&list);
    else
        sort(list);
    return list;
}

void password_list_free(struct password_list **list)
{
    if (*list == NULL)
        return;
    free((*list)->hashes);
    free(*list);
    *list = NULL;
}

size_t password_list_count(const struct password_list *list)
{
    return list->count + (list->with_common ? ARRAY_LEN(common_passwords) : 0);
}

static bool has(const uint64_t *hashes, size_t count, uint64_t key)
{
    return count > 0 && bsearch(&key, hashes, count, sizeof(key), compare) != NULL;
}

bool password_list_has(const struct password_list *list, struct slice password)
{
    if (list == NULL || password_list_count(list) == 0)
        return false;
    const uint64_t key = key_of(password);
    return (list->with_common && has(common_passwords, ARRAY_LEN(common_passwords), key)) ||
           has(list->hashes, list->count, key);
}
