/* The Prometheus text exposition format 0.0.4, read as strictly as a scraper may: one HELP and one
 * TYPE before a name's samples, which stand together; names, labels and values as the format has
 * them; no sample twice; a histogram's buckets with rising bounds and counts, the last one +Inf and
 * equal to _count, and a _sum. */
#ifndef TESTS_METRICS_EXPOSITION_H
#define TESTS_METRICS_EXPOSITION_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "gatepost/base.h"

#define EXPOSITION_SAMPLES_MAX 1024
#define EXPOSITION_FAMILY_MAX  128
#define EXPOSITION_TEXT        160

struct exposition_bucket {
    double bound; /* of the newest bucket */
    double count;
    bool is_open; /* the last one seen was not +Inf */
};

struct exposition {
    char families[EXPOSITION_FAMILY_MAX][EXPOSITION_TEXT];
    size_t family_count;
    char type[16];
    bool has_help;
    bool has_type;
    struct exposition_bucket bucket;
    bool has_sum;
    bool has_count;
    char series[EXPOSITION_TEXT]; /* the histogram's labels but le, of the series at hand */
    char samples[EXPOSITION_SAMPLES_MAX][EXPOSITION_TEXT];
    size_t sample_count;
    char wrong[512]; /* the first thing */
};

static inline bool exposition_fail(struct exposition *at, const char *why, const char *line)
{
    if (at->wrong[0] == '\0')
        snprintf(at->wrong, sizeof(at->wrong), "%s: %.300s", why, line);
    return false;
}

static inline const char *exposition_name_end(const char *text)
{
    const char *end = text;

    while (isalnum((unsigned char)*end) || *end == '_' || *end == ':')
        end++;
    return isdigit((unsigned char)*text) ? text : end;
}

/* A family ends: a histogram is complete. */
static inline bool exposition_close(struct exposition *at)
{
    const char *family = at->family_count > 0 ? at->families[at->family_count - 1] : "";

    if (at->family_count == 0)
        return true;
    if (!at->has_type)
        return exposition_fail(at, "no TYPE", family);
    if (strcmp(at->type, "histogram") == 0 &&
        (at->bucket.is_open || !at->has_sum || !at->has_count))
        return exposition_fail(at, "half a histogram", family);
    return true;
}

static inline bool exposition_help(struct exposition *at, const char *line)
{
    const char *name = line + strlen("# HELP ");
    const char *end = exposition_name_end(name);
    const int len = (int)(end - name);

    if (!exposition_close(at) || len == 0 || *end != ' ' || end[1] == '\0' || strchr(end, '\\'))
        return exposition_fail(at, "no HELP", line);
    for (size_t i = 0; i < at->family_count; i++) {
        if ((int)strlen(at->families[i]) == len && strncmp(at->families[i], name, (size_t)len) == 0)
            return exposition_fail(at, "a name twice", line);
    }
    BUG_ON(at->family_count == EXPOSITION_FAMILY_MAX);
    snprintf(at->families[at->family_count++], EXPOSITION_TEXT, "%.*s", len, name);
    at->has_type = at->has_sum = at->has_count = false;
    at->series[0] = '\0';
    at->bucket = (struct exposition_bucket){.bound = -1, .is_open = true};
    return true;
}

static inline bool exposition_type(struct exposition *at, const char *line)
{
    char name[EXPOSITION_TEXT];

    if (sscanf(line, "# TYPE %159s %15s", name, at->type) != 2 || at->family_count == 0 ||
        at->has_type || strcmp(name, at->families[at->family_count - 1]) != 0)
        return exposition_fail(at, "a TYPE that is not its HELP's", line);
    if (strcmp(at->type, "counter") != 0 && strcmp(at->type, "gauge") != 0 &&
        strcmp(at->type, "histogram") != 0)
        return exposition_fail(at, "no such TYPE", line);
    const size_t len = strlen(name);
    const bool is_total = len > 6 && strcmp(name + len - 6, "_total") == 0;
    if (is_total != (strcmp(at->type, "counter") == 0))
        return exposition_fail(at, "counters, and they alone, end in _total", line);
    at->has_type = true;
    return true;
}

/* suffix: what follows the family's name; labels: with braces, or "". */
/* A histogram with labels has several series, one after the other, each of them whole. */
static inline bool exposition_series(struct exposition *at, const char *labels, const char *line)
{
    char series[EXPOSITION_TEXT];
    const char *bound = strstr(labels, "le=\"");
    size_t len = bound != NULL ? (size_t)(bound - labels) : strlen(labels);

    if (len > 0 && bound == NULL)
        len--; /* the brace */
    while (len > 0 && (labels[len - 1] == ',' || labels[len - 1] == '{'))
        len--;
    snprintf(series, sizeof(series), "%.*s", (int)len, labels);
    if (strcmp(series, at->series) == 0)
        return true;
    if (at->bucket.bound >= 0 && (at->bucket.is_open || !at->has_sum || !at->has_count))
        return exposition_fail(at, "half a histogram", line);
    snprintf(at->series, sizeof(at->series), "%s", series);
    at->has_sum = at->has_count = false;
    at->bucket = (struct exposition_bucket){.bound = -1, .is_open = true};
    return true;
}

static inline bool exposition_part(struct exposition *at, const char *suffix, const char *labels,
                                   double value, const char *line)
{
    const char *bound = strstr(labels, "le=\"");
    char number_text[32];

    if (!exposition_series(at, labels, line))
        return false;
    if (strcmp(suffix, "_sum") == 0 && !at->has_sum && bound == NULL)
        return at->has_sum = true;
    if (strcmp(suffix, "_count") == 0 && !at->has_count && bound == NULL) {
        if (at->bucket.is_open || value != at->bucket.count)
            return exposition_fail(at, "_count is not the last bucket", line);
        return at->has_count = true;
    }
    if (strcmp(suffix, "_bucket") != 0 || bound == NULL ||
        sscanf(bound, "le=\"%31[^\"]\"}", number_text) != 1)
        return exposition_fail(at, "no part of a histogram", line);
    const double number = strcmp(number_text, "+Inf") == 0 ? 1e300 : strtod(number_text, NULL);
    if (!at->bucket.is_open || number <= at->bucket.bound || value < at->bucket.count)
        return exposition_fail(at, "buckets must rise", line);
    at->bucket = (struct exposition_bucket){number, value, number < 1e300};
    return true;
}

/* {name="value",...}: gives its end, or NULL. No value of ours needs an escape. */
static inline const char *exposition_labels_end(const char *text)
{
    do {
        const char *name = text + 1;
        const char *end = exposition_name_end(name);
        if (end == name || strncmp(end, "=\"", 2) != 0)
            return NULL;
        text = strpbrk(end + 2, "\"\\\n");
        if (text == NULL || *text != '"')
            return NULL;
        text++;
    } while (*text == ',');
    return *text == '}' ? text + 1 : NULL;
}

static inline bool exposition_sample(struct exposition *at, const char *line)
{
    const char *family = at->family_count > 0 ? at->families[at->family_count - 1] : "";
    const char *name_end = exposition_name_end(line);
    const char *key_end = *name_end == '{' ? exposition_labels_end(name_end) : name_end;
    char *value_end = NULL;
    char suffix[EXPOSITION_TEXT], labels[EXPOSITION_TEXT];

    if (!at->has_type || strncmp(line, family, strlen(family)) != 0)
        return exposition_fail(at, "a sample without its head", line);
    if (key_end == NULL || *key_end != ' ')
        return exposition_fail(at, "no name and labels", line);
    const double value = strtod(key_end + 1, &value_end);
    if (value_end == key_end + 1 || *value_end != '\0' || value < 0)
        return exposition_fail(at, "no value", line);
    for (size_t i = 0; i < at->sample_count; i++) {
        if (strlen(at->samples[i]) == (size_t)(key_end - line) &&
            strncmp(at->samples[i], line, (size_t)(key_end - line)) == 0)
            return exposition_fail(at, "a sample twice", line);
    }
    BUG_ON(at->sample_count == EXPOSITION_SAMPLES_MAX);
    snprintf(at->samples[at->sample_count++], EXPOSITION_TEXT, "%.*s", (int)(key_end - line), line);
    const char *rest = line + strlen(family);
    snprintf(suffix, sizeof(suffix), "%.*s", (int)(name_end - rest), rest);
    snprintf(labels, sizeof(labels), "%.*s", (int)(key_end - name_end), name_end);
    if (strcmp(at->type, "histogram") == 0)
        return exposition_part(at, suffix, labels, value, line);
    return suffix[0] == '\0' || exposition_fail(at, "another name", line);
}

/* Returns "" or what is wrong with it; the caller frees. */
static inline char *exposition_judge(const char *text)
{
    struct exposition *at = xcalloc(1, sizeof(*at));
    char *copy = xstrdup(text);
    char *rest = copy;
    char *end;
    bool fine = true;

    while (fine && (end = strchr(rest, '\n')) != NULL) {
        *end = '\0';
        if (strncmp(rest, "# HELP ", 7) == 0)
            fine = exposition_help(at, rest);
        else if (strncmp(rest, "# TYPE ", 7) == 0)
            fine = exposition_type(at, rest);
        else
            fine = exposition_sample(at, rest);
        rest = end + 1;
    }
    if (fine && *rest != '\0')
        fine = exposition_fail(at, "the last line has no end", rest);
    if (fine)
        (void)exposition_close(at);
    char *wrong = xstrdup(at->wrong);
    free(copy);
    free(at);
    return wrong;
}

#endif
