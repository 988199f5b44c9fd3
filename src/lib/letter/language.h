/* Language tags (BCP 47). Private to this folder. */
#ifndef LETTER_LANGUAGE_H
#define LETTER_LANGUAGE_H

#include "gatepost/base.h"

#define LANGUAGE_TAG_BYTES 36

/* Letters and digits in words of one to eight, the first of two or three letters. */
MUST_USE bool language_is_tag(const char *text);

/* Is the tag of that language, or of a kind of it? "de" covers "de" and "DE-at". */
MUST_USE bool language_covers(const char *language, const char *tag);

#endif
