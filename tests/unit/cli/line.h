/* A command line in one text, as its words. */
#ifndef TEST_LINE_H
#define TEST_LINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gatepost/bytes.h"

#define LINE_WORDS_MAX 12

/* Separated by blanks; they live until the next call. Returns how many. */
static inline size_t line_words(const char *line, const char *words_out[LINE_WORDS_MAX])
{
    static char text[256];
    size_t count = 0;
    char *save = NULL;

    assert_true(slice_to_text(slice_of_text(line), text, sizeof(text)));
    for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        assert_true(count < LINE_WORDS_MAX);
        words_out[count++] = word;
    }
    return count;
}

#endif
