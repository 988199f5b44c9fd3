/* Text forms of bytes. The decoders accept exactly what the encoders write: a token or hash that
 * can be spelled in two ways could pass a check that looks at its text. */
#include "gatepost/encoding.h"

#include <endian.h>

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char mime_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode(const char *alphabet, const uint8_t *at, size_t len, char *out)
{
    const char *begin = out;

    for (; len >= 3; len -= 3, at += 3, out += 4) {
        const uint32_t bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];

        out[0] = alphabet[bits >> 18];
        out[1] = alphabet[bits >> 12 & 63];
        out[2] = alphabet[bits >> 6 & 63];
        out[3] = alphabet[bits & 63];
    }
    if (len > 0) {
        const uint32_t bits = (uint32_t)at[0] << 8 | (len == 2 ? at[1] : 0);

        *out++ = alphabet[bits >> 10];
        *out++ = alphabet[bits >> 4 & 63];
        if (len == 2)
            *out++ = alphabet[bits << 2 & 63];
    }
    return (size_t)(out - begin);
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

/* By character: 64 and the digit's value, 0 for what is no digit. A table, for a token has some 400
 * characters and a branch on each is mispredicted every other time. */
#define IS_DIGIT 64
#define LETTERS_AND_DIGITS                                                                         \
    ['A'] = 64, ['B'] = 65, ['C'] = 66, ['D'] = 67, ['E'] = 68, ['F'] = 69, ['G'] = 70,            \
    ['H'] = 71, ['I'] = 72, ['J'] = 73, ['K'] = 74, ['L'] = 75, ['M'] = 76, ['N'] = 77,            \
    ['O'] = 78, ['P'] = 79, ['Q'] = 80, ['R'] = 81, ['S'] = 82, ['T'] = 83, ['U'] = 84,            \
    ['V'] = 85, ['W'] = 86, ['X'] = 87, ['Y'] = 88, ['Z'] = 89, ['a'] = 90, ['b'] = 91,            \
    ['c'] = 92, ['d'] = 93, ['e'] = 94, ['f'] = 95, ['g'] = 96, ['h'] = 97, ['i'] = 98,            \
    ['j'] = 99, ['k'] = 100, ['l'] = 101, ['m'] = 102, ['n'] = 103, ['o'] = 104, ['p'] = 105,      \
    ['q'] = 106, ['r'] = 107, ['s'] = 108, ['t'] = 109, ['u'] = 110, ['v'] = 111, ['w'] = 112,     \
    ['x'] = 113, ['y'] = 114, ['z'] = 115, ['0'] = 116, ['1'] = 117, ['2'] = 118, ['3'] = 119,     \
    ['4'] = 120, ['5'] = 121, ['6'] = 122, ['7'] = 123, ['8'] = 124, ['9'] = 125

static const uint8_t url_digits[256] = {LETTERS_AND_DIGITS, ['-'] = 126, ['_'] = 127};
static const uint8_t mime_digits[256] = {LETTERS_AND_DIGITS, ['+'] = 126, ['/'] = 127};

/* The last 2 or 3 characters, which are 1 or 2 bytes. */
static bool decode_rest(const uint8_t digits[256], const uint8_t *in, size_t len, uint8_t *out)
{
    uint32_t bits = 0;
    uint8_t all = IS_DIGIT;

    for (size_t i = 0; i < len; i++) {
        all &= digits[in[i]];
        bits = bits << 6 | (digits[in[i]] & 63);
    }
    const unsigned spare = len == 3 ? 2 : 4;

    if ((all & IS_DIGIT) == 0 ||
        (bits & ((1U << spare) - 1)) != 0) /* another spelling of the same bytes */
        return false;
    bits >>= spare;
    if (len == 3)
        *out++ = (uint8_t)(bits >> 8);
    *out = (uint8_t)bits;
    return true;
}

static bool decode(const uint8_t digits[256], struct slice text, uint8_t *out, size_t max,
                   size_t *len_out)
{
    const uint8_t *in = (const uint8_t *)text.at;
    const size_t rest = text.len % 4;
    const size_t len = text.len / 4 * 3 + rest * 3 / 4;
    uint8_t all = IS_DIGIT;

    if (rest == 1 || len > max)
        return false;
    for (size_t left = text.len / 4; left > 0; left--, in += 4, out += 3) {
        const uint8_t a = digits[in[0]], b = digits[in[1]], c = digits[in[2]], d = digits[in[3]];

        all &= a & b & c & d;
        out[0] = (uint8_t)(a << 2 | (b & 63) >> 4);
        out[1] = (uint8_t)(b << 4 | (c & 63) >> 2);
        out[2] = (uint8_t)(c << 6 | (d & 63));
    }
    if ((all & IS_DIGIT) == 0 || (rest > 0 && !decode_rest(digits, in, rest, out)))
        return false;
    *len_out = len;
    return true;
}

bool base64url_decode(struct slice text, void *bytes_out, size_t bytes_max, size_t *len_out)
{
    return decode(url_digits, text, bytes_out, bytes_max, len_out);
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
    return decode(mime_digits, text, bytes_out, bytes_max, len_out);
}

/* Four bytes as eight digits, all at once: each half byte to a byte of its own, and 39 more than to
 * '0' where it is 10 and above. Every request has an id of 32 digits. */
static void encode_four(const uint8_t *at, char *text_out)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint32_t bytes;
    uint64_t digits;

    memcpy(&bytes, at, sizeof(bytes));
    digits = be32toh(bytes);
    digits = (digits << 16 | digits) & 0x0000ffff0000ffff;
    digits = (digits << 8 | digits) & 0x00ff00ff00ff00ff;
    digits = (digits << 4 | digits) & 0x0f0f0f0f0f0f0f0f;
    const uint64_t letters = (digits + ones * 6) >> 4 & ones;
    digits = htobe64(digits + ones * '0' + letters * ('a' - '0' - 10));
    memcpy(text_out, &digits, sizeof(digits));
}

void hex_encode(const void *bytes, size_t len, char *text_out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;

    for (; len >= 4; len -= 4, at += 4, text_out += 8)
        encode_four(at, text_out);
    for (; len > 0; len--, at++) {
        *text_out++ = digits[*at >> 4];
        *text_out++ = digits[*at & 15];
    }
    *text_out = '\0';
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(struct slice text, void *bytes_out, size_t bytes_max, size_t *len_out)
{
    uint8_t *bytes = bytes_out;

    if (text.len % 2 != 0 || text.len / 2 > bytes_max)
        return false;
    for (size_t i = 0; i < text.len / 2; i++) {
        const int high = hex_digit(text.at[2 * i]);
        const int low = hex_digit(text.at[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    *len_out = text.len / 2;
    return true;
}
