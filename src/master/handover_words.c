/* See handover_words.h. */
#include "handover_words.h"

#include <inttypes.h>
#include <unistd.h>

#include "handover.h"

struct slice take_word(struct slice *rest)
{
    const char *blank = rest->len > 0 ? memchr(rest->at, ' ', rest->len) : NULL;
    size_t len = blank != NULL ? (size_t)(blank - rest->at) : rest->len;
    struct slice word = slice_of(rest->at, len);
    len += blank != NULL ? 1 : 0;
    *rest = slice_of(rest->at + len, rest->len - len);
    return word;
}

bool take_number(struct slice *rest, uint64_t most, uint64_t *value_out)
{
    struct slice word = take_word(rest);
    uint64_t value = 0;
    if (word.len == 0 || word.len > 20)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        uint64_t digit = (uint64_t)(word.at[i] - '0');
        if (word.at[i] < '0' || word.at[i] > '9' || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value > most)
        return false;
    *value_out = value;
    return true;
}

bool take_fd(struct slice *rest, int *fd_out)
{
    uint64_t value = 0;
    if (!take_number(rest, INT32_MAX, &value) || value <= STDERR_FILENO)
        return false;
    *fd_out = (int)value;
    return true;
}

bool take_flag(struct slice *rest, bool *flag_out)
{
    uint64_t value = 0;
    if (!take_number(rest, 1, &value))
        return false;
    *flag_out = value != 0;
    return true;
}

bool take_u32(struct slice *rest, uint32_t *value_out)
{
    uint64_t value = 0;
    if (!take_number(rest, UINT32_MAX, &value))
        return false;
    *value_out = (uint32_t)value;
    return true;
}

bool take_role(struct slice *rest, enum proc_role *role_out)
{
    struct slice word = take_word(rest);
    for (enum proc_role role = ROLE_WORKER; role < ROLE_COUNT; role++) {
        if (slice_equal(word, slice_of_text(handover_role_name(role)))) {
            *role_out = role;
            return true;
        }
    }
    return false;
}
