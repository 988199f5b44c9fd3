/* The checksum of pages and log records: the library's own numbers, and the library asks for them
 * here. */
#include "desk.h"

#include <dlfcn.h>

#include "store/torek_hash.h"

#define LEN_MAX 5000U

typedef u_int32_t (*hash_fn)(DB *db, const void *bytes, u_int32_t len);

/* What a name means to whom: RTLD_DEFAULT to every caller in the process, the library's included, a
 * library's own handle to itself alone. */
static hash_fn found(void *where)
{
    void *address = dlsym(where, "__ham_func4");
    hash_fn function;

    assert_non_null(address);
    memcpy(&function, &address, sizeof(function));
    return function;
}

static hash_fn of_library(void)
{
    void *library = dlopen("libdb-5.3.so", RTLD_LAZY | RTLD_NOLOAD);

    assert_non_null(library);
    return found(library);
}

static void fill(uint8_t bytes[LEN_MAX], uint32_t seed)
{
    for (size_t i = 0; i < LEN_MAX; i++) {
        seed = seed * 1664525U + 1013904223U;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

static void test_any_bytes_have_the_librarys_checksum(void **state)
{
    static uint8_t bytes[LEN_MAX];
    hash_fn theirs = of_library();

    (void)state;
    for (uint32_t len = 0; len <= LEN_MAX; len += len < 700 ? 1 : 97) {
        fill(bytes, len);
        const uint32_t expected = theirs(NULL, bytes, len);

        assert_int_equal(torek_hash_plain(bytes, len), expected);
        assert_int_equal(torek_hash(bytes, len), expected);
        if (torek_hash_has_wide())
            assert_int_equal(torek_hash_wide(bytes, len), expected);
    }
}

static void test_the_highest_bytes_overflow_no_sum(void **state)
{
    static uint8_t bytes[LEN_MAX];

    (void)state;
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(torek_hash(bytes, 4096), of_library()(NULL, bytes, 4096));
}

static void test_the_library_is_bound_to_ours(void **state)
{
    (void)state;
    assert_ptr_not_equal(found(RTLD_DEFAULT), of_library());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_bytes_have_the_librarys_checksum),
        cmocka_unit_test(test_the_highest_bytes_overflow_no_sum),
        cmocka_unit_test_setup_teardown(test_the_library_is_bound_to_ours, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
