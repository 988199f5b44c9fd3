/* What simplejwt accepts is accepted, what it refuses is refused with its sentence, and what it
 * should not accept is refused all the same. vectors.inc comes from simplejwt itself
 * (make_vectors.py). */
#include "gatepost/access_token.h"

#include "gatepost/encoding.h"
#include "gatepost/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct vector {
    const char *name;
    const char *token;
    enum token_type wanted;
    enum token_status status;
    const char *subject;
};

#include "vectors.inc"

static const struct secret key = {.bytes = (uint8_t *)VECTOR_KEY, .len = sizeof(VECTOR_KEY) - 1};

static struct token_keys *keys; /* of key alone, for all tests */

static struct token_claims claims_of(enum token_type type)
{
    struct token_claims claims = {
        .type = type, .expires_s = 2000000000, .issued_s = 1800000000, .has_subject = true};

    memcpy(claims.jti, "0123456789abcdef0123456789abcdef", sizeof(claims.jti));
    memcpy(claims.subject, "0190a5a4-7c00", sizeof("0190a5a4-7c00"));
    return claims;
}

static void test_every_vector_is_judged_as_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        const struct vector *vector = &vectors[i];
        struct token_claims claims = {.expires_s = -1};
        enum token_status status =
            token_check(keys, slice_of_text(vector->token), vector->wanted, VECTOR_NOW_MS, &claims);

        if (status != vector->status)
            fail_msg("%s: %s, not %s", vector->name, token_status_sentence(status),
                     token_status_sentence(vector->status));
        if (status != TOKEN_OK)
            assert_int_equal(claims.expires_s, -1);
        else if (strcmp(claims.subject, vector->subject) != 0)
            fail_msg("%s: subject %s", vector->name, claims.subject);
    }
}

static void test_what_is_signed_is_checked_and_comes_back_whole(void **state)
{
    (void)state;
    struct token_claims given = claims_of(TOKEN_REFRESH);
    struct token_claims found;

    given.has_session = true;
    given.session_id = uuid_new(1800000000000);
    char *text = token_sign(keys, &given);
    struct slice token = slice_of_text(text);
    assert_int_equal(token_check(keys, token, TOKEN_REFRESH, VECTOR_NOW_MS, &found), TOKEN_OK);
    assert_int_equal(found.type, TOKEN_REFRESH);
    assert_int_equal(found.expires_s, given.expires_s);
    assert_int_equal(found.issued_s, given.issued_s);
    assert_string_equal(found.jti, given.jti);
    assert_string_equal(found.subject, given.subject);
    assert_true(found.has_subject && found.has_session);
    assert_true(uuid_equal(&found.session_id, &given.session_id));
    assert_int_equal(token_check(keys, token, TOKEN_ANY, VECTOR_NOW_MS, &found), TOKEN_OK);
    assert_int_equal(token_check(keys, token, TOKEN_ACCESS, VECTOR_NOW_MS, &found),
                     TOKEN_WRONG_TYPE);
    free(text);
}

static void test_a_token_ends_with_the_second_it_names(void **state)
{
    (void)state;
    struct token_claims claims = claims_of(TOKEN_ACCESS);
    struct token_claims found;
    char *text = token_sign(keys, &claims);
    struct slice token = slice_of_text(text);

    assert_int_equal(token_check(keys, token, TOKEN_ACCESS, 1999999999999, &found), TOKEN_OK);
    assert_int_equal(token_check(keys, token, TOKEN_ACCESS, 2000000000000, &found), TOKEN_INVALID);
    /* issued at 1800000000: 30 s of difference between clocks are borne, not more */
    assert_int_equal(token_check(keys, token, TOKEN_ACCESS, 1799999970000, &found), TOKEN_OK);
    assert_int_equal(token_check(keys, token, TOKEN_ACCESS, 1799999969999, &found), TOKEN_INVALID);
    free(text);
}

static void test_the_shape_is_simplejwts(void **state)
{
    (void)state;
    struct token_claims claims = claims_of(TOKEN_ACCESS);
    char *text = token_sign(keys, &claims);
    char *dot = strchr(text, '.');
    char *second = strchr(dot + 1, '.');
    char json[TOKEN_MAX_BYTES];
    size_t len;

    assert_true(base64url_decode(slice_of(text, (size_t)(dot - text)), json, sizeof(json), &len));
    assert_true(
        slice_equal(slice_of(json, len), SLICE_LITERAL("{\"alg\":\"HS256\",\"typ\":\"JWT\"}")));
    assert_true(
        base64url_decode(slice_of(dot + 1, (size_t)(second - dot - 1)), json, sizeof(json), &len));
    assert_true(slice_equal(
        slice_of(json, len),
        SLICE_LITERAL("{\"token_type\":\"access\",\"exp\":2000000000,\"iat\":1800000000,"
                      "\"jti\":\"0123456789abcdef0123456789abcdef\","
                      "\"user_id\":\"0190a5a4-7c00\"}")));
    free(text);
}

static void flip(char *byte, unsigned bit)
{
    *byte = (char)((unsigned char)*byte ^ (1U << bit));
}

/* A changed bit anywhere, and a cut anywhere. */
static void test_no_other_spelling_of_a_token_passes(void **state)
{
    (void)state;
    struct token_claims claims = claims_of(TOKEN_ACCESS);
    struct token_claims found;
    char *text = token_sign(keys, &claims);
    size_t len = strlen(text);

    for (size_t at = 0; at < len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            flip(&text[at], bit);
            assert_int_equal(
                token_check(keys, slice_of(text, len), TOKEN_ACCESS, VECTOR_NOW_MS, &found),
                TOKEN_INVALID);
            flip(&text[at], bit);
        }
        assert_int_equal(token_check(keys, slice_of(text, at), TOKEN_ACCESS, VECTOR_NOW_MS, &found),
                         TOKEN_INVALID);
    }
    assert_int_equal(token_check(keys, slice_of(text, len), TOKEN_ACCESS, VECTOR_NOW_MS, &found),
                     TOKEN_OK);
    free(text);
}

/* Signs a payload that token_sign would not make: good but for its size. text has room for 3 times
 * TOKEN_MAX_BYTES. */
static size_t sign_padded(char *text, size_t padding)
{
    static const char header[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";
    char payload[2 * TOKEN_MAX_BYTES];
    uint8_t mac[MAC_BYTES];

    int payload_len =
        snprintf(payload, sizeof(payload),
                 "{\"token_type\":\"access\",\"exp\":2000000000,\"jti\":\"a\",\"pad\":\"%0*d\"}",
                 (int)padding, 0);
    memcpy(text, header, sizeof(header));
    base64url_encode(payload, (size_t)payload_len, text + strlen(text));
    size_t len = strlen(text);
    secret_mac(&key, text, len, mac);
    text[len++] = '.';
    base64url_encode(mac, sizeof(mac), text + len);
    return strlen(text);
}

static void test_a_token_over_the_limit_is_refused(void **state)
{
    (void)state;
    char *text = xcalloc(1, 100000);
    struct token_claims found;
    size_t padding = 1;

    while (sign_padded(text, padding + 1) <= TOKEN_MAX_BYTES)
        padding++;
    size_t len = sign_padded(text, padding);
    assert_int_equal(token_check(keys, slice_of(text, len), TOKEN_ANY, VECTOR_NOW_MS, &found),
                     TOKEN_OK);
    len = sign_padded(text, padding + 1);
    assert_int_equal(token_check(keys, slice_of(text, len), TOKEN_ANY, VECTOR_NOW_MS, &found),
                     TOKEN_INVALID);

    memset(text, 'A', 100000);
    text[10] = text[20] = '.';
    assert_int_equal(token_check(keys, slice_of(text, 100000), TOKEN_ANY, VECTOR_NOW_MS, &found),
                     TOKEN_INVALID);
    assert_int_equal(
        token_check(keys, slice_of(text, TOKEN_MAX_BYTES), TOKEN_ANY, VECTOR_NOW_MS, &found),
        TOKEN_INVALID);
    assert_int_equal(token_check(keys, slice_of(NULL, 0), TOKEN_ANY, VECTOR_NOW_MS, &found),
                     TOKEN_INVALID);
    free(text);
}

static int make_ring(void **state)
{
    (void)state;
    keys = token_keys_of_secret(&key);
    return 0;
}

static int free_ring(void **state)
{
    (void)state;
    token_keys_free(&keys);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_vector_is_judged_as_recorded),
        cmocka_unit_test(test_what_is_signed_is_checked_and_comes_back_whole),
        cmocka_unit_test(test_a_token_ends_with_the_second_it_names),
        cmocka_unit_test(test_the_shape_is_simplejwts),
        cmocka_unit_test(test_no_other_spelling_of_a_token_passes),
        cmocka_unit_test(test_a_token_over_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, make_ring, free_ring);
}
