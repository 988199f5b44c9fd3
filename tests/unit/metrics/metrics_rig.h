/* A segment, this process counting in its slot 1, and the text that is made of it. */
#ifndef TESTS_METRICS_RIG_H
#define TESTS_METRICS_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "gatepost/metrics.h"

static struct segment *segment;
static char *text;

static inline int set_up(void **state)
{
    struct err err;

    (void)state;
    segment = segment_create(2, &err);
    metrics_init(segment, 1);
    return segment ? 0 : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    metrics_init(NULL, 0);
    segment_close(&segment);
    free(text);
    text = NULL;
    return 0;
}

static inline void print(void)
{
    size_t len;

    free(text);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    metrics_print(out, segment);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(len, strlen(text));
}

/* A whole line of the text. */
static inline bool has_line(const char *line)
{
    const size_t len = strlen(line);

    for (const char *at = text; (at = strstr(at, line)); at++) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    }
    return false;
}

static inline size_t occurrences(const char *part)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
