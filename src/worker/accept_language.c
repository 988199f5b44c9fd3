/* See accept_language.h. */
#include "accept_language.h"

#define SUBTAG_MAX_BYTES 8
#define WEIGHT_ONE       1000

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* ---- a tag --------------------------------------------------------------------------------------
 */

/* The first one is letters alone, and no singleton: "x-pig" and "i-navajo" name no language that
 * could be found again. */
static bool subtag_fits(struct slice subtag, bool is_first)
{
    if (subtag.len == 0 || subtag.len > SUBTAG_MAX_BYTES || (is_first && subtag.len < 2))
        return false;
    for (size_t i = 0; i < subtag.len; i++) {
        if (!is_letter(subtag.at[i]) && (is_first || !is_digit(subtag.at[i])))
            return false;
    }
    return true;
}

/* Lower case, but a region of two letters is upper and a script of four has a capital, where they
 * stand behind no singleton. */
static void write_subtag(struct slice subtag, bool is_plain, char *out)
{
    for (size_t i = 0; i < subtag.len; i++)
        out[i] = lower(subtag.at[i]);
    if (!is_plain)
        return;
    if (subtag.len == 4)
        out[0] = upper(out[0]);
    if (subtag.len == 2) {
        out[0] = upper(out[0]);
        out[1] = upper(out[1]);
    }
}

bool language_read(struct slice text, struct language *language_out)
{
    struct language language = {""};
    bool is_first = true, behind_singleton = false, is_singleton = false;

    if (text.len == 0 || text.len > LANGUAGE_MAX_BYTES)
        return false;
    for (size_t at = 0; at <= text.len;) {
        const char *hyphen = at < text.len ? memchr(text.at + at, '-', text.len - at) : NULL;
        size_t len = (hyphen == NULL ? text.len : (size_t)(hyphen - text.at)) - at;
        struct slice subtag = slice_of(text.at + at, len);

        if (!subtag_fits(subtag, is_first) || (is_singleton && len == 1))
            return false;
        is_singleton = len == 1;
        behind_singleton |= is_singleton;
        write_subtag(subtag, !is_first && !behind_singleton, language.tag + at);
        at += len;
        if (at < text.len)
            language.tag[at] = '-';
        at++;
        is_first = false;
    }
    if (is_singleton) /* something has to stand behind it */
        return false;
    *language_out = language;
    return true;
}

/* ---- the header ---------------------------------------------------------------------------------
 */

/* Takes what stands before the mark, trimmed; the rest is what stands behind it. False: there is no
 * more. */
static bool next_piece(struct slice *rest, char mark, struct slice *piece_out)
{
    if (rest->at == NULL)
        return false;
    const char *end = rest->len > 0 ? memchr(rest->at, mark, rest->len) : NULL;
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->at);

    *piece_out = slice_trimmed(slice_of(rest->at, len));
    *rest = end == NULL ? slice_of(NULL, 0) : slice_of(end + 1, rest->len - len - 1);
    return true;
}

/* "q=0.8" in thousandths, or -1. At most three digits behind the dot, and 1 is the most. */
static int read_weight(struct slice text)
{
    int weight = 0, digit_worth = WEIGHT_ONE / 10;

    if (text.len < 3 || text.len > 7 || lower(text.at[0]) != 'q' || text.at[1] != '=' ||
        (text.at[2] != '0' && text.at[2] != '1') || (text.len > 3 && text.at[3] != '.'))
        return -1;
    weight = text.at[2] == '1' ? WEIGHT_ONE : 0;
    for (size_t i = 4; i < text.len; i++, digit_worth /= 10) {
        if (!is_digit(text.at[i]))
            return -1;
        weight += (text.at[i] - '0') * digit_worth;
    }
    return weight <= WEIGHT_ONE ? weight : -1;
}

struct language language_accepted(struct slice header)
{
    struct language best = {""}, language;
    struct slice element, range, parameter;
    int best_weight = 0;

    while (next_piece(&header, ',', &element)) {
        int weight = WEIGHT_ONE;
        if (!next_piece(&element, ';', &range))
            continue;
        while (weight >= 0 && next_piece(&element, ';', &parameter))
            weight = read_weight(parameter);
        if (weight > best_weight && language_read(range, &language)) {
            best = language;
            best_weight = weight;
        }
    }
    return best;
}
