/* The words of letters. Private to this folder. */
#ifndef LETTER_WORDS_H
#define LETTER_WORDS_H

#include "gatepost/base.h"

/* What one letter says; texts with {placeholders} and without markup. */
struct letter_words {
    const char *subject;
    const char *lead;   /* what it is about: a paragraph that goes on from a greeting */
    const char *button; /* what following the link does; NULL: a letter without one */
    const char *small;  /* what to do if it comes as a surprise */
};

/* The words for a purpose, or NULL when it is unknown. */
const struct letter_words *letter_words_of(uint8_t purpose);

/* What stands around the words; LF line ends. link is left out of a letter that has none. */
struct letter_frame {
    const char *before, *link, *after;
};
extern const struct letter_frames {
    struct letter_frame text, html;
} letter_frames;

#endif
