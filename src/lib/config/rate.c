/* Rates: "30/60" is thirty in sixty seconds. Periods may be words as Django REST framework has them
 * in its throttle rates, which take the first letter: "30/m", "30/min", "30/minute". */
#include "reading.h"

#include <inttypes.h>

#define SHOWN_MAX_BYTES 80

static const struct {
    const char *word;
    uint32_t period_s;
} periods[] = {
    {"s", 1},       {"sec", 1},  {"second", 1},  {"m", 60},    {"min", 60},
    {"minute", 60}, {"h", 3600}, {"hour", 3600}, {"d", 86400}, {"day", 86400},
};

/* Returns false for what is no plain number, or has more than nine digits. */
static bool read_number(struct slice text, int64_t *number_out)
{
    int64_t number = 0;

    if (text.len == 0 || text.len > 9)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        number = number * 10 + (text.at[i] - '0');
    }
    *number_out = number;
    return true;
}

static bool read_period(struct slice text, int64_t *period_out)
{
    for (size_t i = 0; i < ARRAY_LEN(periods); i++) {
        if (slice_equal(text, slice_of_text(periods[i].word))) {
            *period_out = periods[i].period_s;
            return true;
        }
    }
    return read_number(text, period_out);
}

bool config_parse_rate(struct slice value, const struct config_row *row,
                       struct config_rate *rate_out, struct err *err)
{
    const char *slash = value.len > 0 ? memchr(value.at, '/', value.len) : NULL;
    const size_t before = slash != NULL ? (size_t)(slash - value.at) : value.len;
    int64_t count = 0;
    int64_t period = 0;

    if (slice_equal(value, SLICE_LITERAL("no"))) {
        *rate_out = (struct config_rate){.count = 0, .period_s = 1};
        return true;
    }
    if (slash == NULL || !read_number(slice_trimmed(slice_of(value.at, before)), &count) ||
        !read_period(slice_trimmed(slice_of(slash + 1, value.len - before - 1)), &period)) {
        err_set(err, "\"%.*s\" is no rate like 30/60, 30/s, 30/m, 30/h, 30/d, nor the word no",
                value.len > SHOWN_MAX_BYTES ? SHOWN_MAX_BYTES : (int)value.len, value.at);
        return false;
    }
    if (count < row->min || count > row->max || period < 1 || period > CONFIG_RATE_PERIOD_MAX_S) {
        err_set(err,
                "%" PRId64 "/%" PRId64 " is outside %" PRId64 " to %" PRId64 " (%s) in 1 to %d s",
                count, period, row->min, row->max, row->unit, CONFIG_RATE_PERIOD_MAX_S);
        return false;
    }
    if (count > period * CONFIG_RATE_PER_SECOND_MAX) {
        err_set(err, "%" PRId64 "/%" PRId64 " is more than %d a second", count, period,
                CONFIG_RATE_PER_SECOND_MAX);
        return false;
    }
    *rate_out = (struct config_rate){.count = (uint32_t)count, .period_s = (uint32_t)period};
    return true;
}
