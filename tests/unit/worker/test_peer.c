/* Peers, and the rules that name them. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "worker/peer.h"

static bool matches(const char *list, const char *peer)
{
    struct err err;
    struct peer_rules *rules = peer_rules_new(list, &err);

    assert_non_null(rules);
    bool match = peer_rules_match(rules, peer);
    peer_rules_free(&rules);
    return match;
}

static void test_networks_are_compared_by_their_leading_bits(void **state)
{
    (void)state;
    assert_true(matches("127.0.0.0/8, ::1, unix", "127.255.0.1"));
    assert_true(matches("127.0.0.0/8, ::1, unix", "::1"));
    assert_true(matches("127.0.0.0/8, ::1, unix", "unix"));
    assert_false(matches("127.0.0.0/8, ::1, unix", "128.0.0.1"));
    assert_false(matches("127.0.0.0/8, ::1, unix", "::2"));
    assert_true(matches("10.1.2.128/25", "10.1.2.200"));
    assert_false(matches("10.1.2.128/25", "10.1.2.100"));
    assert_true(matches("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(matches("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(matches("0.0.0.0/0", "8.8.8.8"));
    assert_false(matches("0.0.0.0/0", "unix"));
}

static void test_a_mapped_network_is_one_of_ipv4(void **state)
{
    (void)state;
    assert_true(matches("::ffff:10.0.0.0/104", "10.200.0.1"));
    assert_false(matches("::ffff:10.0.0.0/104", "11.0.0.1"));
    assert_true(matches("::ffff:127.0.0.1", "127.0.0.1"));
    assert_false(matches("::ffff:127.0.0.1", "127.0.0.2"));
    assert_false(matches("::/0", "127.0.0.1"));
}

static void test_an_entry_that_is_none_is_refused(void **state)
{
    static const char *const lists[] = {"localhost",  "127.0.0.1/33", "::/129",
                                        "127.0.0.1/", "1/x",          "127.0.0.1, 300.0.0.1"};
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        assert_null(peer_rules_new(lists[i], &err));
}

static void test_a_mapped_address_is_shown_as_ipv4(void **state)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    char text[64];

    (void)state;
    inet_pton(AF_INET6, "::ffff:192.0.2.7", &v6.sin6_addr);
    peer_text((struct sockaddr *)&v6, sizeof(v6), text, sizeof(text));
    assert_string_equal(text, "192.0.2.7");
    inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
    peer_text((struct sockaddr *)&v6, sizeof(v6), text, sizeof(text));
    assert_string_equal(text, "2001:db8::7");
    peer_text((struct sockaddr *)&local, sizeof(sa_family_t), text, sizeof(text));
    assert_string_equal(text, "unix");
}

static void test_a_peer_that_is_gone_is_nobody(void **state)
{
    struct sockaddr_storage nothing = {0};
    char text[64];

    (void)state;
    peer_text((struct sockaddr *)&nothing, 0, text, sizeof(text));
    assert_string_equal(text, "unknown");
    assert_false(matches("0.0.0.0/0, ::/0, unix", text));
}

static void test_clients_are_told_apart_by_address_and_by_64_bits_of_ipv6(void **state)
{
    static const char *const others[] = {"192.0.2.2", "192.0.3.1",   "2001:db8:0:1::1", "unix",
                                         "unknown",   "2001:db8::1", "c000:201::",      "::"};
    static const uint64_t keys[] = {0, 1, 0x123456789abcdef0};

    (void)state;
    for (size_t key = 0; key < ARRAY_LEN(keys); key++) {
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
            uint64_t client = peer_client(others[i], keys[key]);
            assert_int_not_equal(client, 0);
            assert_int_not_equal(client, peer_client("192.0.2.1", keys[key]));
            for (size_t j = 0; j < i; j++)
                assert_int_not_equal(client, peer_client(others[j], keys[key]));
        }
        assert_true(peer_client("2001:db8::1", keys[key]) ==
                    peer_client("2001:db8::ffff:1:2:3", keys[key]));
        assert_true(peer_client("192.0.2.1", keys[key]) == peer_client("192.0.2.1", keys[key]));
    }
    assert_true(peer_client("192.0.2.1", 1) != peer_client("192.0.2.1", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks_are_compared_by_their_leading_bits),
        cmocka_unit_test(test_a_mapped_network_is_one_of_ipv4),
        cmocka_unit_test(test_an_entry_that_is_none_is_refused),
        cmocka_unit_test(test_a_mapped_address_is_shown_as_ipv4),
        cmocka_unit_test(test_a_peer_that_is_gone_is_nobody),
        cmocka_unit_test(test_clients_are_told_apart_by_address_and_by_64_bits_of_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
