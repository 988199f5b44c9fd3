/* See lines.h. */
#include "lines.h"

bool next_line(struct slice *text, struct slice *line_out)
{
    if (text->len == 0)
        return false;
    const char *end = memchr(text->at, '\n', text->len);
    size_t len = end != NULL ? (size_t)(end - text->at) : text->len;
    *line_out = slice_of(text->at, len);
    size_t step = end != NULL ? len + 1 : len;
    *text = slice_of(text->at + step, text->len - step);
    return true;
}

struct slice time_text(struct slice iso, char storage[TIME_TEXT_BYTES])
{
    const size_t points = TIME_TEXT_BYTES - 1;

    if (iso.len < points || iso.at[10] != 'T')
        return iso;
    memcpy(storage, iso.at, points);
    storage[10] = ' ';
    storage[points] = '\0';
    return slice_of(storage, points);
}
