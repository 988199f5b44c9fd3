/* The cache of checked tokens: what is found, what is not any more, what is given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "worker/token_cache.h"

#define NOW     ((wall_ms)1800000000000)
#define SUBJECT "0190a5a4-7c00-7000-8000-000000000001"
#define MANY    1000

struct bench {
    struct segment *segment;
    struct token_cache *cache;
    struct token_proof proof;
};

static int set_up(void **state)
{
    struct bench *bench = xcalloc(1, sizeof(*bench));
    static const struct user_answer user = {.subject = {SUBJECT, sizeof(SUBJECT) - 1},
                                            .username = {"person", 6},
                                            .email = {"p@example.com", 13},
                                            .active = 1};
    static const struct token_claims claims = {.type = TOKEN_ACCESS, .has_session = true};
    struct err err;

    bench->segment = segment_create(2, &err);
    if (bench->segment == NULL)
        return -1;
    bench->cache = token_cache_new(bench->segment, 64);
    bench->proof = (struct token_proof){
        .account = account_new(&user, &claims),
        .seen = epochs_look(bench->segment, user.subject,
                            slice_of(claims.session_id.bytes, UUID_BYTES)),
        .from = NOW,
        .until = NOW + 1000,
    };
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    token_cache_free(&bench->cache);
    account_drop(&bench->proof.account);
    segment_close(&bench->segment);
    free(bench);
    return 0;
}

/* A token's shape is of no account here; its end differs, as signatures do. */
static struct slice token(unsigned number)
{
    static char text[100];

    snprintf(text, sizeof(text), "header.payload.%080u", number * 2654435761U);
    return slice_of_text(text);
}

static bool finds(struct bench *bench, struct slice text, wall_ms now)
{
    const struct account *account = token_cache_find(bench->cache, text, now);
    bool found = account != NULL;

    assert_true(!found || account == bench->proof.account);
    account_drop(&account);
    return found;
}

static void test_a_token_is_found_as_long_as_it_is_good(void **state)
{
    struct bench *bench = *state;

    assert_false(finds(bench, token(1), NOW));
    token_cache_keep(bench->cache, token(1), &bench->proof);
    assert_true(finds(bench, token(1), NOW));
    assert_true(finds(bench, token(1), NOW + 999));
    assert_false(finds(bench, token(2), NOW));
    assert_false(finds(bench, token(1), NOW + 1000));
    assert_false(finds(bench, token(1), NOW)); /* it is gone */
}

static void test_a_clock_set_back_finds_nothing(void **state)
{
    struct bench *bench = *state;

    token_cache_keep(bench->cache, token(1), &bench->proof);
    assert_false(finds(bench, token(1), NOW - 1));
}

static void test_a_change_of_user_session_or_store_ends_it(void **state)
{
    struct bench *bench = *state;
    static const uint8_t session[UUID_BYTES];
    const struct slice names[] = {SLICE_LITERAL(SUBJECT), slice_of(session, sizeof(session))};

    for (size_t i = 0; i <= ARRAY_LEN(names); i++) {
        bench->proof.seen = epochs_look(bench->segment, names[0], names[1]);
        token_cache_keep(bench->cache, token(1), &bench->proof);
        assert_true(finds(bench, token(1), NOW));
        if (i < ARRAY_LEN(names))
            epoch_raise(bench->segment, names[i]);
        else
            board_set(bench->segment, BOARD_STORE_EPOCH, 7);
        assert_false(finds(bench, token(1), NOW));
    }
}

static void test_every_byte_of_the_token_counts(void **state)
{
    struct bench *bench = *state;
    char text[100];

    token_cache_keep(bench->cache, token(1), &bench->proof);
    for (size_t i = 0; i < token(1).len; i++) {
        assert_true(slice_to_text(token(1), text, sizeof(text)));
        text[i] ^= 1;
        assert_false(finds(bench, slice_of_text(text), NOW));
    }
    assert_false(finds(bench, slice_of(token(1).at, token(1).len - 1), NOW));
    assert_true(finds(bench, token(1), NOW));
}

static void test_a_small_cache_keeps_what_is_used(void **state)
{
    struct bench *bench = *state;
    unsigned found = 0;

    for (unsigned i = 0; i < MANY; i++) {
        token_cache_keep(bench->cache, token(i), &bench->proof);
        assert_true(finds(bench, token(i), NOW));
        assert_true(finds(bench, token(0), NOW));
    }
    for (unsigned i = 0; i < MANY; i++)
        found += finds(bench, token(i), NOW);
    assert_in_range(found, 60, 64); /* some sets may never have filled */
    assert_true(finds(bench, token(0), NOW));
}

static void test_the_same_token_twice_takes_one_place(void **state)
{
    struct bench *bench = *state;

    for (unsigned i = 0; i < MANY; i++)
        token_cache_keep(bench->cache, token(1), &bench->proof);
    token_cache_keep(bench->cache, token(2), &bench->proof);
    assert_true(finds(bench, token(1), NOW));
    assert_true(finds(bench, token(2), NOW));
}

static void test_an_account_outlives_its_place(void **state)
{
    struct bench *bench = *state;

    token_cache_keep(bench->cache, token(1), &bench->proof);
    const struct account *account = token_cache_find(bench->cache, token(1), NOW);
    token_cache_free(&bench->cache);
    assert_string_equal(account->username, "person");
    account_drop(&account);
    assert_null(account);
}

static void test_too_long_too_short_or_no_cache_keeps_nothing(void **state)
{
    struct bench *bench = *state;
    static char text[TOKEN_CACHE_TOKEN_MAX + 1];
    struct token_cache *none = token_cache_new(bench->segment, 0);

    memset(text, 'x', sizeof(text));
    token_cache_keep(bench->cache, slice_of(text, sizeof(text)), &bench->proof);
    assert_false(finds(bench, slice_of(text, sizeof(text)), NOW));
    token_cache_keep(bench->cache, slice_of(text, sizeof(text) - 1), &bench->proof);
    assert_true(finds(bench, slice_of(text, sizeof(text) - 1), NOW));
    assert_false(finds(bench, SLICE_LITERAL("a.b.c"), NOW));
    assert_null(none);
    token_cache_keep(none, token(1), &bench->proof);
    assert_null(token_cache_find(none, token(1), NOW));
    token_cache_free(&none);
}

static void test_the_page_is_made_once(void **state)
{
    struct bench *bench = *state;

    assert_null(account_page(bench->proof.account).at);
    account_keep_page(bench->proof.account, SLICE_LITERAL("{}"));
    assert_true(slice_equal(account_page(bench->proof.account), SLICE_LITERAL("{}")));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_token_is_found_as_long_as_it_is_good),
        CASE(test_a_clock_set_back_finds_nothing),
        CASE(test_a_change_of_user_session_or_store_ends_it),
        CASE(test_every_byte_of_the_token_counts),
        CASE(test_a_small_cache_keeps_what_is_used),
        CASE(test_the_same_token_twice_takes_one_place),
        CASE(test_an_account_outlives_its_place),
        CASE(test_too_long_too_short_or_no_cache_keeps_nothing),
        CASE(test_the_page_is_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
