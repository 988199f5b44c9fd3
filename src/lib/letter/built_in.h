/* The templates that are part of the program. Private to this folder. */
#ifndef LETTER_BUILT_IN_H
#define LETTER_BUILT_IN_H

#include "gatepost/base.h"

#define BUILT_IN_LANGUAGES 6

extern const char *const built_in_languages[BUILT_IN_LANGUAGES];

/* path: "layout.html", "de/verify.txt". */
MUST_USE bool built_in_find(const char *path, struct slice *text_out);

#endif
