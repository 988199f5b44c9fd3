/* SipHash against its authors' values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gatepost/siphash.h"

/* vectors.h of the reference implementation, read as little-endian words: messages of the bytes 00,
 * 01, 02 ... under the key 00 to 0f. The one of 15 bytes is the paper's appendix A. */
static void test_siphash_gives_its_authors_values(void **state)
{
    static const struct {
        size_t len;
        uint64_t value;
    } vectors[] = {{0, 0x726fdb47dd0e0e31U}, {1, 0x74f839c593dc67fdU}, {15, 0xa129ca6149be45e5U}};
    static const uint8_t message[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    const uint64_t key[2] = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        assert_true(siphash(key, message, vectors[i].len) == vectors[i].value);
}

static void test_every_byte_and_the_length_count(void **state)
{
    const uint64_t key[2] = {1, 2};
    uint8_t message[40] = {0};

    (void)state;
    for (size_t len = 1; len <= sizeof(message); len++) {
        const uint64_t value = siphash(key, message, len);
        assert_true(value != siphash(key, message, len - 1));
        for (size_t i = 0; i < len; i++) {
            message[i] ^= 0x80;
            assert_true(value != siphash(key, message, len));
            message[i] ^= 0x80;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_gives_its_authors_values),
        cmocka_unit_test(test_every_byte_and_the_length_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
