/* One spelling for a password, however the keyboard wrote it.
 *
 * A Mac's e with an acute may come as two code points, a Windows machine's as one, and a blank as
 * U+00A0. What is hashed is RFC 8265's OpaqueString as far as it maps: other blanks become U+0020,
 * then NFC. What it would refuse (controls, unassigned points) is let through: the less refused,
 * the better, and NFC of what is assigned never changes (Unicode's stability policy). */
#include "gatepost/password_policy.h"

#include <uninorm.h>

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

/* The largest factor by which NFC lengthens UTF-8. Source: UAX #15, table of maximum expansion. */
#define NFC_FACTOR 3

/* General category Zs, but for U+0020. */
static bool is_other_blank(uint32_t point)
{
    return point == 0xa0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200a) ||
           point == 0x202f || point == 0x205f || point == 0x3000;
}

static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    }
    return true;
}

/* Never longer than it was. */
static size_t map_blanks(struct slice text, char mapped_out[PASSWORD_MAX_BYTES])
{
    size_t len = 0;

    while (text.len > 0) {
        const char *at = text.at;
        uint32_t point = utf8_next(&text);
        size_t bytes = (size_t)(text.at - at);

        if (is_other_blank(point)) {
            mapped_out[len++] = ' ';
        } else {
            memcpy(mapped_out + len, at, bytes);
            len += bytes;
        }
    }
    return len;
}

bool password_prepare(struct slice typed, char text_out[PASSWORD_MAX_BYTES], size_t *len_out)
{
    char mapped[PASSWORD_MAX_BYTES];
    uint8_t normal[NFC_FACTOR * PASSWORD_MAX_BYTES];
    size_t len = sizeof(normal);

    if (typed.len > PASSWORD_MAX_BYTES)
        return false;
    if (is_ascii(typed)) {
        if (typed.len > 0)
            memcpy(text_out, typed.at, typed.len);
        *len_out = typed.len;
        return true;
    }
    size_t mapped_len = map_blanks(typed, mapped);
    /* It writes into normal, which is large enough; so there is nothing of the heap to wipe. */
    uint8_t *result = u8_normalize(UNINORM_NFC, (const uint8_t *)mapped, mapped_len, normal, &len);
    BUG_ON(result != normal);
    bool fits = len <= PASSWORD_MAX_BYTES;
    if (fits) {
        memcpy(text_out, normal, len);
        *len_out = len;
    }
    secret_wipe(mapped, sizeof(mapped));
    secret_wipe(normal, sizeof(normal));
    return fits;
}
