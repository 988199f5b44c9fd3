/* Which key files there are and what each is good for when, by their names alone. */
#include "gatepost/token_files.h"

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key.h"

#define KID_RANDOM_BYTES 8
#define CLOCKS_APART_S   30 /* between this machine and those that check what it signs */
#define SINCE_DIGITS_MAX 12
#define TEMPORARY        ".new." /* secret_write_file's: what a maker that died has left */

static const char KID_LETTERS[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *token_algorithm_name(enum token_algorithm algorithm)
{
    static const char *const names[TOKEN_ALGORITHMS] = {
        [TOKEN_HS256] = "HS256",
        [TOKEN_ES256] = "ES256",
        [TOKEN_RS256] = "RS256",
        [TOKEN_EDDSA] = "EdDSA",
    };
    BUG_ON((unsigned)algorithm >= TOKEN_ALGORITHMS);
    return names[algorithm];
}

const char *token_state_name(enum token_state state)
{
    static const char *const names[] = {
        [TOKEN_PUBLISHED] = "published",
        [TOKEN_SIGNING] = "signing",
        [TOKEN_RETIRING] = "retiring",
        [TOKEN_EXPIRED] = "expired",
    };
    return names[state];
}

/* ---- names --------------------------------------------------------------------------------------
 */

static const char *type_of(enum token_algorithm algorithm)
{
    return algorithm == TOKEN_HS256 ? "key" : "pem";
}

/* Cuts the text before the next dot off the front. */
static struct slice next_part(struct slice *rest)
{
    const char *dot = rest->len > 0 ? memchr(rest->at, '.', rest->len) : NULL;
    struct slice part = *rest;

    if (dot == NULL) {
        *rest = slice_of(NULL, 0);
        return part;
    }
    part.len = (size_t)(dot - rest->at);
    *rest = slice_of(dot + 1, rest->len - part.len - 1);
    return part;
}

static bool read_kid(struct slice text, char kid_out[TOKEN_KID_BYTES])
{
    return text.len > 0 && slice_to_text(text, kid_out, TOKEN_KID_BYTES) &&
           strspn(kid_out, KID_LETTERS) == text.len;
}

static bool read_since(struct slice text, int64_t *since_out)
{
    int64_t since_s = 0;

    if (text.len == 0 || text.len > SINCE_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        since_s = since_s * 10 + (text.at[i] - '0');
    }
    *since_out = since_s;
    return true;
}

static bool read_algorithm(struct slice text, enum token_algorithm *algorithm_out)
{
    for (enum token_algorithm known = TOKEN_HS256; known < TOKEN_ALGORITHMS; known++) {
        if (slice_equal(text, slice_of_text(token_algorithm_name(known)))) {
            *algorithm_out = known;
            return true;
        }
    }
    return false;
}

static bool read_name(const char *file, struct token_name *name_out)
{
    struct token_name name = {.until_s = TOKEN_NEVER_S};
    struct slice rest = slice_of_text(file);
    const struct slice kid = next_part(&rest);
    const struct slice algorithm = next_part(&rest);
    const struct slice since = next_part(&rest);

    if (!read_kid(kid, name.kid) || !read_algorithm(algorithm, &name.algorithm) ||
        !read_since(since, &name.since_s) ||
        !slice_equal(rest, slice_of_text(type_of(name.algorithm))))
        return false;
    *name_out = name;
    return true;
}

bool token_name_path(const char *dir, const struct token_name *name,
                     char path_out[TOKEN_PATH_BYTES], struct err *err)
{
    int len = snprintf(path_out, TOKEN_PATH_BYTES, "%s/%s.%s.%lld.%s", dir, name->kid,
                       token_algorithm_name(name->algorithm), (long long)name->since_s,
                       type_of(name->algorithm));

    if (len > 0 && len < TOKEN_PATH_BYTES)
        return true;
    err_set(err, "%s: the path is too long", dir);
    return false;
}

/* ---- the list -----------------------------------------------------------------------------------
 */

static int by_age(const void *a, const void *b)
{
    const struct token_name *one = a;
    const struct token_name *other = b;

    if (one->since_s != other->since_s)
        return one->since_s < other->since_s ? -1 : 1;
    return strcmp(one->kid, other->kid);
}

static bool add_name(const char *dir, const char *file, struct token_names *names, struct err *err)
{
    struct token_name name;

    if (!read_name(file, &name)) {
        err_set(err, "%s/%s: not a key's name (<kid>.<algorithm>.<since>.pem)", dir, file);
        return false;
    }
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->at[i].kid, name.kid) == 0) {
            err_set(err, "%s/%s: there are two keys of that kid", dir, file);
            return false;
        }
    }
    if (names->count == TOKEN_KEYS_MAX) {
        err_set(err, "%s: more than %d keys", dir, TOKEN_KEYS_MAX - 1);
        return false;
    }
    names->at[names->count++] = name;
    return true;
}

static bool read_directory(const char *dir, struct token_names *names, struct err *err)
{
    struct stat status;
    const struct dirent *entry;
    bool good = true;
    DIR *opened = opendir(dir);

    if (opened == NULL && errno == ENOENT)
        return true;
    if (opened == NULL || fstat(dirfd(opened), &status) != 0) {
        err_set(err, "%s: %s", dir, strerror(errno));
        good = false;
    } else if ((status.st_mode & 077) != 0) {
        err_set(err, "%s: mode %04o lets others at it; chmod 700 it", dir,
                (unsigned)(status.st_mode & 07777));
        good = false;
    }
    while (good && (entry = readdir(opened)) != NULL) {
        if (entry->d_name[0] != '.' && strstr(entry->d_name, TEMPORARY) == NULL)
            good = add_name(dir, entry->d_name, names, err);
    }
    if (opened != NULL)
        closedir(opened);
    return good;
}

/* Oldest first, so the first that may follow is the one that does. */
static int64_t end_of(const struct token_names *names, size_t index,
                      const struct token_rules *rules)
{
    const struct token_name *name = &names->at[index];

    if (name->kid[0] == '\0' && rules->accept_hs256)
        return TOKEN_NEVER_S;
    if (name->kid[0] == '\0' && rules->algorithm != TOKEN_HS256)
        return 0;
    for (size_t i = index + 1; i < names->count; i++) {
        const struct token_name *next = &names->at[i];

        if (next->algorithm == name->algorithm || next->algorithm == rules->algorithm)
            return next->since_s + rules->life_s + CLOCKS_APART_S;
    }
    return TOKEN_NEVER_S;
}

bool token_names_read(const struct token_rules *rules, struct token_names *names_out,
                      struct err *err)
{
    struct token_names names = {.algorithm = rules->algorithm, .count = 1};

    names.at[0].algorithm = TOKEN_HS256;
    if (!read_directory(rules->dir, &names, err))
        return false;
    qsort(names.at + 1, names.count - 1, sizeof(names.at[0]), by_age);
    for (size_t i = 0; i < names.count; i++)
        names.at[i].until_s = end_of(&names, i, rules);
    *names_out = names;
    return true;
}

size_t token_names_signing(const struct token_names *names, int64_t now_s)
{
    size_t signing = names->count;

    for (size_t i = 0; i < names->count; i++) {
        const struct token_name *name = &names->at[i];

        if (name->algorithm == names->algorithm &&
            (name->since_s <= now_s || signing == names->count))
            signing = i;
    }
    return signing;
}

enum token_state token_names_state(const struct token_names *names, size_t index, int64_t now_s)
{
    const struct token_name *name = &names->at[index];

    if (index == token_names_signing(names, now_s))
        return TOKEN_SIGNING;
    if (now_s >= name->until_s)
        return TOKEN_EXPIRED;
    return name->since_s > now_s ? TOKEN_PUBLISHED : TOKEN_RETIRING;
}

/* ---- making and removing ------------------------------------------------------------------------
 */

bool token_key_make(const struct token_rules *rules, int64_t since_s, struct token_name *name_out,
                    struct err *err)
{
    struct token_name name = {
        .algorithm = rules->algorithm, .since_s = since_s, .until_s = TOKEN_NEVER_S};
    uint8_t random[KID_RANDOM_BYTES];
    char path[TOKEN_PATH_BYTES];
    struct secret pem;
    bool made;

    if (mkdir(rules->dir, 0700) != 0 && errno != EEXIST) {
        err_set(err, "%s: %s", rules->dir, strerror(errno));
        return false;
    }
    random_bytes(random, sizeof(random));
    hex_encode(random, sizeof(random), name.kid);
    if (!token_name_path(rules->dir, &name, path, err))
        return false;
    if (name.algorithm == TOKEN_HS256) {
        made = secret_make_file(path, err);
    } else {
        key_pair_generate(name.algorithm, &pem);
        made = secret_write_file(path, pem.bytes, pem.len, err);
        secret_fini(&pem);
    }
    if (made)
        *name_out = name;
    return made;
}

bool token_key_remove(const char *dir, const struct token_name *name, struct err *err)
{
    char path[TOKEN_PATH_BYTES];

    if (!token_name_path(dir, name, path, err))
        return false;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool removed = fd >= 0 && unlink(path) == 0 && fsync(fd) == 0;

    if (!removed)
        err_set(err, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return removed;
}
