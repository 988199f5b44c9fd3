/* Every forged token is refused by a ring that holds a key of each algorithm, and the good ones
 * beside them are not. forged.inc is data (make_forged.py); a server is given the same rows. */
#include "gatepost/access_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_MS 1800000000250
#define DIR    "/tmp/gatepost-forged-XXXXXX"

struct forged_row {
    const char *name;
    const char *token;
    enum token_status status;
};

#include "forged.inc"
#include "keys.inc"

static struct token_keys *load(enum token_algorithm algorithm, bool accept_hs256)
{
    char dir[] = DIR;
    char secret[] = DIR ".secret";
    char path[TOKEN_PATH_BYTES];
    struct err err;
    const struct token_rules rules = {
        .secret_file = secret,
        .dir = dir,
        .algorithm = algorithm,
        .accept_hs256 = accept_hs256,
        .life_s = 315360000, /* the keys are of one age, and none is to retire */
    };

    assert_non_null(mkdtemp(dir));
    snprintf(secret, sizeof(secret), "%s.secret", dir);
    assert_true(secret_write_file(secret, FORGED_SECRET, strlen(FORGED_SECRET), &err));
    for (size_t i = 0; i < ARRAY_LEN(key_files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, key_files[i].name);
        assert_true(secret_write_file(path, key_files[i].text, strlen(key_files[i].text), &err));
    }
    struct token_keys *keys = token_keys_load(&rules, &err);

    if (keys == NULL)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < ARRAY_LEN(key_files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, key_files[i].name);
        unlink(path);
    }
    unlink(secret);
    rmdir(dir);
    return keys;
}

static void judge_all(const struct token_keys *keys)
{
    size_t refused = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct token_claims claims = {.expires_s = -1};
        const enum token_status status =
            token_check(keys, slice_of_text(rows[i].token), TOKEN_ACCESS, NOW_MS, &claims);

        if (status != rows[i].status)
            fail_msg("%s: %s, not %s", rows[i].name, token_status_sentence(status),
                     token_status_sentence(rows[i].status));
        assert_true(status == TOKEN_OK || claims.expires_s == -1);
        refused += status != TOKEN_OK;
    }
    assert_true(refused > 500);
}

static void test_every_forged_token_is_refused_whatever_is_signed_with(void **state)
{
    (void)state;
    for (enum token_algorithm algorithm = TOKEN_HS256; algorithm < TOKEN_ALGORITHMS; algorithm++) {
        struct token_keys *keys = load(algorithm, true);

        judge_all(keys);
        token_keys_free(&keys);
    }
}

static void test_a_token_without_kid_needs_accept_hs256_beside_another_algorithm(void **state)
{
    (void)state;
    struct token_keys *keys = load(TOKEN_ES256, false);
    size_t refused = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct token_claims claims;
        const enum token_status status =
            token_check(keys, slice_of_text(rows[i].token), TOKEN_ACCESS, NOW_MS, &claims);

        if (strncmp(rows[i].name, "good: token.secret_file", 23) == 0) {
            assert_int_equal(status, TOKEN_INVALID);
            refused++;
        } else if (rows[i].status == TOKEN_OK) {
            assert_int_equal(status, TOKEN_OK);
        }
    }
    assert_int_equal(refused, 3);
    token_keys_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_forged_token_is_refused_whatever_is_signed_with),
        cmocka_unit_test(test_a_token_without_kid_needs_accept_hs256_beside_another_algorithm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
