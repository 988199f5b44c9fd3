/* Keys: the examples of the RFCs, which files are refused, and what is signed and shown when. */
#include "gatepost/access_token.h"

#include "gatepost/encoding.h"
#include "lib/token/key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "place.h"

static const char *text_of(const char *kid)
{
    for (size_t i = 0; i < ARRAY_LEN(key_files); i++) {
        if (strncmp(key_files[i].name, kid, strlen(kid)) == 0)
            return key_files[i].text;
    }
    fail();
    return NULL;
}

/* ---- RFC 7515 appendix A, RFC 8037 appendix A ---------------------------------------------------
 */

#define RFC7515_PAYLOAD                                                                            \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"

struct rfc_row {
    const char *file; /* NULL: the key of A.1 */
    enum token_algorithm algorithm;
    const char *text;
    const char *signature;
    bool is_random; /* each signature is another one */
};

static const struct rfc_row rfc_rows[] = {
    {NULL, TOKEN_HS256, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC7515_PAYLOAD,
     "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", false},
    {"rs-1", TOKEN_RS256, "eyJhbGciOiJSUzI1NiJ9." RFC7515_PAYLOAD,
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
     "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
     "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L"
     "07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
     "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUi"
     "pUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
     false},
    {"es-1", TOKEN_ES256, "eyJhbGciOiJFUzI1NiJ9." RFC7515_PAYLOAD,
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
     true},
    {"ed-1", TOKEN_EDDSA, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
     false},
};

static void open_key(const struct place *place, const struct rfc_row *row, struct token_key *key)
{
    static const char a1[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4"
                             "hcgUuTwjAzZr1Z9CAow";
    struct token_name name = {.algorithm = row->algorithm, .since_s = 1700000000};
    uint8_t bytes[64];
    struct err err;

    if (row->file == NULL) {
        struct secret secret = {.bytes = bytes, .len = sizeof(bytes)};
        size_t len;

        assert_true(base64url_decode(slice_of_text(a1), bytes, sizeof(bytes), &len));
        key_of_secret(&name, &secret, key);
        return;
    }
    snprintf(name.kid, sizeof(name.kid), "%s", row->file);
    put(place,
        strcmp(row->file, "rs-1") == 0   ? "rs-1.RS256.1700000000.pem"
        : strcmp(row->file, "es-1") == 0 ? "es-1.ES256.1700000000.pem"
                                         : "ed-1.EdDSA.1700000000.pem",
        text_of(row->file));
    if (!key_of_file(place->dir, &name, key, &err))
        fail_msg("%s", err.text);
}

static void test_the_examples_of_the_rfcs_are_signed_and_checked(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rfc_rows); i++) {
        const struct rfc_row *row = &rfc_rows[i];
        uint8_t given[KEY_SIGNATURE_MAX_BYTES];
        uint8_t made[KEY_SIGNATURE_MAX_BYTES];
        struct token_key key;
        size_t len;

        open_key(*state, row, &key);
        assert_true(base64url_decode(slice_of_text(row->signature), given, sizeof(given), &len));
        assert_true(key_verify(&key, slice_of_text(row->text), given, len));
        assert_int_equal(key_sign(&key, slice_of_text(row->text), made), len);
        assert_true(key_verify(&key, slice_of_text(row->text), made, len));
        assert_true(row->is_random || memcmp(made, given, len) == 0);
        given[len - 1] ^= 1;
        assert_false(key_verify(&key, slice_of_text(row->text), given, len));
        memset(given, 0xff, len);
        assert_false(key_verify(&key, slice_of_text(row->text), given, len));
        /* What is left in OpenSSL's queue would pass for an error of the next TLS connection. */
        assert_int_equal(ERR_peek_error(), 0);
        key_close(&key);
    }
}

/* One signature in 128 has an r or s that begins with a zero byte, and DER drops it. */
static void test_es256_signatures_are_64_bytes_whatever_the_numbers_are(void **state)
{
    uint8_t signature[KEY_SIGNATURE_MAX_BYTES];
    struct token_key key;
    size_t short_ones = 0;

    open_key(*state, &rfc_rows[2], &key);
    for (unsigned i = 0; i < 2000; i++) {
        const struct slice text = slice_of(&i, sizeof(i));

        assert_int_equal(key_sign(&key, text, signature), 64);
        assert_true(key_verify(&key, text, signature, 64));
        short_ones += signature[0] == 0 || signature[32] == 0;
    }
    assert_true(short_ones > 0);
    key_close(&key);
}

/* ---- files --------------------------------------------------------------------------------------
 */

static void assert_refused(const struct place *place, const char *words)
{
    struct err err = {0};
    struct token_keys *keys = token_keys_load(&place->rules, &err);

    assert_null(keys);
    if (strstr(err.text, words) == NULL)
        fail_msg("%s does not say %s", err.text, words);
}

static void test_a_bad_key_file_is_refused(void **state)
{
    struct place *place = *state;
    char path[TOKEN_PATH_BYTES];
    char cut[] = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\n-----END PRIVATE "
                 "KEY-----\n";

    assert_refused(place, "no key for ES256");
    snprintf(path, sizeof(path), "%s/a.ES256.1000.pem", place->dir);
    put(place, "a.ES256.1000.pem", cut);
    assert_refused(place, "no private key");
    unlink(path);
    put(place, "a.ES256.1000.pem", text_of("rs-1"));
    assert_refused(place, "not a key for ES256");
    unlink(path);
    put(place, "a.ES256.1000.pem", text_of("es-1"));
    assert_int_equal(chmod(path, 0640), 0);
    assert_refused(place, "chmod 600");
    unlink(path);
    put(place, "a.ES256.1000.pem", "");
    assert_refused(place, "0 bytes");
    unlink(path);
    put(place, "a.RS256.1000.pem", WEAK_RSA);
    assert_refused(place, "RSA of 1024 bits");
}

static void test_what_is_made_is_loaded_signs_and_is_in_the_key_set(void **state)
{
    struct place *place = *state;
    struct token_claims claims = {
        .type = TOKEN_ACCESS, .expires_s = 4000000000, .issued_s = 1800000000, .jti = "a"};
    struct err err;

    for (enum token_algorithm algorithm = TOKEN_HS256; algorithm < TOKEN_ALGORITHMS; algorithm++) {
        struct token_name name;
        struct token_claims found;

        place->rules.algorithm = algorithm;
        place->rules.life_s = 315360000;
        assert_true(token_key_make(&place->rules, 1700000000 + algorithm, &name, &err));
        struct token_keys *keys = token_keys_load(&place->rules, &err);

        if (keys == NULL)
            fail_msg("%s", err.text);
        if (algorithm != TOKEN_HS256)
            assert_true(CRYPTO_secure_used() > 0); /* the private numbers, in locked pages */
        char *token = token_sign(keys, &claims);
        char expected[128];
        uint8_t header[128];
        size_t len;

        assert_int_equal(
            token_check(keys, slice_of_text(token), TOKEN_ACCESS, 1800000000000, &found), TOKEN_OK);
        snprintf(expected, sizeof(expected), "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                 token_algorithm_name(algorithm), name.kid);
        assert_true(
            base64url_decode(slice_of(token, strcspn(token, ".")), header, sizeof(header), &len));
        assert_true(slice_equal(slice_of(header, len), slice_of_text(expected)));
        const struct slice jwks = token_keys_jwks(keys, 1800000000000);

        snprintf(expected, sizeof(expected), "\"alg\":\"%s\",\"kid\":\"%s\"",
                 token_algorithm_name(algorithm), name.kid);
        assert_int_equal(strstr(jwks.at, expected) != NULL, algorithm != TOKEN_HS256);
        assert_null(strstr(jwks.at, "HS256"));
        assert_null(strstr(jwks.at, "\"d\""));
        free(token);
        token_keys_free(&keys);
    }
}

static void test_a_key_leaves_the_key_set_when_its_time_is_over(void **state)
{
    struct place *place = *state;
    struct err err;
    const int64_t end_s = 3900000000 + REFRESH_S + APART_S;

    put(place, "old.ES256.1700000000.pem", text_of("es-1"));
    put(place, "new.ES256.3900000000.pem", text_of("es-1"));
    struct token_keys *keys = token_keys_load(&place->rules, &err);

    assert_non_null(keys);
    assert_non_null(strstr(token_keys_jwks(keys, 1800000000000).at, "\"old\""));
    assert_non_null(strstr(token_keys_jwks(keys, 1800000000000).at, "\"new\""));
    assert_non_null(strstr(token_keys_jwks(keys, (end_s - 1) * 1000).at, "\"old\""));
    assert_null(strstr(token_keys_jwks(keys, end_s * 1000).at, "\"old\""));
    token_keys_free(&keys);
}

static void test_the_signing_key_changes_and_an_ended_key_checks_nothing(void **state)
{
    struct place *place = *state;
    struct token_claims claims = {
        .type = TOKEN_ACCESS, .expires_s = 4000000000, .issued_s = 3899999999, .jti = "a"};
    struct token_claims found;
    struct err err;
    const int64_t end_s = 3900000000 + REFRESH_S + APART_S;

    put(place, "old.ES256.1700000000.pem", text_of("es-1"));
    put(place, "new.ES256.3900000000.pem", text_of("es-1"));
    struct token_keys *keys = token_keys_load(&place->rules, &err);

    assert_non_null(keys);
    char *by_old = token_sign(keys, &claims);
    claims.issued_s = 3900000000;
    char *by_new = token_sign(keys, &claims);

    assert_true(strcspn(by_old, ".") == strcspn(by_new, "."));
    assert_memory_not_equal(by_old, by_new, strcspn(by_old, "."));
    const struct slice old = slice_of_text(by_old);

    assert_int_equal(token_check(keys, old, TOKEN_ACCESS, (end_s - 1) * 1000, &found), TOKEN_OK);
    assert_int_equal(token_check(keys, old, TOKEN_ACCESS, end_s * 1000, &found), TOKEN_INVALID);
    assert_int_equal(token_check(keys, slice_of_text(by_new), TOKEN_ACCESS, 3899999990000, &found),
                     TOKEN_OK);
    free(by_old);
    free(by_new);
    token_keys_free(&keys);
}

/* A key that was over when the ring was made is not loaded; its time comes again when the clock is
 * set back. */
static void test_a_clock_that_is_set_back_finds_a_key_that_signs(void **state)
{
    struct place *place = *state;
    struct token_claims claims = {
        .type = TOKEN_ACCESS, .expires_s = 4000000000, .issued_s = 2000, .jti = "a"};
    struct token_claims found;
    struct err err;

    put(place, "old.ES256.1000.pem", text_of("es-1"));
    put(place, "new.ES256.5000.pem", text_of("es-1"));
    struct token_keys *keys = token_keys_load(&place->rules, &err);

    assert_non_null(keys);
    char *token = token_sign(keys, &claims);

    assert_int_equal(token_check(keys, slice_of_text(token), TOKEN_ACCESS, 2000000, &found),
                     TOKEN_OK);
    assert_null(strstr(token_keys_jwks(keys, 2000000).at, "\"old\""));
    assert_non_null(strstr(token_keys_jwks(keys, 2000000).at, "\"new\""));
    free(token);
    token_keys_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_examples_of_the_rfcs_are_signed_and_checked),
        TEST(test_es256_signatures_are_64_bytes_whatever_the_numbers_are),
        TEST(test_a_bad_key_file_is_refused),
        TEST(test_what_is_made_is_loaded_signs_and_is_in_the_key_set),
        TEST(test_a_key_leaves_the_key_set_when_its_time_is_over),
        TEST(test_the_signing_key_changes_and_an_ended_key_checks_nothing),
        TEST(test_a_clock_that_is_set_back_finds_a_key_that_signs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
