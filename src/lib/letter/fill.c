/* From pieces and values to a text. Every value is written for the place where it stands, so none
 * can be more than words there. */
#include "template.h"

#include <stdio.h>

#include "gatepost/encoding.h"
#include "mime.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Controls, line ends, and what turns the direction of the text after it. */
static bool is_unfit(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

/* How many bytes from here on are the same in every place: most of a link and of most names. */
static size_t plain_len(struct slice value)
{
    size_t len = 0;

    while (len < value.len && value.at[len] >= 0x20 && value.at[len] < 0x7f &&
           strchr("&<>\"'", value.at[len]) == NULL)
        len++;
    return len;
}

/* is_chosen: by somebody outside; anything else that is unfit comes from a wrong configuration, and
 * makes no letter. */
static void fill_words(struct packer *out, struct slice value, bool html, bool is_chosen)
{
    while (value.len > 0) {
        size_t plain = plain_len(value);
        pack_raw(out, value.at, plain);
        value = slice_of(value.at + plain, value.len - plain);
        if (value.len == 0)
            break;
        struct slice before = value;
        if (is_unfit(utf8_next(&value))) {
            out->overflow |= !is_chosen;
            mime_raw(out, REPLACEMENT);
        } else if (html && before.len - value.len == 1) {
            mime_html_escape(out, slice_of(before.at, 1));
        } else {
            pack_raw(out, before.at, before.len - value.len);
        }
    }
}

static void fill_url(struct packer *out, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        char text[4] = {(char)c};
        bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';

        if (!unreserved)
            snprintf(text, sizeof(text), "%%%02X", c);
        mime_raw(out, text);
    }
}

static void fill_value(struct packer *out, enum place place, struct slice value, bool is_chosen)
{
    if (!utf8_valid(value)) {
        out->overflow = true;
        return;
    }
    switch (place) {
    case PLACE_RAW:
        BUG_ON("a value that is not written for its place");
        break;
    case PLACE_TEXT:
    case PLACE_HTML:
        fill_words(out, value, place == PLACE_HTML, is_chosen);
        break;
    case PLACE_URL:
        fill_url(out, value);
        break;
    }
}

void template_fill(const struct template *template, const struct slice values[VALUE_COUNT],
                   struct packer *out)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct piece *piece = &template->pieces[i];

        if (piece->value != VALUE_NONE)
            fill_value(out, (enum place)piece->place, values[piece->value],
                       piece->value == VALUE_NAME);
        else if (piece->place == PLACE_RAW)
            pack_raw(out, piece->text.at, piece->text.len);
        else
            mime_html_escape(out, piece->text); /* a subject, as a title */
    }
}
