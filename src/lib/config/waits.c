/* A list of waits: "60, 120, 300", or the word no for none. */
#include "reading.h"

#define WAIT_MAX_S 86400U

/* Takes the number in front and the comma behind it. Returns false when there is no number. */
static bool take_wait(struct slice *list, uint32_t *wait_out)
{
    const char *comma = list->len > 0 ? memchr(list->at, ',', list->len) : NULL;
    const size_t len = comma != NULL ? (size_t)(comma - list->at) : list->len;
    const struct slice entry = slice_trimmed(slice_of(list->at, len));
    uint32_t wait = 0;

    if (entry.len == 0 || entry.len > 5)
        return false;
    for (size_t i = 0; i < entry.len; i++) {
        if (entry.at[i] < '0' || entry.at[i] > '9')
            return false;
        wait = wait * 10 + (uint32_t)(entry.at[i] - '0');
    }
    *list = comma != NULL ? slice_of(comma + 1, list->len - len - 1) : slice_of(NULL, 0);
    *wait_out = wait;
    return wait >= 1 && wait <= WAIT_MAX_S;
}

/* Returns false with the waits before what is none. */
static bool read_waits(struct slice list, uint32_t waits_out[GREYLIST_TRIES_MAX], size_t *count_out)
{
    uint32_t wait;

    *count_out = 0;
    if (slice_equal(slice_trimmed(list), SLICE_LITERAL("no")))
        return true;
    do {
        if (*count_out == GREYLIST_TRIES_MAX || !take_wait(&list, &wait))
            return false;
        waits_out[(*count_out)++] = wait;
    } while (list.at != NULL);
    return true;
}

size_t config_greylist_waits(const char *list, uint32_t waits_out[GREYLIST_TRIES_MAX])
{
    size_t count;

    (void)read_waits(slice_of_text(list), waits_out, &count);
    return count;
}

bool config_waits_fit(struct slice value, struct err *err)
{
    uint32_t waits[GREYLIST_TRIES_MAX];
    size_t count;

    if (read_waits(value, waits, &count))
        return true;
    err_set(err, "must be up to %d waits of 1 to %u seconds like 60, 120, 300, or the word no",
            GREYLIST_TRIES_MAX, WAIT_MAX_S);
    return false;
}
