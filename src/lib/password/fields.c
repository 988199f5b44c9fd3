/* What the database holds is read as strictly as what a client sends. */
#include "fields.h"

#include "gatepost/encoding.h"

#define BASE64_MAX_CHARS 176 /* of 132 bytes: more than any salt or hash has */

bool field_cut(struct slice *text, char separator, struct slice *field_out)
{
    const char *end = text->len > 0 ? memchr(text->at, separator, text->len) : NULL;

    if (end == NULL)
        return false;
    *field_out = slice_of(text->at, (size_t)(end - text->at));
    *text = slice_of(end + 1, text->len - field_out->len - 1);
    return true;
}

bool field_skip(struct slice *text, const char *literal)
{
    size_t len = strlen(literal);

    if (text->len < len || memcmp(text->at, literal, len) != 0)
        return false;
    *text = slice_of(text->at + len, text->len - len);
    return true;
}

bool field_number(struct slice text, uint32_t *number_out)
{
    uint32_t number = 0;

    if (text.len == 0 || text.at[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint32_t)(text.at[i] - '0'), &number))
            return false;
    }
    *number_out = number;
    return true;
}

bool field_base64(struct slice text, char plus, void *bytes_out, size_t bytes_max,
                  uint32_t *len_out)
{
    char padded[BASE64_MAX_CHARS];
    size_t len = 0;

    if (text.len > sizeof(padded) - 3)
        return false;
    for (; len < text.len; len++) {
        char c = text.at[len];

        if (c == '=' || (c == '+' && plus != '+'))
            return false;
        padded[len] = c == plus ? '+' : c;
    }
    while (len % 4 != 0)
        padded[len++] = '=';
    size_t bytes;
    if (!base64_decode(slice_of(padded, len), bytes_out, bytes_max, &bytes))
        return false;
    *len_out = (uint32_t)bytes;
    return true;
}

int field_crypt64_digit(char c)
{
    if (c == '.' || c == '/')
        return c - '.';
    if (c >= '0' && c <= '9')
        return c - '0' + 2;
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 12;
    return c >= 'a' && c <= 'z' ? c - 'a' + 38 : -1;
}

bool field_is_crypt64(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (field_crypt64_digit(text.at[i]) < 0)
            return false;
    }
    return true;
}
