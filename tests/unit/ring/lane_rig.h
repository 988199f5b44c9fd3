/* One lane of a fresh segment, both of its ends, and what tests of it say again and again. The
 * test program includes cmocka first. */
#ifndef LANE_RIG_H
#define LANE_RIG_H

#include "lib/ring/ring_layout.h"

static struct segment *segment;
static struct lane producer, consumer;
static uint8_t record[LANE_RECORD_MAX_BYTES];
static uint8_t taken[LANE_RECORD_MAX_BYTES];

static int set_up(void **state)
{
    struct err err;

    (void)state;
    segment = segment_create(2, &err);
    if (!segment)
        return -1;
    producer = lane_open(segment, 1, LANE_ASK);
    consumer = lane_open(segment, 1, LANE_ASK);
    for (size_t i = 0; i < sizeof(record); i++)
        record[i] = (uint8_t)(i * 7 + i / 256);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    segment_close(&segment);
    return 0;
}

static void expect_record(const void *bytes, size_t len)
{
    size_t got;

    assert_int_equal(lane_take(&consumer, taken, &got), LANE_RECORD);
    assert_int_equal(got, len);
    assert_memory_equal(taken, bytes, len);
}

static void expect_empty(void)
{
    size_t got = 4711;

    assert_int_equal(lane_take(&consumer, taken, &got), LANE_EMPTY);
    assert_int_equal(got, 4711);
    assert_false(lane_has_record(&consumer));
}

#endif
