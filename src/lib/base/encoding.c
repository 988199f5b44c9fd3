/* Text forms of bytes. The decoders accept exactly what the encoders write: a token or hash that
 * can be spelled in two ways could pass a check that looks at its text. */
#include "gatepost/encoding.h"

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char mime_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode(const char *alphabet, const uint8_t *at, size_t len, char *out)
{
    size_t written = 0;
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | at[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            out[written++] = alphabet[bits >> held & 63];
        }
    }
    if (held > 0)
        out[written++] = alphabet[bits << (6 - held) & 63];
    return written;
}

void base64url_encode(const void *bytes, size_t len, char *text_out)
{
    text_out[encode(url_alphabet, bytes, len, text_out)] = '\0';
}

void base64_encode(const void *bytes, size_t len, char *text_out)
{
    size_t written = encode(mime_alphabet, bytes, len, text_out);

    while (written % 4 != 0)
        text_out[written++] = '=';
    text_out[written] = '\0';
}

static int digit_of(char c, const char specials[2])
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == specials[0] ? 62 : c == specials[1] ? 63 : -1;
}

static bool decode(const char specials[2], struct slice text, uint8_t *out, size_t max,
                   size_t *len_out)
{
    size_t written = 0;
    uint32_t bits = 0;
    unsigned held = 0;

    if (text.len % 4 == 1 || text.len / 4 * 3 + text.len % 4 * 3 / 4 > max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.at[i], specials);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[written++] = (uint8_t)(bits >> held);
        }
    }
    if ((bits & ((1U << held) - 1)) != 0) /* spare bits: another spelling of the same bytes */
        return false;
    *len_out = written;
    return true;
}

bool base64url_decode(struct slice text, void *bytes_out, size_t bytes_max, size_t *len_out)
{
    return decode("-_", text, bytes_out, bytes_max, len_out);
}

bool base64_decode(struct slice text, void *bytes_out, size_t bytes_max, size_t *len_out)
{
    size_t padding = 0;

    if (text.len % 4 != 0)
        return false;
    while (padding < 2 && text.len > 0 && text.at[text.len - 1] == '=') {
        text.len--;
        padding++;
    }
    return decode("+/", text, bytes_out, bytes_max, len_out);
}

void hex_encode(const void *bytes, size_t len, char *text_out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        text_out[2 * i] = digits[at[i] >> 4];
        text_out[2 * i + 1] = digits[at[i] & 15];
    }
    text_out[2 * len] = '\0';
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
