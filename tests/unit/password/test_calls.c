/* What the libraries are asked for, and what they leave behind. */
#include "lib/password/calls.h"

#include "gatepost/secret.h"

#include <argon2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool matches(const char *encoded, struct slice password)
{
    struct password_form form;
    uint8_t digest[PASSWORD_HASH_MAX_BYTES];

    assert_true(password_form_parse(slice_of_text(encoded), &form));
    assert_true(password_call(&form, password, digest));
    return secret_equal(digest, form.hash, form.hash_len);
}

/* Turns any form into one that this password matches. */
static void fill_hash(struct password_form *form, struct slice password)
{
    assert_true(password_call(form, password, form->hash));
}

static const char *const crypt_forms[] = {
    "$2b$04$......................vSRhl7PJMEihKZc7ga98hYjgoKm/mgq",
    "$5$rounds=1000$gatepost$CY6aG1jIt8CCjvzj7dTHlCZhlBhQ8sE6Spl0Xb2rFsD",
    "$6$rounds=1000$gatepost$PbMNkm8peYRWyb8G85QwBlO0gHMnIndAXORoiW17zxWlxFtlvXs3pxNCTUDH9pYx1zQwI9"
    "Das0fjrvu9/suu/1",
    "$y$j75$z7ztFz2FayrKI79/jEwlL.$u5x/j193MQ09wbFaRGYr0AH/A/jh3kunjuhYRVRNkmC",
};

static void test_a_password_with_a_nul_matches_no_crypt_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(crypt_forms); i++) {
        struct password_form form;
        uint8_t digest[PASSWORD_HASH_MAX_BYTES];

        assert_true(password_form_parse(slice_of_text(crypt_forms[i]), &form));
        fill_hash(&form, SLICE_LITERAL("self test"));
        assert_true(password_call(&form, SLICE_LITERAL("self test"), digest));
        assert_memory_equal(digest, form.hash, form.hash_len);
        assert_true(password_call(&form, SLICE_LITERAL("self test\0"), digest));
        assert_memory_not_equal(digest, form.hash, form.hash_len);
        assert_true(password_call(&form, SLICE_LITERAL("self test\0more"), digest));
        assert_memory_not_equal(digest, form.hash, form.hash_len);
    }
}

static void test_a_password_over_511_bytes_matches_only_bcrypt_which_reads_72(void **state)
{
    (void)state;
    char long_one[PASSWORD_MAX_BYTES];

    memset(long_one, 'b', sizeof(long_one));
    for (size_t i = 0; i < ARRAY_LEN(crypt_forms); i++) {
        struct password_form form;
        uint8_t digest[PASSWORD_HASH_MAX_BYTES];
        bool is_bcrypt;

        assert_true(password_form_parse(slice_of_text(crypt_forms[i]), &form));
        is_bcrypt = form.method == PASSWORD_METHOD_BCRYPT;
        fill_hash(&form, slice_of(long_one, 511));
        for (size_t len = 512; len <= sizeof(long_one); len += 512) {
            assert_true(password_call(&form, slice_of(long_one, len), digest));
            assert_int_equal(secret_equal(digest, form.hash, form.hash_len), is_bcrypt);
        }
        assert_true(password_call(&form, slice_of(long_one, 72), digest));
        assert_int_equal(secret_equal(digest, form.hash, form.hash_len), is_bcrypt);
        assert_true(password_call(&form, slice_of(long_one, 71), digest));
        assert_false(secret_equal(digest, form.hash, form.hash_len));
    }
}

static void test_every_byte_counts_where_django_hashes_first(void **state)
{
    (void)state;
    struct password_form form;
    uint8_t digest[PASSWORD_HASH_MAX_BYTES];
    char long_one[PASSWORD_MAX_BYTES] = "with a \0 too";

    assert_true(password_form_parse(
        SLICE_LITERAL("bcrypt_sha256$$2b$04$.......................7FrN.w60ZZMao47PRvDXHrBBpeYF4O"),
        &form));
    fill_hash(&form, slice_of(long_one, sizeof(long_one)));
    assert_true(password_call(&form, slice_of(long_one, sizeof(long_one)), digest));
    assert_memory_equal(digest, form.hash, form.hash_len);
    long_one[sizeof(long_one) - 1] ^= 1;
    assert_true(password_call(&form, slice_of(long_one, sizeof(long_one)), digest));
    assert_memory_not_equal(digest, form.hash, form.hash_len);
}

static void test_a_bcrypt_salt_with_spare_bits_is_that_without(void **state)
{
    (void)state;
    /* '.' and '/' differ in one of the four bits of the salt's last character that are not read. */
    assert_true(matches("$2b$04$......................vSRhl7PJMEihKZc7ga98hYjgoKm/mgq",
                        SLICE_LITERAL("self test")));
    assert_true(matches("$2b$04$...................../vSRhl7PJMEihKZc7ga98hYjgoKm/mgq",
                        SLICE_LITERAL("self test")));
}

static void test_all_that_gensalt_may_write_is_computed(void **state)
{
    (void)state;
    static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char text[PASSWORD_ENCODED_BYTES];
    struct password_form form;
    uint8_t digest[PASSWORD_HASH_MAX_BYTES];
    size_t known = 0;

    for (size_t len = 0; len <= 86; len++) {
        for (size_t last = 0; last < 64; last += len % 4 == 0 ? 63 : 1) {
            (void)snprintf(
                text, sizeof(text), "$y$j75$%.*s$%s", (int)len,
                "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
                "zzzzzzzzzzzzzzzz",
                "CY6aG1jIt8CCjvzj7dTHlCZhlBhQ8sE6Spl0Xb2rFsD");
            if (len > 0)
                text[7 + len - 1] = digits[last];
            if (!password_form_parse(slice_of_text(text), &form))
                continue;
            known++;
            if ((len == 86 || len < 8) && !password_call(&form, SLICE_LITERAL("x"), digest))
                fail_msg("refused: %s", text);
        }
    }
    /* By length mod 4: no spare bits, so both that were tried; no whole byte; four spare bits; two.
     */
    assert_int_equal(known, 22 * 2 + 0 + 22 * 4 + 21 * 16);
}

/* ---- Argon2 -------------------------------------------------------------------------------------
 */

static void test_libargon2_gives_the_answer_of_rfc_9106(void **state)
{
    (void)state;
    static const uint8_t answer[32] = {0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c,
                                       0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9,
                                       0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e,
                                       0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59};
    uint8_t password[32];
    uint8_t salt[16];
    uint8_t secret[8];
    uint8_t associated[12];
    uint8_t out[32];
    argon2_context context = {.out = out,
                              .outlen = sizeof(out),
                              .pwd = password,
                              .pwdlen = sizeof(password),
                              .salt = salt,
                              .saltlen = sizeof(salt),
                              .secret = secret,
                              .secretlen = sizeof(secret),
                              .ad = associated,
                              .adlen = sizeof(associated),
                              .t_cost = 3,
                              .m_cost = 32,
                              .lanes = 4,
                              .threads = 1,
                              .version = PASSWORD_ARGON2_VERSION};

    memset(password, 1, sizeof(password));
    memset(salt, 2, sizeof(salt));
    memset(secret, 3, sizeof(secret));
    memset(associated, 4, sizeof(associated));
    assert_int_equal(argon2_ctx(&context, Argon2_id), ARGON2_OK);
    assert_memory_equal(out, answer, sizeof(out));
}

static bool was_cleared;

static int allocate(uint8_t **memory, size_t bytes)
{
    *memory = xcalloc(1, bytes);
    memset(*memory, 0xa5, bytes);
    return 0;
}

static void release(uint8_t *memory, size_t bytes)
{
    was_cleared = true;
    for (size_t i = 0; i < bytes; i++)
        was_cleared = was_cleared && memory[i] == 0;
    free(memory);
}

static void test_libargon2_clears_its_memory(void **state)
{
    (void)state;
    uint8_t out[32];
    argon2_context context = {.out = out,
                              .outlen = sizeof(out),
                              .pwd = (uint8_t[]){"testpass123"},
                              .pwdlen = 11,
                              .salt = (uint8_t[]){"saltsalt"},
                              .saltlen = 8,
                              .t_cost = 1,
                              .m_cost = 64,
                              .lanes = 2,
                              .threads = 1,
                              .version = PASSWORD_ARGON2_VERSION,
                              .allocate_cbk = allocate,
                              .free_cbk = release};

    assert_int_equal(argon2_ctx(&context, Argon2_id), ARGON2_OK);
    assert_true(was_cleared);
}

static void test_a_method_that_is_a_chain_is_not_called(void **state)
{
    (void)state;
    struct password_form form;

    assert_true(
        password_form_parse(SLICE_LITERAL("$pbkdf2-sha256$1$cw$Jl.3k1cW4qVJ0UCqSJ2g1t9BaLv1c"
                                          "NVEJRJjBSjtO9k"),
                            &form));
    assert_true(password_form_in_lanes(&form));
    assert_true(password_form_parse(slice_of_text(crypt_forms[0]), &form));
    assert_false(password_form_in_lanes(&form));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_password_with_a_nul_matches_no_crypt_form),
        cmocka_unit_test(test_a_password_over_511_bytes_matches_only_bcrypt_which_reads_72),
        cmocka_unit_test(test_every_byte_counts_where_django_hashes_first),
        cmocka_unit_test(test_a_bcrypt_salt_with_spare_bits_is_that_without),
        cmocka_unit_test(test_all_that_gensalt_may_write_is_computed),
        cmocka_unit_test(test_libargon2_gives_the_answer_of_rfc_9106),
        cmocka_unit_test(test_libargon2_clears_its_memory),
        cmocka_unit_test(test_a_method_that_is_a_chain_is_not_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
