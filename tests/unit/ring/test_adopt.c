/* A segment that is taken over: by who has its layout, with what its master knew, and by nobody
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatepost/segment_parts.h"
#include "lib/ring/ring_layout.h"

#define LAYOUT 4711U

static struct segment *make(struct segment_parts *parts_out)
{
    struct err err = {0};
    uint32_t slot = 0;
    struct segment *segment = segment_create(4, &err);
    assert_non_null(segment);
    segment_stamp(segment, LAYOUT);
    assert_true(seat_take_mailer(segment));
    assert_true(seat_take_worker(segment, &slot));
    segment_give(segment, parts_out);
    return segment;
}

static void test_the_successor_knows_what_the_master_knew(void **state)
{
    (void)state;
    struct segment_parts parts;
    struct err err = {0};
    struct segment *old = make(&parts);
    board_set(old, BOARD_USERS, 17);
    counter_add(old, 3, 5, 7);
    struct segment *new = segment_adopt(&parts, LAYOUT, &err);
    assert_non_null(new);
    assert_int_equal(segment_seats(new), 5);
    assert_int_equal(segment_fd(new), segment_fd(old));
    assert_int_equal(wake_fd(new, 6), wake_fd(old, 6));
    assert_int_equal(board_get(new, BOARD_USERS), 17);
    assert_int_equal(counter_get(new, 3, 5), 7);
    assert_int_equal(seat_look(new, 1).state, SEAT_LIVE);
    uint32_t slot = 0;
    assert_true(seat_take_worker(new, &slot)); /* not the one that is taken */
    assert_int_equal(slot, 2);
    assert_false(seat_take_mailer(new));
    seat_bury(new, 1);
    assert_int_equal(seat_look(old, 1).state, SEAT_DEAD);
    segment_leave(&new);
    assert_null(new);
    assert_true(write(wake_fd(old, 0), &(uint64_t){1}, 8) == 8); /* its descriptors stayed open */
    segment_parts_fini(&parts);
    segment_close(&old);
}

static void test_nothing_in_it_is_changed_by_the_look(void **state)
{
    (void)state;
    struct segment_parts parts;
    struct err err = {0};
    struct segment *old = make(&parts);
    /* But for the fault points, which count who comes by. */
    size_t bytes = (size_t)((uint8_t *)old->faults - old->base);
    uint8_t *copy = malloc(bytes);
    memcpy(copy, old->base, bytes);
    struct segment *new = segment_adopt(&parts, LAYOUT, &err);
    assert_non_null(new);
    assert_memory_equal(copy, old->base, bytes);
    segment_leave(&new);
    free(copy);
    segment_parts_fini(&parts);
    segment_close(&old);
}

static void refuse(const struct segment_parts *parts, uint64_t layout)
{
    struct err err = {0};
    assert_null(segment_adopt(parts, layout, &err));
    assert_true(err.text[0] != '\0');
    assert_true(lseek(parts->fd, 0, SEEK_CUR) >= 0 || parts->fd < 0 || parts->fd == 999);
}

static void test_one_that_does_not_fit_is_refused_and_left_alone(void **state)
{
    (void)state;
    struct segment_parts parts;
    struct segment *old = make(&parts);
    refuse(&parts, LAYOUT + 1);
    for (uint32_t seats = 0; seats < 2000; seats += seats < 12 ? 1 : 500) {
        struct segment_parts other = parts;
        other.worker_seats = seats;
        if (seats != parts.worker_seats)
            refuse(&other, LAYOUT);
    }
    struct segment_parts other = parts;
    other.fd = 999;
    refuse(&other, LAYOUT);
    struct segment_header *header = (void *)old->base;
    header->lane_bytes++;
    refuse(&parts, LAYOUT);
    header->lane_bytes--;
    header->magic ^= 1;
    refuse(&parts, LAYOUT);
    segment_parts_fini(&parts);
    segment_close(&old);
}

static void test_the_layout_is_the_same_at_every_look(void **state)
{
    (void)state;
    assert_true(segment_layout() == segment_layout() && segment_layout() != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_successor_knows_what_the_master_knew),
        cmocka_unit_test(test_nothing_in_it_is_changed_by_the_look),
        cmocka_unit_test(test_one_that_does_not_fit_is_refused_and_left_alone),
        cmocka_unit_test(test_the_layout_is_the_same_at_every_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
