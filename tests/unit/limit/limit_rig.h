/* A segment with its tables, and what tests of limits say often. */
#ifndef TESTS_LIMIT_RIG_H
#define TESTS_LIMIT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/limit/limit_layout.h"

#define NOW (5000 * NS_PER_S)

static struct segment *segment;
static const struct limit_growth GROWTH = {.free = 3, .first_s = 1, .max_s = 60};

static inline int rig_up(void **state)
{
    struct err err;

    (void)state;
    segment = segment_create(1, &err);
    if (segment != NULL)
        limits_init(segment);
    return segment != NULL ? 0 : -1;
}

static inline int rig_down(void **state)
{
    (void)state;
    segment_close(&segment);
    return 0;
}

/* The rate for LIMIT_LOGIN_ADDRESS and LIMIT_LOGIN_GLOBAL; no limit for the others. */
static inline struct limits *rig_open(uint32_t count, uint32_t period_s)
{
    struct limit_rate rates[LIMIT_KINDS] = {0};

    rates[LIMIT_LOGIN_ADDRESS] = (struct limit_rate){count, period_s};
    rates[LIMIT_LOGIN_GLOBAL] = (struct limit_rate){count, period_s};
    return limits_open(segment, rates, &GROWTH);
}

static inline struct slice rig_key(unsigned number, char text[16])
{
    snprintf(text, 16, "%u", number);
    return slice_of_text(text);
}

static inline bool rig_take(struct limits *limits, const char *key, mono_ns now)
{
    uint32_t wait_s;

    return limit_take(limits, LIMIT_LOGIN_ADDRESS, slice_of_text(key), now, &wait_s);
}

/* How many of `tries` get through at that moment. */
static inline unsigned rig_burst(struct limits *limits, const char *key, mono_ns now,
                                 unsigned tries)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < tries; i++)
        taken += rig_take(limits, key, now);
    return taken;
}

#endif
