/* See uuid.h. */
#include "gatepost/uuid.h"

#include "gatepost/encoding.h"
#include "gatepost/secret.h"

struct uuid uuid_new(wall_ms now)
{
    struct uuid uuid;
    uint32_t fraction;

    random_bytes(uuid.bytes, sizeof(uuid.bytes));
    for (int i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)((uint64_t)now >> (40 - 8 * i));
    if (clock_wall_fraction(now, &fraction)) {
        uuid.bytes[6] = (uint8_t)(fraction >> 8);
        uuid.bytes[7] = (uint8_t)fraction;
    }
    uuid.bytes[6] = (uint8_t)(0x70 | (uuid.bytes[6] & 0x0f)); /* version 7 */
    uuid.bytes[8] = (uint8_t)(0x80 | (uuid.bytes[8] & 0x3f)); /* variant 10 */
    return uuid;
}

void uuid_format(const struct uuid *uuid, char text_out[UUID_TEXT_BYTES])
{
    static const size_t groups[] = {4, 2, 2, 2, 6};
    const uint8_t *at = uuid->bytes;
    char *out = text_out;

    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (i > 0)
            *out++ = '-';
        hex_encode(at, groups[i], out);
        at += groups[i];
        out += groups[i] * 2;
    }
}

bool uuid_parse(struct slice text, struct uuid *uuid_out)
{
    struct uuid uuid;
    size_t digits = 0;

    if (text.len != UUID_TEXT_BYTES - 1)
        return false;
    memset(&uuid, 0, sizeof(uuid));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool dash_here = i == 8 || i == 13 || i == 18 || i == 23;
        int digit = hex_digit(c);

        if (dash_here != (c == '-') || (!dash_here && digit < 0))
            return false;
        if (dash_here)
            continue;
        uuid.bytes[digits / 2] = (uint8_t)(uuid.bytes[digits / 2] << 4 | digit);
        digits++;
    }
    *uuid_out = uuid;
    return true;
}

bool uuid_step(struct uuid *uuid)
{
    struct uuid next = *uuid;

    for (size_t i = UUID_BYTES; i-- > 0;) {
        if (++next.bytes[i] != 0) {
            *uuid = next;
            return true;
        }
    }
    return false;
}
