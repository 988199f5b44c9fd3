/* Hashes are those that other implementations make, byte for byte. vectors.inc comes from them
 * (make_vectors.py). */
#include "lib/password/formats.h"
#include "lib/password/hash.h"
#include "lib/password/pbkdf2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct vector {
    size_t password; /* index */
    size_t password_len;
    const char *encoded;
};

#include "vectors.inc"

/* In one go on the plainest kernel, or by a call. The password is put back, for another go. */
static void compute(struct password_work *work)
{
    struct hash_state state;
    struct pbkdf2_chain chain;
    struct pbkdf2_chain *chains[] = {&chain};
    const struct password_work before = *work;

    if (!hash_in_lanes(work)) {
        assert_true(hash_call(work));
    } else if (hash_begin(work, &state, &chain)) {
        if (chain.left > 0)
            pbkdf2_openssl.step(chains, 1, chain.left);
        hash_end(work, &state, &chain);
    }
    for (size_t i = 0; i < sizeof(work->password); i++)
        assert_int_equal(work->password[i], 0);
    memcpy(work->password, before.password, sizeof(work->password));
    work->password_len = before.password_len;
}

static void set_work(struct password_work *work, enum password_task task, struct slice password)
{
    memset(work, 0, sizeof(*work));
    work->task = task;
    work->cost.iterations = 1000;
    work->password_len = password.len;
    if (password.len > 0)
        memcpy(work->password, password.at, password.len);
}

static bool vector_matches(const struct vector *vector, struct password_work *work)
{
    set_work(work, PASSWORD_VERIFY,
             slice_of(vector_passwords[vector->password], vector->password_len));
    assert_true(
        slice_to_text(slice_of_text(vector->encoded), work->encoded, sizeof(work->encoded)));
    if (!password_form_known(slice_of_text(vector->encoded)))
        fail_msg("unknown: %s", vector->encoded);
    compute(work);
    return work->matches;
}

static void test_hashes_that_others_made_match_their_passwords_alone(void **state)
{
    (void)state;
    struct password_work *work = xcalloc(1, sizeof(*work));

    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        if (!vector_matches(&vectors[i], work))
            fail_msg("no match: %s", vectors[i].encoded);
        work->password[0] ^= 1;
        work->password_len += work->password_len == 0;
        compute(work);
        if (work->matches)
            fail_msg("another password matches: %s", vectors[i].encoded);
    }
    free(work);
}

static void test_a_password_that_libcrypt_does_not_take_matches_nothing(void **state)
{
    (void)state;
    struct password_work *work = xcalloc(1, sizeof(*work));

    for (size_t i = 0; i < ARRAY_LEN(vectors_out_of_reach); i++)
        assert_false(vector_matches(&vectors_out_of_reach[i], work));
    free(work);
}

static void test_an_encoded_password_has_djangos_form_and_verifies(void **state)
{
    (void)state;
    struct password_work *work = xcalloc(1, sizeof(*work));
    struct password_form form;
    char first[PASSWORD_ENCODED_BYTES];

    set_work(work, PASSWORD_ENCODE, SLICE_LITERAL("testpass123"));
    compute(work);
    memcpy(first, work->encoded, sizeof(first));
    assert_true(password_form_parse(slice_of_text(first), &form));
    assert_int_equal(form.iterations, 1000);
    assert_int_equal(form.salt_len, PASSWORD_SALT_CHARS);
    for (size_t i = 0; i < form.salt_len; i++)
        assert_non_null(
            strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", form.salt[i]));

    work->task = PASSWORD_VERIFY;
    compute(work);
    assert_true(work->matches);
    assert_false(work->outdated);
    work->cost.iterations = 1001;
    compute(work);
    assert_true(work->matches);
    assert_true(work->outdated);
    work->password[0] = 'T';
    compute(work);
    assert_false(work->matches);

    set_work(work, PASSWORD_ENCODE, SLICE_LITERAL("testpass123"));
    compute(work);
    assert_string_not_equal(first, work->encoded); /* a salt of its own */
    free(work);
}

static void test_every_algorithm_encodes_what_it_verifies(void **state)
{
    (void)state;
    static const struct password_cost costs[] = {
        {.algorithm = PASSWORD_ARGON2ID,
         .argon2_memory_kib = 64,
         .argon2_passes = 2,
         .argon2_lanes = 2},
        {.algorithm = PASSWORD_SCRYPT, .scrypt_log2_n = 5, .scrypt_r = 8, .scrypt_p = 2},
    };
    struct password_work *work = xcalloc(1, sizeof(*work));

    for (size_t i = 0; i < ARRAY_LEN(costs); i++) {
        set_work(work, PASSWORD_ENCODE, SLICE_LITERAL("testpass123"));
        work->cost = costs[i];
        compute(work);
        work->task = PASSWORD_VERIFY;
        compute(work);
        assert_true(work->matches);
        assert_false(work->outdated);
        work->cost.argon2_memory_kib++;
        work->cost.scrypt_log2_n++;
        work->password[0] ^= 1;
        compute(work);
        assert_false(work->matches);
        assert_true(work->outdated);
    }
    free(work);
}

static void test_a_chain_that_ends_leaves_nothing_behind(void **state)
{
    (void)state;
    static const struct pbkdf2_chain wiped = {.left = 0};
    struct pbkdf2_chain chain;

    pbkdf2_chain_begin(&chain, SLICE_LITERAL("password"), SLICE_LITERAL("salt"), 10);
    pbkdf2_chain_end(&chain, NULL);
    assert_memory_equal(&chain, &wiped, sizeof(chain));
}

#define HASH "Jl+3k1cW4qVJ0UCqSJ2g1t9BaLv1cNVEJRJjBSjtO9k="

static void test_any_other_form_is_unknown_and_matches_nothing(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "",
        "!",
        "!unusable",
        "pbkdf2_sha256",
        "pbkdf2_sha256$",
        "pbkdf2_sha256$1000$salt",
        "pbkdf2_sha256$1000$salt$",
        "pbkdf2_sha256$1000$$" HASH,
        "pbkdf2_sha256$0$salt$" HASH,
        "pbkdf2_sha256$$salt$" HASH,
        "pbkdf2_sha256$01000$salt$" HASH,
        "pbkdf2_sha256$+1000$salt$" HASH,
        "pbkdf2_sha256$-1000$salt$" HASH,
        "pbkdf2_sha256$ 1000$salt$" HASH,
        "pbkdf2_sha256$1000 $salt$" HASH,
        "pbkdf2_sha256$1e3$salt$" HASH,
        "pbkdf2_sha256$0x10$salt$" HASH,
        "pbkdf2_sha256$10000001$salt$" HASH,
        "pbkdf2_sha256$4294967297$salt$" HASH,
        "pbkdf2_sha256$18446744073709551617$salt$" HASH,
        "pbkdf2_sha1$1000$salt$" HASH,
        "PBKDF2_SHA256$1000$salt$" HASH,
        "pbkdf2_sha256$1000$sa$lt$" HASH,
        "pbkdf2_sha256$1000$salt$" HASH "=",
        "pbkdf2_sha256$1000$salt$" HASH "$",
        "pbkdf2_sha256$1000$salt$" HASH " ",
        "pbkdf2_sha256$1000$salt$ " HASH,
        "pbkdf2_sha256$1000$salt$Jl+3k1cW4qVJ0UCqSJ2g1t9BaLv1cNVEJRJjBSjtO9k",  /* padding */
        "pbkdf2_sha256$1000$salt$Jl+3k1cW4qVJ0UCqSJ2g1t9BaLv1cNVEJRJjBSjtO9l=", /* spare bit */
        "pbkdf2_sha256$1000$salt$Jl-3k1cW4qVJ0UCqSJ2g1t9BaLv1cNVEJRJjBSjtO9k=", /* alphabet */
        "pbkdf2_sha256$1000$salt$Jl+3k1cW4qVJ0UCqSJ2g1t9BaLv1cNVEJRJjBSjt",     /* 30 bytes */
        "pbkdf2_sha256$1000$salt$" HASH HASH,
    };
    struct password_work *work = xcalloc(1, sizeof(*work));

    assert_true(password_form_known(SLICE_LITERAL("pbkdf2_sha256$1000$salt$" HASH)));
    assert_true(password_form_known(SLICE_LITERAL("pbkdf2_sha256$10000000$salt$" HASH)));
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (password_form_known(slice_of_text(forms[i])))
            fail_msg("known: %s", forms[i]);
        set_work(work, PASSWORD_VERIFY, SLICE_LITERAL(""));
        assert_true(slice_to_text(slice_of_text(forms[i]), work->encoded, sizeof(work->encoded)));
        compute(work);
        assert_false(work->matches);
    }
    free(work);
}

static void test_the_salt_is_bounded(void **state)
{
    (void)state;
    char text[PASSWORD_ENCODED_BYTES + 64];

    (void)snprintf(text, sizeof(text), "pbkdf2_sha256$1000$%0*d$%s", PASSWORD_SALT_MAX_BYTES, 7,
                   HASH);
    assert_true(password_form_known(slice_of_text(text)));
    (void)snprintf(text, sizeof(text), "pbkdf2_sha256$1000$%0*d$%s", PASSWORD_SALT_MAX_BYTES + 1, 7,
                   HASH);
    assert_false(password_form_known(slice_of_text(text)));
}

/* For a re-hash, if the form is not today's; never what bcrypt has not read. */
static void test_what_was_not_proven_is_not_kept(void **state)
{
    (void)state;
    struct password_work *work = xcalloc(1, sizeof(*work));
    size_t unproven = 0;

    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        const struct vector *vector = &vectors[i];
        const bool bcrypt =
            strncmp(vector->encoded, "$2", 2) == 0 || strncmp(vector->encoded, "bcrypt$", 7) == 0;

        set_work(work, PASSWORD_VERIFY,
                 slice_of(vector_passwords[vector->password], vector->password_len));
        assert_true(
            slice_to_text(slice_of_text(vector->encoded), work->encoded, sizeof(work->encoded)));
        work->cost.iterations = PASSWORD_ITERATIONS_MAX;
        work->keep_if_outdated = true;
        if (hash_in_lanes(work))
            continue;
        assert_true(hash_call(work));
        assert_true(work->matches && work->outdated);
        if (bcrypt && vector->password_len > 72) {
            assert_int_equal(work->password_len, 0);
            unproven++;
        } else {
            assert_int_equal(work->password_len, vector->password_len);
        }
    }
    assert_true(unproven > 0);
    free(work);
}

static void test_the_known_answers_are_right(void **state)
{
    (void)state;
    assert_true(password_self_test());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes_that_others_made_match_their_passwords_alone),
        cmocka_unit_test(test_a_password_that_libcrypt_does_not_take_matches_nothing),
        cmocka_unit_test(test_an_encoded_password_has_djangos_form_and_verifies),
        cmocka_unit_test(test_every_algorithm_encodes_what_it_verifies),
        cmocka_unit_test(test_a_chain_that_ends_leaves_nothing_behind),
        cmocka_unit_test(test_any_other_form_is_unknown_and_matches_nothing),
        cmocka_unit_test(test_the_salt_is_bounded),
        cmocka_unit_test(test_what_was_not_proven_is_not_kept),
        cmocka_unit_test(test_the_known_answers_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
