/* Ids of processes that were forked from one that had drawn before: none comes twice. */
#include "gatepost/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gatepost/uuid.h"

#include <cmocka.h>

#define PROCESSES 8
#define IDS       50000 /* of each; a million of each, once: no duplicates either, in 30 s */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, UUID_BYTES);
}

static size_t duplicates(uint8_t (*ids)[UUID_BYTES], size_t count)
{
    size_t found = 0;

    qsort(ids, count, UUID_BYTES, compare);
    for (size_t i = 1; i < count; i++)
        found += memcmp(ids[i - 1], ids[i], UUID_BYTES) == 0;
    return found;
}

static void draw_bytes(uint8_t *id)
{
    random_bytes(id, UUID_BYTES);
}

static void draw_id(uint8_t *id)
{
    const struct uuid uuid = uuid_new(1000); /* the same moment everywhere: chance alone differs */

    memcpy(id, uuid.bytes, UUID_BYTES);
}

static void expect_no_duplicates(void (*draw)(uint8_t *id))
{
    const size_t bytes = (size_t)PROCESSES * IDS * UUID_BYTES;
    uint8_t(*ids)[UUID_BYTES] =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint8_t first[UUID_BYTES];

    assert_true(ids != MAP_FAILED);
    draw(first); /* a generator that was seeded here is what the children get a copy of */
    for (size_t i = 0; i < PROCESSES; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            for (size_t at = i * IDS; at < (i + 1) * IDS; at++)
                draw(ids[at]);
            _exit(0);
        }
        assert_true(pid > 0);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(duplicates(ids, (size_t)PROCESSES * IDS), 0);
    munmap(ids, bytes);
}

static void test_no_id_comes_twice_from_eight_processes(void **state)
{
    (void)state;
    expect_no_duplicates(draw_bytes);
    expect_no_duplicates(draw_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_id_comes_twice_from_eight_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
