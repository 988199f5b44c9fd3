/* Language tags, as far as letters need them: which one is a kind of which. */
#include "language.h"

#include <ctype.h>
#include <strings.h>

bool language_is_tag(const char *text)
{
    size_t word = 0, words = 0;

    if (strlen(text) >= LANGUAGE_TAG_BYTES)
        return false;
    for (const char *c = text;; c++) {
        if (*c == '-' || *c == '\0') {
            if (word == 0 || word > 8 || (words == 0 && (word < 2 || word > 3)))
                return false;
            word = 0;
            words++;
            if (*c == '\0')
                return true;
        } else if (!isascii(*c) || !(isalpha(*c) || (words > 0 && isdigit(*c)))) {
            return false;
        } else {
            word++;
        }
    }
}

bool language_covers(const char *language, const char *tag)
{
    size_t len = strlen(language);

    return strncasecmp(language, tag, len) == 0 && (tag[len] == '\0' || tag[len] == '-');
}
