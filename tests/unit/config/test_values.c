/* What a value may be, and what must hold between values. */
#include "config_bench.h"

#include <fcntl.h>

static void test_numbers_are_plain_decimals_within_their_range(void **state)
{
    bench_takes_override(*state, "smtp.port=1");
    bench_takes_override(*state, "smtp.port=65535");
    bench_takes_override(*state, "smtp.port=0025");
    bench_refuses_override(*state, "smtp.port=0", "outside 1 to 65535");
    bench_refuses_override(*state, "smtp.port=65536", "outside 1 to 65535");
    bench_refuses_override(*state, "smtp.port=18446744073709551641", "outside 1 to 65535");
    bench_refuses_override(*state, "smtp.port=-25", "not a plain decimal");
    bench_refuses_override(*state, "smtp.port=+25", "not a plain decimal");
    bench_refuses_override(*state, "smtp.port=0x19", "not a plain decimal");
    bench_refuses_override(*state, "smtp.port=25.0", "not a plain decimal");
    bench_refuses_override(*state, "smtp.port=auto", "not a plain decimal");
    bench_takes_override(*state, "http.workers=auto");
}

static void test_rates_are_counts_in_seconds_or_no(void **state)
{
    static const struct {
        const char *text;
        uint32_t count;
        uint32_t period_s;
    } good[] = {
        {"30/60", 30, 60},       {"30/m", 30, 60},    {"100/h", 100, 3600},  {"5/s", 5, 1},
        {"1000/d", 1000, 86400}, {"1/minute", 1, 60}, {"1/second", 1, 1},    {"2/hour", 2, 3600},
        {"2/day", 2, 86400},     {"9/min", 9, 60},    {"1000/sec", 1000, 1}, {" 7 / 8 ", 7, 8},
        {"007/08", 7, 8},        {"no", 0, 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char override[64];
        (void)snprintf(override, sizeof(override), "limits.login_address=%s", good[i].text);
        struct config *config = bench_load_with(*state, override);
        assert_non_null(config);
        assert_int_equal(config->limits_login_address.count, good[i].count);
        assert_int_equal(config->limits_login_address.period_s, good[i].period_s);
        config_free(&config);
    }
    static const char *const no_rates[] = {
        "30",      "30/",      "/60",          "/",
        "30/60/1", "30/x",     "30/M",         "-1/60",
        "1.5/m",   "30 per m", "yes",          "none",
        "1/mins",  "0x1/1",    "9999999999/1", "1/18446744073709551617"};
    for (size_t i = 0; i < ARRAY_LEN(no_rates); i++) {
        char override[64];
        (void)snprintf(override, sizeof(override), "limits.login_address=%s", no_rates[i]);
        bench_refuses_override(*state, override, "is no rate like 30/60");
    }
    bench_refuses_override(*state, "limits.login_address=", "has no value");
    bench_refuses_override(*state, "limits.login_address=0/60", "0/60 is outside 1 to 100000");
    bench_refuses_override(*state, "limits.login_address=100001/d", "is outside 1 to 100000");
    bench_refuses_override(*state, "limits.login_address=1/0", "in 1 to 86400 s");
    bench_refuses_override(*state, "limits.login_address=1/86401", "in 1 to 86400 s");
    bench_refuses_override(*state, "limits.login_address=1001/s", "more than 1000 a second");
    bench_refuses_override(*state, "limits.account_delay_s=3601", "must not be above");
}

static void test_rates_are_printed_as_they_are_read(void **state)
{
    char text[65536];
    struct config *config = bench_load_with(*state, "limits.letters=4/h");
    int fd = open("printed", O_RDWR | O_CREAT, 0600);

    assert_non_null(config);
    assert_true(config_print(config, fd));
    const ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
    assert_true(len > 0);
    text[len] = '\0';
    close(fd);
    assert_non_null(strstr(text, "\nletters = 4/3600\n"));
    assert_non_null(strstr(text, "\nsignup_global = no\n"));
    struct config *other = bench_load_with(*state, "limits.letters=4/3600");
    struct err err;
    assert_int_equal(config_difference(config, other, &err), 0);
    config_free(&other);
    other = bench_load_with(*state, "limits.letters=4/3601");
    assert_int_equal(config_difference(config, other, &err), CONFIG_RELOAD_WORKERS);
    config_free(&other);
    config_free(&config);
}

static void test_trusted_proxies_are_networks_and_none_by_default(void **state)
{
    struct config *config = bench_load(*state);

    assert_non_null(config);
    assert_string_equal(config->http_trusted_proxies, "");
    config_free(&config);
    bench_takes_override(*state, "http.trusted_proxies=");
    bench_takes_override(*state, "http.trusted_proxies=10.0.0.0/8, fd00::/8, 192.0.2.1,unix");
    bench_refuses_override(*state, "http.trusted_proxies=proxy.example.com", "is no address");
    bench_refuses_override(*state, "http.trusted_proxies=10.0.0.0/8,", "is no address");
    bench_refuses_override(*state, "http.trusted_proxies=10.0.0.0/33", "is no address");
    bench_refuses_override(*state, "http.metrics_allow=", "has no value");
}

static void test_listeners_are_addresses_with_ports_or_absolute_paths(void **state)
{
    char override[256] = "http.listen=unix:/";

    bench_takes_override(*state, "http.listen=127.0.0.1:0");
    bench_takes_override(*state, "http.listen=[::]:65535 , 0.0.0.0:1,unix:/run/x.sock");
    bench_refuses_override(*state, "http.listen=127.0.0.1", "no port from 0 to 65535");
    bench_refuses_override(*state, "http.listen=127.0.0.1:", "no port from 0 to 65535");
    bench_refuses_override(*state, "http.listen=127.0.0.1:65536", "no port from 0 to 65535");
    bench_refuses_override(*state, "http.listen=127.0.0.1:http", "no port from 0 to 65535");
    bench_refuses_override(*state, "http.listen=localhost:80", "is no addr:port");
    bench_refuses_override(*state, "http.listen=:80", "is no addr:port");
    bench_refuses_override(*state, "http.listen=::1:80", "is no addr:port");
    bench_refuses_override(*state, "http.listen=[127.0.0.1]:80", "is no addr:port");
    bench_refuses_override(*state, "http.listen=1.2.3.4:1,", "an empty entry");
    bench_refuses_override(*state, "http.listen=1.2.3.4:1,,1.2.3.4:2", "an empty entry");
    bench_refuses_override(*state, "http.listen=1.2.3.4:1, 1.2.3.4:1", "listed twice");
    bench_refuses_override(*state, "http.listen=unix:x.sock", "an absolute path under 108");
    bench_refuses_override(*state, "http.listen=unix:", "an absolute path under 108");
    for (size_t i = 0; i < 106; i++) /* with its slash 107 bytes and the NUL */
        strncat(override, "s", sizeof(override) - strlen(override) - 1);
    bench_takes_override(*state, override);
    strncat(override, "s", sizeof(override) - strlen(override) - 1);
    bench_refuses_override(*state, override, "an absolute path under 108");
}

static void test_at_most_sixteen_listeners(void **state)
{
    char override[512] = "http.listen=127.0.0.1:1";

    for (int port = 2; port <= 16; port++) {
        size_t len = strlen(override);
        (void)snprintf(override + len, sizeof(override) - len, ",127.0.0.1:%d", port);
    }
    bench_takes_override(*state, override);
    strncat(override, ",127.0.0.1:17", sizeof(override) - strlen(override) - 1);
    bench_refuses_override(*state, override, "more than 16 listeners");
}

static void test_the_public_url_is_an_origin(void **state)
{
    bench_takes_override(*state, "http.public_url=https://accounts.example.com");
    bench_takes_override(*state, "http.public_url=http://[::1]:8000");
    bench_takes_override(*state, "http.public_url=http://[::1]");
    bench_refuses_override(*state, "http.public_url=https://example.com/", "no slash");
    bench_refuses_override(*state, "http.public_url=https://example.com/x", "no path");
    bench_refuses_override(*state, "http.public_url=example.com", "must look like");
    bench_refuses_override(*state, "http.public_url=ftp://example.com", "must look like");
    bench_refuses_override(*state, "http.public_url=https://", "must look like");
    bench_refuses_override(*state, "http.public_url=https://:80", "must look like");
    bench_refuses_override(*state, "http.public_url=https://a:0", "must look like");
    bench_refuses_override(*state, "http.public_url=https://a:65536", "must look like");
    bench_refuses_override(*state, "http.public_url=https://u@a", "must look like");
    bench_refuses_override(*state, "http.public_url=https://a?b", "must look like");
    bench_refuses_override(*state, "http.public_url=https://a b", "must look like");
    bench_refuses_override(*state, "http.public_url=https://a..b", "must look like");
    bench_refuses_override(*state, "http.public_url=", "has no value");
}

static void test_metrics_readers_are_addresses_networks_or_unix(void **state)
{
    bench_takes_override(*state, "http.metrics_allow=10.0.0.0/8, fd00::/8, ::1, 1.2.3.4, unix");
    bench_takes_override(*state, "http.metrics_allow=0.0.0.0/0, ::/128");
    bench_refuses_override(*state, "http.metrics_allow=10.0.0.0/33", "is no address");
    bench_refuses_override(*state, "http.metrics_allow=::/129", "is no address");
    bench_refuses_override(*state, "http.metrics_allow=10.0.0.0/", "is no address");
    bench_refuses_override(*state, "http.metrics_allow=10.0.0.0/-1", "is no address");
    bench_refuses_override(*state, "http.metrics_allow=localhost", "is no address");
    bench_refuses_override(*state, "http.metrics_allow=::1,", "is no address");
}

static void test_origins_are_written_as_browsers_write_them(void **state)
{
    static const char *const none[] = {
        "*",
        "null",
        "good.example",
        "//good.example",
        "https://",
        "https://*.good.example",
        "https://good.example/",
        "https://good.example/app",
        "https://good.example?x",
        "https://good.example#x",
        "https://Good.example",
        "HTTPS://good.example",
        "https://good.example.",
        "https://good..example",
        "https://user@good.example",
        "https://good.example:443",
        "http://good.example:80",
        "https://good.example:",
        "https://good.example:0",
        "https://good.example:08443",
        "https://good.example:65536",
        "https://127.1",
        "https://127.0.0.01",
        "https://0x7f000001",
        "https://[::0:1]",
        "https://[::1",
        "https://[fe80::1%eth0]",
        "ftp://good.example",
        "file://",
        "https://g\xc3\xbc"
        "te.example",
        "https://good.example,",
        "https://good.example,,http://localhost",
        "https://a https://b",
    };
    char override[256];

    bench_takes_override(*state, "http.cors_origins=");
    bench_takes_override(*state, "http.cors_origins=https://good.example");
    bench_takes_override(*state,
                         "http.cors_origins=https://good.example:8443, http://localhost:3000,"
                         "http://127.0.0.1:5173, http://[::1]:8080, https://web1, http://a.b:443");
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        snprintf(override, sizeof(override), "http.cors_origins=%s", none[i]);
        bench_refuses_override(*state, override, "is no origin as browsers write it");
    }
}

static void test_the_sender_is_a_bare_ascii_address(void **state)
{
    bench_takes_override(*state, "mail.from=no-reply+x@mail.example.com");
    bench_takes_override(*state, "mail.from=gatepost@localhost");
    bench_refuses_override(*state, "mail.from=gatepost", "a bare address");
    bench_refuses_override(*state, "mail.from=@localhost", "a bare address");
    bench_refuses_override(*state, "mail.from=a@", "a bare address");
    bench_refuses_override(*state, "mail.from=a@b@c", "a bare address");
    bench_refuses_override(*state, "mail.from=a..b@c", "a bare address");
    bench_refuses_override(*state, "mail.from=a.@c", "a bare address");
    bench_refuses_override(*state, "mail.from=A <a@b.c>", "a bare address");
    bench_refuses_override(*state, "mail.from=\xc3\xa4@b.c", "a bare address");
    bench_refuses_override(*state, "mail.from=a@b c", "a bare address");
    bench_refuses_override(*state, "mail.from=a@b\r\nBcc: c@d", "control characters");
}

static void test_the_return_path_has_room_for_its_code(void **state)
{
    bench_takes_override(*state, "mail.return_path=");
    bench_takes_override(*state, "mail.return_path=<>");
    bench_takes_override(*state, "mail.return_path=Bounces+x@mail.example.com");
    bench_takes_override(*state, "mail.return_path=bounces@localhost");
    bench_takes_override(*state, "mail.return_path=abcdefghijklmnopqrstu@example.com");
    bench_refuses_override(*state, "mail.return_path=abcdefghijklmnopqrstuv@example.com",
                           "at most 21 characters before the @");
    bench_refuses_override(*state, "mail.return_path=bounces", "a bare address");
    bench_refuses_override(*state, "mail.return_path=<b@example.com>", "a bare address");
    bench_refuses_override(*state, "mail.return_path=b@example", "a bare address");
    bench_refuses_override(*state, "mail.return_path=b@example.com.", "a bare address");
    bench_refuses_override(*state, "mail.return_path=b@-a.com", "a bare address");
    bench_refuses_override(*state, "mail.return_path=b@a.11", "a bare address");
    bench_refuses_override(*state, "mail.return_path=b@Example.com", "a bare address");
    bench_refuses_override(*state, "mail.return_path=b@a.com\r\nDATA", "control characters");
}

static void test_dkim_keys_are_selectors_with_files(void **state)
{
    bench_takes_override(*state, "mail.dkim_keys=");
    bench_takes_override(*state, "mail.dkim_keys=mail2026:dkim.pem");
    bench_takes_override(*state, "mail.dkim_keys=a.b-c:/etc/a:b.pem, ed:x y.pem,c:c,d:d");
    bench_refuses_override(*state, "mail.dkim_keys=dkim.pem", "is no selector:file");
    bench_refuses_override(*state, "mail.dkim_keys=:dkim.pem", "is no selector:file");
    bench_refuses_override(*state, "mail.dkim_keys=a:", "is no selector:file");
    bench_refuses_override(*state, "mail.dkim_keys=a:b,", "is no selector:file");
    bench_refuses_override(*state, "mail.dkim_keys=a..b:c", "is no selector:file");
    bench_refuses_override(*state, "mail.dkim_keys=A:c", "is no selector:file");
    bench_refuses_override(*state, "mail.dkim_keys=a;b:c", "is no selector:file");
    bench_refuses_override(*state, "mail.dkim_keys=-a:c", "is no selector:file");
    bench_refuses_override(*state, "mail.dkim_keys=a:b,a:c", "the selector a stands twice");
    bench_refuses_override(*state, "mail.dkim_keys=a:b,c:b,d:b,e:b,f:b", "more than 4 keys");
    bench_takes_override(*state, "mail.dkim_domain=example.com");
    bench_takes_override(*state, "mail.dkim_domain=localhost");
    bench_refuses_override(*state, "mail.dkim_domain=Example.com", "must be a domain");
    bench_refuses_override(*state, "mail.dkim_domain=example.com; d=x.com", "must be a domain");
    bench_refuses_override(*state, "mail.dkim_domain=example", "must be a domain");
}

static void test_what_reaches_a_header_is_bounded(void **state)
{
    char override[700] = "mail.from_name=";

    bench_takes_override(*state, "mail.from_name=Anna & S\xc3\xb6hne \\ \"x\"");
    bench_refuses_override(*state, "mail.from_name=a\r\nBcc: x@y.z", "control characters");
    memset(override + 15, 'a', 100);
    bench_takes_override(*state, override);
    override[115] = 'a';
    bench_refuses_override(*state, override, "longer than 100 bytes");
    bench_takes_override(*state, "mail.reply_to=help@example.com");
    bench_takes_override(*state, "mail.reply_to=");
    bench_refuses_override(*state, "mail.reply_to=Help <help@example.com>", "a bare address");
    bench_refuses_override(*state, "mail.reply_to=a@b.com, c@d.com", "a bare address");
    bench_takes_override(*state, "mail.feedback_id=gatepost");
    bench_takes_override(*state, "mail.feedback_id=a:B_9.x-y:123456789012345");
    bench_refuses_override(*state, "mail.feedback_id=gate", "of 5 to 15 characters");
    bench_refuses_override(*state, "mail.feedback_id=1234567890123456", "of 5 to 15 characters");
    bench_refuses_override(*state, "mail.feedback_id=a:b:c:sender", "one to 3 fields");
    bench_refuses_override(*state, "mail.feedback_id=a::sender", "one to 3 fields");
    bench_refuses_override(*state, "mail.feedback_id=a:sender:", "one to 3 fields");
    bench_refuses_override(*state, "mail.feedback_id=a b:sender", "one to 3 fields");
    bench_takes_override(*state, "mail.list_unsubscribe=mailto:stop@example.com?subject=stop");
    bench_takes_override(*state, "mail.list_unsubscribe=https://example.com/settings#mail");
    bench_refuses_override(*state, "mail.list_unsubscribe=http://example.com", "must be one URI");
    bench_refuses_override(*state, "mail.list_unsubscribe=mailto:", "must be one URI");
    bench_refuses_override(*state, "mail.list_unsubscribe=https://", "must be one URI");
    bench_refuses_override(*state, "mail.list_unsubscribe=<mailto:a@b.c>", "must be one URI");
    bench_refuses_override(*state, "mail.list_unsubscribe=mailto:a@b.c,mailto:d",
                           "must be one URI");
    bench_refuses_override(*state, "mail.list_unsubscribe=https://a/\xc3\xa4", "must be one URI");
    memcpy(override, "mail.list_unsubscribe=https://", 30);
    memset(override + 30, 'a', 492);
    override[522] = '\0';
    bench_takes_override(*state, override);
    override[522] = 'a';
    bench_refuses_override(*state, override, "at most 500 bytes");
}

static void test_the_relay_is_a_host_without_a_port(void **state)
{
    bench_takes_override(*state, "smtp.host=mail.example.com");
    bench_takes_override(*state, "smtp.host=::1");
    bench_takes_override(*state, "smtp.host=127.0.0.1");
    bench_refuses_override(*state, "smtp.host=mail.example.com:25", "without a port");
    bench_refuses_override(*state, "smtp.host=smtp://mail", "without a port");
    bench_refuses_override(*state, "smtp.host=mail/x", "without a port");
    bench_refuses_override(*state, "smtp.host=[::1]:25", "without a port");
    bench_refuses_override(*state, "smtp.host=-mail", "without a port");
}

static void test_waits_after_a_greylisting_are_a_list_of_seconds(void **state)
{
    uint32_t waits[GREYLIST_TRIES_MAX];

    bench_takes_override(*state, "mail.greylist_retry_s=1,86400 , 300");
    bench_takes_override(*state, "mail.greylist_retry_s=no");
    bench_takes_override(*state, "mail.greylist_retry_s=1,2,3,4,5,6,7,8");
    bench_refuses_override(*state, "mail.greylist_retry_s=1,2,3,4,5,6,7,8,9", "up to 8 waits");
    bench_refuses_override(*state, "mail.greylist_retry_s=60,", "up to 8 waits");
    bench_refuses_override(*state, "mail.greylist_retry_s=60,,60", "up to 8 waits");
    bench_refuses_override(*state, "mail.greylist_retry_s=0", "up to 8 waits");
    bench_refuses_override(*state, "mail.greylist_retry_s=86401", "up to 8 waits");
    bench_refuses_override(*state, "mail.greylist_retry_s=100000", "up to 8 waits");
    bench_refuses_override(*state, "mail.greylist_retry_s=6m", "up to 8 waits");
    assert_int_equal(config_greylist_waits("60, 120,300", waits), 3);
    assert_int_equal(waits[0], 60);
    assert_int_equal(waits[1], 120);
    assert_int_equal(waits[2], 300);
    assert_int_equal(config_greylist_waits("no", waits), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_numbers_are_plain_decimals_within_their_range),
        BENCH_TEST(test_rates_are_counts_in_seconds_or_no),
        BENCH_TEST(test_rates_are_printed_as_they_are_read),
        BENCH_TEST(test_trusted_proxies_are_networks_and_none_by_default),
        BENCH_TEST(test_listeners_are_addresses_with_ports_or_absolute_paths),
        BENCH_TEST(test_at_most_sixteen_listeners),
        BENCH_TEST(test_the_public_url_is_an_origin),
        BENCH_TEST(test_metrics_readers_are_addresses_networks_or_unix),
        BENCH_TEST(test_origins_are_written_as_browsers_write_them),
        BENCH_TEST(test_the_sender_is_a_bare_ascii_address),
        BENCH_TEST(test_the_return_path_has_room_for_its_code),
        BENCH_TEST(test_dkim_keys_are_selectors_with_files),
        BENCH_TEST(test_what_reaches_a_header_is_bounded),
        BENCH_TEST(test_the_relay_is_a_host_without_a_port),
        BENCH_TEST(test_waits_after_a_greylisting_are_a_list_of_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
