/* Python's str() of int and float. */
#include "number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* strtod wants a NUL, and a body may hold a number of any length. */
static double value_of(struct slice text)
{
    char *copy = xcalloc(1, text.len + 1);

    memcpy(copy, text.at, text.len);
    double value = strtod(copy, NULL);
    free(copy);
    return value;
}

/* Digits and decimal exponent of the shortest form that reads back as the same (finite) double. */
static void shortest(double value, char digits_out[20], int *exponent_out)
{
    char text[40];
    int precision = 0;
    size_t count = 0;

    do {
        snprintf(text, sizeof(text), "%.*e", precision, value);
    } while (strtod(text, NULL) != value && ++precision < 17);

    const char *at = text;
    for (; *at != 'e'; at++) {
        if (*at != '.')
            digits_out[count++] = *at;
    }
    digits_out[count] = '\0';
    *exponent_out = (int)strtol(at + 1, NULL, 10);
}

static int print_positive(double value, char *to, size_t max)
{
    char digits[20];
    int exponent;

    shortest(value, digits, &exponent);
    int count = (int)strlen(digits);
    /* Python's repr: plain from 1e-4 up to 1e16, with an exponent of two digits or more beyond. */
    if (exponent < -4 || exponent >= 16)
        return snprintf(to, max, "%.1s%s%se%+.2d", digits, count > 1 ? "." : "", digits + 1,
                        exponent);
    if (exponent < 0)
        return snprintf(to, max, "0.%.*s%s", -exponent - 1, "000", digits);
    if (exponent + 1 >= count)
        return snprintf(to, max, "%s%.*s.0", digits, exponent + 1 - count, "0000000000000000");
    return snprintf(to, max, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
}

static struct slice float_text(struct slice text, char storage[NUMBER_TEXT_BYTES])
{
    double value = value_of(text);
    bool negative = signbit(value) != 0;
    char *to = storage;
    int len;

    if (negative)
        *to++ = '-';
    if (isinf(value))
        len = snprintf(to, NUMBER_TEXT_BYTES - 1, "inf");
    else
        len = print_positive(fabs(value), to, NUMBER_TEXT_BYTES - 1);
    BUG_ON(len < 0 || len >= NUMBER_TEXT_BYTES - 1);
    return slice_of(storage, (size_t)len + negative);
}

struct slice number_text(const struct json_member *number, char storage[NUMBER_TEXT_BYTES])
{
    if (number->type == JSON_FLOAT)
        return float_text(number->text, storage);
    if (slice_equal(number->text, SLICE_LITERAL("-0")))
        return SLICE_LITERAL("0");
    return number->text;
}
