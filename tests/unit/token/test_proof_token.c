/* A letter's token proves its id, for its purpose, under its key, in one spelling. */
#include "gatepost/proof_token.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct secret key = {.bytes = (uint8_t *)"0123456789abcdef0123456789abcdef",
                                  .len = 32};
static const struct secret other_key = {.bytes = (uint8_t *)"0123456789abcdef0123456789abcdeF",
                                        .len = 32};

static void test_a_token_gives_its_id_back(void **state)
{
    (void)state;
    struct uuid id = uuid_new(1800000000000);
    struct uuid found;
    char text[PROOF_TOKEN_TEXT_BYTES];

    proof_token_make(&key, 1, &id, text);
    assert_int_equal(strlen(text), PROOF_TOKEN_TEXT_BYTES - 1);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789-_"),
                     strlen(text));
    assert_true(proof_token_check(&key, 1, slice_of_text(text), &found));
    assert_true(uuid_equal(&id, &found));
}

/* Made once by Python: hmac.new(key, b"gatepost proof token 1\0\x01" + bytes(range(16)), sha256).
 * Letters that are on their way must stay good across releases. */
static void test_the_form_of_a_token_stays_what_it_was(void **state)
{
    (void)state;
    struct uuid id;
    char text[PROOF_TOKEN_TEXT_BYTES];

    for (uint8_t i = 0; i < UUID_BYTES; i++)
        id.bytes[i] = i;
    proof_token_make(&key, 1, &id, text);
    assert_string_equal(text, "AAECAwQFBgcICQoLDA0OD5Ch2CfIa3bidD5mDur6r0rQIWyiTRqNHg");
}

static void test_another_purpose_or_key_is_refused(void **state)
{
    (void)state;
    struct uuid id = uuid_new(1800000000000);
    struct uuid found;
    char text[PROOF_TOKEN_TEXT_BYTES];

    proof_token_make(&key, 1, &id, text);
    assert_false(proof_token_check(&key, 2, slice_of_text(text), &found));
    assert_false(proof_token_check(&other_key, 1, slice_of_text(text), &found));
}

static void flip(char *byte, unsigned bit)
{
    *byte = (char)((unsigned char)*byte ^ (1U << bit));
}

static void test_no_other_text_passes(void **state)
{
    (void)state;
    struct uuid id = uuid_new(1800000000000);
    struct uuid found;
    char text[PROOF_TOKEN_TEXT_BYTES + 1] = "";
    size_t len = PROOF_TOKEN_TEXT_BYTES - 1;

    proof_token_make(&key, 1, &id, text);
    for (size_t at = 0; at < len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            flip(&text[at], bit);
            assert_false(proof_token_check(&key, 1, slice_of(text, len), &found));
            flip(&text[at], bit);
        }
        assert_false(proof_token_check(&key, 1, slice_of(text, at), &found));
    }
    text[len] = '=';
    assert_false(proof_token_check(&key, 1, slice_of(text, len + 1), &found));
    text[len] = '\0';
    assert_false(proof_token_check(&key, 1, slice_of(text, len + 1), &found));
    assert_false(proof_token_check(&key, 1, slice_of(NULL, 0), &found));
    assert_true(proof_token_check(&key, 1, slice_of(text, len), &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_gives_its_id_back),
        cmocka_unit_test(test_the_form_of_a_token_stays_what_it_was),
        cmocka_unit_test(test_another_purpose_or_key_is_refused),
        cmocka_unit_test(test_no_other_text_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
