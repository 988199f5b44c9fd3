/* Reading the file of kinds, and writing requests from their templates. */
#include "mix.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FIELDS 5 /* before the body */

static _Noreturn void die_of(const char *path, const char *what)
{
    fprintf(stderr, "open_loop: %s: %s\n", path, what);
    exit(2);
}

/* Its lines, without their ends. gives */
static char **read_lines(const char *path, size_t *count_out)
{
    FILE *file = fopen(path, "re");
    char **lines = NULL, *line = NULL;
    size_t count = 0, places = 0, size = 0;
    ssize_t len;

    if (file == NULL)
        die_of(path, "cannot be read");
    while ((len = getline(&line, &size, file)) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (count == places) {
            places = places == 0 ? 64 : 2 * places;
            lines = xrealloc(lines, places * sizeof(*lines));
        }
        lines[count++] = xstrdup(line);
    }
    free(line);
    fclose(file);
    *count_out = count;
    return lines;
}

static void read_tokens(struct kind *kind, const char *path, const char *text)
{
    if (strcmp(text, "-") == 0)
        return;
    const char *file = strchr(text, ':');
    if (file == NULL)
        die_of(path, "TOKENS is -, bearer:FILE or refresh:FILE");
    if (strncmp(text, "bearer:", 7) == 0)
        kind->token_use = TOKEN_BEARER;
    else if (strncmp(text, "refresh:", 8) == 0)
        kind->token_use = TOKEN_REFRESH;
    else
        die_of(path, "TOKENS is -, bearer:FILE or refresh:FILE");
    kind->tokens = read_lines(file + 1, &kind->token_places);
    kind->token_count = kind->token_places;
    if (kind->token_count == 0)
        die_of(file + 1, "holds no token");
}

static void read_kind(struct kind *kind, const char *path, char *line)
{
    char *fields[FIELDS], *rest = line;

    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = strsep(&rest, " ");
        if (fields[i] == NULL || fields[i][0] == '\0')
            die_of(path, "a line has WEIGHT NAME METHOD PATH TOKENS and perhaps BODY");
    }
    kind->weight = (unsigned)strtoul(fields[0], NULL, 10);
    kind->name = xstrdup(fields[1]);
    kind->method = xstrdup(fields[2]);
    kind->path = xstrdup(fields[3]);
    read_tokens(kind, path, fields[4]);
    kind->body = xstrdup(rest != NULL ? rest : "");
    if (kind->weight == 0 || kind->weight > 1000000)
        die_of(path, "a weight is 1 to 1000000");
}

struct mix *mix_read(const char *path)
{
    struct mix *mix = xcalloc(1, sizeof(*mix));
    char **lines = read_lines(path, &mix->count);

    if (mix->count == 0)
        die_of(path, "holds no kind of request");
    mix->kinds = xcalloc(mix->count, sizeof(*mix->kinds));
    for (size_t i = 0; i < mix->count; i++) {
        read_kind(&mix->kinds[i], path, lines[i]);
        mix->weight += mix->kinds[i].weight;
        free(lines[i]);
    }
    free(lines);
    return mix;
}

void mix_free(struct mix **mix)
{
    for (size_t i = 0; i < (*mix)->count; i++) {
        struct kind *kind = &(*mix)->kinds[i];
        for (size_t t = 0; t < kind->token_count; t++)
            free(kind->tokens[(kind->token_first + t) % kind->token_places]);
        free(kind->tokens);
        free(kind->name);
        free(kind->method);
        free(kind->path);
        free(kind->body);
    }
    free((*mix)->kinds);
    free(*mix);
    *mix = NULL;
}

struct kind *mix_kind(struct mix *mix, unsigned drawn)
{
    size_t i = 0;

    while (drawn >= mix->kinds[i].weight)
        drawn -= mix->kinds[i++].weight;
    return &mix->kinds[i];
}

static char *token_take(struct kind *kind)
{
    char *token = kind->tokens[kind->token_first];

    kind->token_first = (kind->token_first + 1) % kind->token_places;
    kind->token_count--;
    return token;
}

/* takes *token */
static void token_put(struct kind *kind, char **token)
{
    kind->tokens[(kind->token_first + kind->token_count) % kind->token_places] = *token;
    kind->token_count++;
    *token = NULL;
}

/* The number that "{n}" or "{n%K}" stands for; 0 bytes: there is neither at that place. */
static size_t number_at(const char *at, uint64_t number, uint64_t *value_out)
{
    char *end;

    if (strncmp(at, "{n}", 3) == 0) {
        *value_out = number;
        return 3;
    }
    if (strncmp(at, "{n%", 3) != 0)
        return 0;
    uint64_t modulus = strtoull(at + 3, &end, 10);
    if (modulus == 0 || *end != '}')
        return 0;
    *value_out = number % modulus;
    return (size_t)(end + 1 - at);
}

/* The template with what its braces stand for; SIZE_MAX when it does not fit. */
static size_t expand(const char *text, uint64_t number, const char *token, char *out, size_t size)
{
    size_t len = 0;

    while (*text != '\0' && len < size) {
        uint64_t value;
        size_t skipped = number_at(text, number, &value);
        if (skipped != 0) {
            len += (size_t)snprintf(out + len, size - len, "%" PRIu64, value);
            text += skipped;
        } else if (token != NULL && strncmp(text, "{token}", 7) == 0) {
            len += (size_t)snprintf(out + len, size - len, "%s", token);
            text += 7;
        } else {
            out[len++] = *text++;
        }
    }
    return len < size ? len : SIZE_MAX;
}

size_t kind_write(struct kind *kind, char *bytes_out, size_t size, char **token_out)
{
    char path[1024], body[8192], authorization[5120] = "";
    char *token = NULL;

    if (kind->token_use != TOKEN_NONE && kind->token_count == 0)
        return 0;
    if (kind->token_use != TOKEN_NONE)
        token = token_take(kind);
    size_t path_len = expand(kind->path, kind->number, token, path, sizeof(path));
    size_t body_len = expand(kind->body, kind->number, token, body, sizeof(body));
    kind->number++;
    if (kind->token_use == TOKEN_BEARER) {
        snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s\r\n", token);
        token_put(kind, &token);
    }
    *token_out = token;
    if (path_len == SIZE_MAX || body_len == SIZE_MAX)
        return 0;
    int len;
    if (body_len == 0)
        len = snprintf(bytes_out, size, "%s %.*s HTTP/1.1\r\nHost: bench\r\n%s\r\n", kind->method,
                       (int)path_len, path, authorization);
    else
        len = snprintf(bytes_out, size,
                       "%s %.*s HTTP/1.1\r\nHost: bench\r\n%sContent-Type: %s\r\n"
                       "Content-Length: %zu\r\n\r\n%.*s",
                       kind->method, (int)path_len, path, authorization,
                       body[0] == '{' ? "application/json" : "application/x-www-form-urlencoded",
                       body_len, (int)body_len, body);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

void kind_give_back(struct kind *kind, char **token, struct slice successor)
{
    if (*token == NULL)
        return;
    if (successor.len > 0) {
        char *next = xcalloc(successor.len + 1, 1);
        memcpy(next, successor.at, successor.len);
        free(*token);
        *token = next;
    }
    token_put(kind, token);
}
