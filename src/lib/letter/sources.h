/* The files that letters are made of: an operator's over the built-in ones. Private to this
 * folder. */
#ifndef LETTER_SOURCES_H
#define LETTER_SOURCES_H

#include "language.h"
#include "template.h"

#define SOURCE_MAX_BYTES 65536
#define LANGUAGES_MAX    64

/* All files that were read; what templates point into. */
struct sources {
    const char *dir; /* the operator's, "" without; borrowed */
    struct source **all;
    size_t count;
    struct problems *problems;
};

/* The file of that path, "de/verify.txt"; the operator's, else the built-in one. One that is not
 * there or cannot be read, is not UTF-8 or has controls in it has been told, and is bad. */
const struct source *sources_get(struct sources *sources, const char *path);

void sources_free(struct sources *sources);

/* A folder of the operator's: its languages are added to tags (count_io of LANGUAGES_MAX), and
 * what lies there and would be no letter's file is told: a misspelt name would be silence. */
void sources_scan(struct sources *sources, char tags[LANGUAGES_MAX][LANGUAGE_TAG_BYTES],
                  size_t *count_io);

#endif
