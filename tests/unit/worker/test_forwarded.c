/* Whose address counts behind proxies; and what limits take for one address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "worker/forwarded.h"
#include "worker/request.h"

#define LINES_MAX 4

struct example {
    const char *lines[LINES_MAX]; /* up to the first NULL */
    const char *client;           /* NULL: the peer stands for itself */
};

static const struct example EXAMPLES[] = {
    {{NULL}, NULL},
    {{""}, NULL},
    {{" \t "}, NULL},
    {{"192.0.2.1"}, "192.0.2.1"},
    {{" \t192.0.2.1 "}, "192.0.2.1"},
    {{"192.0.2.1, 192.0.2.2"}, "192.0.2.2"},
    {{"192.0.2.1,192.0.2.2"}, "192.0.2.2"},
    {{"192.0.2.1, 10.0.0.7"}, "192.0.2.1"},
    {{"192.0.2.9, 192.0.2.1, 10.0.0.7, 10.1.2.3"}, "192.0.2.1"},
    {{"192.0.2.1", "10.0.0.7"}, "192.0.2.1"},
    {{"192.0.2.1", "192.0.2.2"}, "192.0.2.2"},
    {{"192.0.2.1, 10.0.0.1", "10.0.0.7", "10.0.0.8"}, "192.0.2.1"},
    {{"10.0.0.7"}, "10.0.0.7"}, /* all are proxies: the first of them */
    {{"10.0.0.9, 10.0.0.8", "10.0.0.7"}, "10.0.0.9"},
    {{"2001:db8::1"}, "2001:db8::1"},
    {{"2001:DB8:0:0::1"}, "2001:db8::1"},
    {{"[2001:db8::1]"}, "2001:db8::1"},
    {{"[2001:db8::1]:443"}, "2001:db8::1"},
    {{"192.0.2.1:4711"}, "192.0.2.1"},
    {{"::ffff:192.0.2.1"}, "192.0.2.1"},
    {{"2001:db8::1, fd00::7"}, "2001:db8::1"},
    {{"garbage, 192.0.2.1"}, "192.0.2.1"}, /* what a client claimed is not looked at */
    {{"192.0.2.1, ,, 192.0.2.2"}, "192.0.2.2"},
    {{"unix, 192.0.2.2, 10.0.0.7"}, "192.0.2.2"},
    /* Nonsense where a proxy of ours should have written. */
    {{"192.0.2.1, garbage"}, NULL},
    {{"192.0.2.1,"}, NULL},
    {{"192.0.2.1", ""}, NULL},
    {{"garbage, 10.0.0.7"}, NULL},
    {{"192.0.2.1, , 10.0.0.7"}, NULL},
    {{"unix"}, NULL},
    {{"unknown"}, NULL},
    {{"_hidden"}, NULL},
    {{"192.0.2.256"}, NULL},
    {{"192.0.2"}, NULL},
    {{"192.0.02.1"}, NULL},
    {{"192.0.2.1 192.0.2.2"}, NULL},
    {{"192.0.2.1:"}, NULL},
    {{"192.0.2.1:port"}, NULL},
    {{"192.0.2.1:123456"}, NULL},
    {{"[192.0.2.1]:80"}, NULL},
    {{"[2001:db8::1"}, NULL},
    {{"[2001:db8::1]x"}, NULL},
    {{"[]"}, NULL},
    {{"["}, NULL},
    {{"2001:db8::1::"}, NULL},
    {{"fe80::1%eth0"}, NULL},
    {{"for=192.0.2.1"}, NULL},
    {{"\"192.0.2.1\""}, NULL},
    {{"2001:db8:0000:0000:0000:0000:0000:0001:ffff:ffff:ffff:ffff:ffff"}, NULL},
};

static bool client_of(const struct peer_rules *proxies, const char *const *texts, char *text_out)
{
    struct slice lines[LINES_MAX];
    size_t count = 0;

    while (count < LINES_MAX && texts[count] != NULL) {
        lines[count] = slice_of_text(texts[count]);
        count++;
    }
    return forwarded_client(proxies, lines, count, text_out, PEER_TEXT_BYTES);
}

static void test_the_rightmost_address_that_is_no_proxy_is_the_client(void **state)
{
    struct err err;
    struct peer_rules *proxies = peer_rules_new("10.0.0.0/8, fd00::/8, unix", &err);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(EXAMPLES); i++) {
        char text[PEER_TEXT_BYTES] = "untouched";
        const char *expected = EXAMPLES[i].client != NULL ? EXAMPLES[i].client : "untouched";
        const bool found = client_of(proxies, EXAMPLES[i].lines, text);
        if (found != (EXAMPLES[i].client != NULL) || strcmp(text, expected) != 0)
            fail_msg("example %zu \"%s\": %d %s", i, EXAMPLES[i].lines[0], found, text);
    }
    peer_rules_free(&proxies);
}

static void test_a_chain_that_never_ends_is_none(void **state)
{
    struct err err;
    struct peer_rules *proxies = peer_rules_new("10.0.0.0/8", &err);
    char line[512] = "192.0.2.1";
    const char *lines[] = {line, NULL};
    char text[PEER_TEXT_BYTES];

    (void)state;
    for (int i = 1; i < 32; i++) {
        assert_true(client_of(proxies, lines, text));
        assert_string_equal(text, "192.0.2.1");
        strncat(line, ",10.0.0.1", sizeof(line) - strlen(line) - 1);
    }
    assert_true(client_of(proxies, lines, text));
    strncat(line, ",10.0.0.1", sizeof(line) - strlen(line) - 1);
    assert_false(client_of(proxies, lines, text));
    peer_rules_free(&proxies);
}

static void test_limits_take_an_ipv4_address_or_64_bits_of_ipv6_for_one(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        size_t len;
        bool same;
    } pairs[] = {
        {"192.0.2.1", "192.0.2.1", 5, true},
        {"192.0.2.1", "192.0.2.2", 5, false},
        {"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", 9, true},
        {"2001:db8::1", "2001:db8:0:1::1", 9, false},
        {"unknown", "unknown", 1, true},
    };
    uint8_t a[PEER_NETWORK_BYTES];
    uint8_t b[PEER_NETWORK_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        assert_int_equal(peer_network(pairs[i].a, a), pairs[i].len);
        assert_int_equal(peer_network(pairs[i].b, b), pairs[i].len);
        assert_int_equal(memcmp(a, b, pairs[i].len) == 0, pairs[i].same);
    }
    assert_int_equal(peer_network("unix", a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rightmost_address_that_is_no_proxy_is_the_client),
        cmocka_unit_test(test_a_chain_that_never_ends_is_none),
        cmocka_unit_test(test_limits_take_an_ipv4_address_or_64_bits_of_ipv6_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
