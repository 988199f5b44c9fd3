/* The return path of each letter: it names its job, under its key, and fits. */
#include "mailer/return_path.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "gatepost/email.h"

static const struct secret key = {.bytes = (uint8_t *)"0123456789abcdef0123456789abcdef",
                                  .len = 32};
static const struct secret other_key = {.bytes = (uint8_t *)"0123456789abcdef0123456789abcdeF",
                                        .len = 32};

static void make(const char *base, const struct uuid *id, char text_out[RETURN_PATH_TEXT_BYTES])
{
    const struct return_path path = {base, "post@example.org", &key};
    return_path_make(&path, id, text_out);
}

static bool is_read(const char *text)
{
    struct uuid id;
    return return_path_read(&key, slice_of_text(text), &id);
}

static void test_without_a_base_it_is_the_sender_and_may_be_null(void **state)
{
    char text[RETURN_PATH_TEXT_BYTES];
    const struct uuid id = uuid_new(1800000000000);
    (void)state;
    make("", &id, text);
    assert_string_equal(text, "post@example.org");
    assert_false(is_read(text));
    make("<>", &id, text);
    assert_string_equal(text, "");
    assert_false(is_read(text));
}

/* Made once by Python: b32encode(bytes(range(16))) and the first ten bytes of
 * hmac.new(key, b"gatepost return path 1\0" + bytes(range(16)), sha256). Letters that have left
 * must be known across releases. */
static void test_the_form_of_a_return_path_stays_what_it_was(void **state)
{
    char text[RETURN_PATH_TEXT_BYTES];
    struct uuid id;
    (void)state;
    for (uint8_t i = 0; i < UUID_BYTES; i++)
        id.bytes[i] = i;
    make("bounces@example.com", &id, text);
    assert_string_equal(text, "bounces+aaaqeayeaudaocajbifqydiob4ptqxdlpr6bpkbgv5@example.com");
}

static void test_the_job_comes_back_in_any_case_and_at_any_domain(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        const struct uuid id = uuid_new(1800000000000 + i);
        struct uuid found;
        char text[RETURN_PATH_TEXT_BYTES], other[RETURN_PATH_TEXT_BYTES + 16];

        make(i % 2 == 0 ? "b@example.com" : "a+b@example.com", &id, text);
        assert_true(return_path_read(&key, slice_of_text(text), &found));
        assert_true(uuid_equal(&id, &found));
        snprintf(other, sizeof(other), "%.*s@mx.example.net", (int)strcspn(text, "@"), text);
        for (char *at = other; *at != '\0'; at++)
            *at = (char)toupper((unsigned char)*at);
        memset(&found, 0, sizeof(found));
        assert_true(return_path_read(&key, slice_of_text(other), &found));
        assert_true(uuid_equal(&id, &found));
        assert_false(return_path_read(&other_key, slice_of_text(text), &found));
    }
}

static void test_the_longest_base_makes_an_address_that_can_be_mailed_to(void **state)
{
    char base[RETURN_PATH_TEXT_BYTES], text[RETURN_PATH_TEXT_BYTES];
    const struct uuid id = uuid_new(1800000000000);
    (void)state;
    size_t len = (size_t)snprintf(base, sizeof(base), "%021d@", 7);
    for (; len < 208; len += 2)
        memcpy(base + len, "d.", 2);
    memcpy(base + len, "com", sizeof("com"));
    assert_int_equal(strlen(base), 211);
    make(base, &id, text);
    assert_int_equal(strcspn(text, "@"), 64);
    assert_int_equal(strlen(text), 254);
    assert_true(email_is_canonical(slice_of_text(text)));
    assert_true(is_read(text));
}

/* Every character of the code replaced by every other one; a code in the other case is the same. */
static void test_a_changed_character_is_refused(void **state)
{
    char text[RETURN_PATH_TEXT_BYTES];
    const struct uuid id = uuid_new(1800000000000);
    (void)state;
    make("b@example.com", &id, text);
    for (size_t i = 1; text[i] != '@'; i++) {
        const char good = text[i];
        for (int byte = 1; byte < 256; byte++) {
            text[i] = (char)byte;
            if (tolower(byte) != good && byte != '@')
                assert_false(is_read(text));
        }
        text[i] = good;
    }
    assert_true(is_read(text));
}

static void test_other_addresses_are_refused(void **state)
{
    char text[RETURN_PATH_TEXT_BYTES], cut[RETURN_PATH_TEXT_BYTES];
    const struct uuid id = uuid_new(1800000000000);
    (void)state;
    assert_false(return_path_read(&key, slice_of(NULL, 0), &(struct uuid){{0}}));
    assert_false(is_read("@"));
    assert_false(is_read("b@example.com"));
    assert_false(is_read("b+@example.com"));
    make("b@example.com", &id, text);
    for (size_t i = 0; text[i] != '\0'; i++) { /* cut short at either end */
        memcpy(cut, text, i);
        cut[i] = '\0';
        assert_int_equal(is_read(cut), i > strcspn(text, "@"));
        if (i > 0)
            assert_false(is_read(text + i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_base_it_is_the_sender_and_may_be_null),
        cmocka_unit_test(test_the_form_of_a_return_path_stays_what_it_was),
        cmocka_unit_test(test_the_job_comes_back_in_any_case_and_at_any_domain),
        cmocka_unit_test(test_the_longest_base_makes_an_address_that_can_be_mailed_to),
        cmocka_unit_test(test_a_changed_character_is_refused),
        cmocka_unit_test(test_other_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
