/* Where codes stand in what relays and reports say. */
#include "status_code.h"

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* One to three digits off the front. */
static bool take_number(struct slice *text, unsigned *number_out)
{
    unsigned number = 0;
    size_t len = 0;

    while (len < text->len && is_digit(text->at[len])) {
        if (len == 3)
            return false;
        number = number * 10 + (unsigned)(text->at[len++] - '0');
    }
    if (len == 0)
        return false;
    *text = slice_of(text->at + len, text->len - len);
    *number_out = number;
    return true;
}

static bool take_dot(struct slice *text)
{
    if (text->len == 0 || text->at[0] != '.')
        return false;
    *text = slice_of(text->at + 1, text->len - 1);
    return true;
}

bool status_code_take(struct slice *text, struct status_code *code_out)
{
    return take_number(text, &code_out->class) && take_dot(text) &&
           take_number(text, &code_out->subject) && take_dot(text) &&
           take_number(text, &code_out->detail);
}

/* Letters, digits and dots before it make it a piece of something else. */
static bool is_word_start(struct slice text, size_t at)
{
    if (at == 0)
        return true;
    char before = text.at[at - 1];
    return !is_digit(before) && before != '.' && !(before >= 'a' && before <= 'z') &&
           !(before >= 'A' && before <= 'Z');
}

bool status_code_find(struct slice text, struct status_code *code_out)
{
    *code_out = (struct status_code){0};
    for (size_t i = 0; i < text.len; i++) {
        struct slice rest = slice_of(text.at + i, text.len - i);
        struct status_code code;
        if (!is_digit(text.at[i]) || !is_word_start(text, i))
            continue;
        if (!status_code_take(&rest, &code))
            continue;
        bool goes_on = rest.len >= 2 && rest.at[0] == '.' && is_digit(rest.at[1]);
        if (goes_on || (code.class != 2 && code.class != 4 && code.class != 5))
            continue;
        *code_out = code;
        return true;
    }
    return false;
}

unsigned smtp_code_find(struct slice text)
{
    for (size_t i = 0; i + 3 <= text.len; i++) {
        struct slice rest = slice_of(text.at + i, text.len - i);
        unsigned code;
        if ((text.at[i] != '4' && text.at[i] != '5') || !is_word_start(text, i) ||
            !take_number(&rest, &code) || code < 400)
            continue;
        if (rest.len == 0 || rest.at[0] == ' ' || rest.at[0] == '-')
            return code;
    }
    return 0;
}
