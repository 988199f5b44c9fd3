/* UTF-8 by the letter of RFC 3629, table 3-7 of the Unicode standard. */
#include "gatepost/encoding.h"

/* Length of the sequence that starts with this byte, and the least and largest second byte that
 * keep out overlong forms, surrogates and what lies above U+10FFFF. 0: cannot start one. */
static size_t sequence_len(uint8_t first, uint8_t *second_min, uint8_t *second_max)
{
    *second_min = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *second_max = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80)
        return 1;
    if (first < 0xc2)
        return 0;
    if (first < 0xe0)
        return 2;
    if (first < 0xf0)
        return 3;
    return first < 0xf5 ? 4 : 0;
}

/* How much of the beginning is ASCII for sure, in steps of 8 bytes: nearly every text is all of it.
 */
static size_t ascii_len(const uint8_t *at, size_t len)
{
    size_t done = 0;
    uint64_t eight;

    for (; len - done >= sizeof(eight); done += sizeof(eight)) {
        memcpy(&eight, at + done, sizeof(eight));
        if ((eight & 0x8080808080808080) != 0)
            break;
    }
    return done;
}

/* Length of the good sequence at the begin of the bytes, or 0. */
static size_t good_sequence(const uint8_t *at, size_t left)
{
    uint8_t least, largest;
    size_t len = sequence_len(at[0], &least, &largest);

    if (len == 0 || len > left)
        return 0;
    if (len > 1 && (at[1] < least || at[1] > largest))
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool utf8_valid(struct slice text)
{
    const uint8_t *at = (const uint8_t *)text.at;
    size_t left = text.len;

    while (left > 0) {
        const size_t ascii = ascii_len(at, left);

        at += ascii;
        left -= ascii;
        if (left == 0)
            break;
        size_t len = good_sequence(at, left);

        if (len == 0)
            return false;
        at += len;
        left -= len;
    }
    return true;
}

size_t utf8_repair(struct slice text, char *text_out)
{
    static const char replacement[] = "\xef\xbf\xbd";
    size_t done = 0;
    size_t out = 0;

    while (done < text.len) {
        size_t good = good_sequence((const uint8_t *)text.at + done, text.len - done);
        size_t len = good > 0 ? good : sizeof(replacement) - 1;

        memcpy(text_out + out, good > 0 ? text.at + done : replacement, len);
        done += good > 0 ? good : 1;
        out += len;
    }
    return out;
}

size_t utf8_count(struct slice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        if (((uint8_t)text.at[i] & 0xc0) != 0x80)
            count++;
    return count;
}

uint32_t utf8_next(struct slice *text)
{
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t *at = (const uint8_t *)text->at;
    uint8_t least, largest;
    size_t len = sequence_len(at[0], &least, &largest);

    BUG_ON(len == 0 || len > text->len);
    uint32_t point = at[0] & first_bits[len];
    for (size_t i = 1; i < len; i++)
        point = point << 6 | (at[i] & 0x3f);
    text->at += len;
    text->len -= len;
    return point;
}

/* str.isspace(), which is what str.strip() goes by. */
static bool is_blank_point(uint32_t point)
{
    return (point >= 0x09 && point <= 0x0d) || (point >= 0x1c && point <= 0x20) || point == 0x85 ||
           point == 0xa0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200a) ||
           point == 0x2028 || point == 0x2029 || point == 0x202f || point == 0x205f ||
           point == 0x3000;
}

static bool is_visible_ascii(char c)
{
    return c > ' ' && c < 0x7f;
}

struct slice text_trimmed(struct slice text)
{
    const char *begin = NULL;
    const char *end = NULL;
    struct slice rest = text;

    if (text.len > 0 && is_visible_ascii(text.at[0]) && is_visible_ascii(text.at[text.len - 1]))
        return text; /* nearly all that is sent, and a token is long */
    while (rest.len > 0) {
        const char *at = rest.at;
        if (is_blank_point(utf8_next(&rest)))
            continue;
        if (begin == NULL)
            begin = at;
        end = rest.at;
    }
    return begin == NULL ? slice_of(text.at, 0) : slice_of(begin, (size_t)(end - begin));
}
