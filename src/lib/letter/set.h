/* All letters of all languages. Private to this folder. */
#ifndef LETTER_SET_H
#define LETTER_SET_H

#include "sources.h"

struct letter_language {
    char tag[LANGUAGE_TAG_BYTES];
    struct template parts[MAIL_PURPOSE_END][PART_COUNT];
};

struct letter_set {
    struct letter_language *languages; /* heap */
    size_t count;
    size_t fallback; /* what mail.language names */
    struct sources sources;
};

/* The language that fits a tag best: itself, else what it is a kind of, else the fallback. */
const struct letter_language *letter_set_language(const struct letter_set *set, const char *tag);

#endif
