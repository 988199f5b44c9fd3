/* Values that are good alone and not together, and what is worked out when nothing is said. */
#include "config_bench.h"

#include <fcntl.h>

static void test_relations_are_told_where_the_value_stands(void **state)
{
    bench_refuses(*state,
                  "[http]\ntls_cert = a.pem\n"
                  "[password]\niterations = 999\n"
                  "[smtp]\nuser = robot\n"
                  "[mail]\ntransport = smtp\nretry_s = 1000\nlifetime_s = 60\n"
                  "[store]\nsignup_free_mib = 63\n",
                  "gatepost.conf:2: http.tls_cert needs http.tls_key\n"
                  "gatepost.conf:4: password.iterations under 1000 needs password.allow_weak = "
                  "yes\n"
                  "gatepost.conf:6: smtp.user is of no use without smtp.host\n"
                  "gatepost.conf:8: mail.transport = smtp needs smtp.host\n"
                  "gatepost.conf:12: store.write_free_mib (64) must not be above "
                  "store.signup_free_mib (63): sign-ups stop first\n"
                  "gatepost.conf:9: mail.retry_s (1000) must not be above mail.retry_max_s (900): "
                  "waits grow from the one to the other\n"
                  "gatepost.conf:9: mail.retry_s (1000) must not be above mail.lifetime_s (60): a "
                  "letter would be dead before its second try\n");
}

static void test_sockets_without_which_no_server_gets_ready_are_paths(void **state)
{
    bench_refuses_override(*state, "admin.socket=no", "admin.socket must be a path");
    bench_refuses_override(*state, "master.admin_socket=no", "master.admin_socket must be a path");
    bench_takes_override(*state, "mail.bounce_socket=no");
}

static void test_cookies_need_a_public_url_of_https(void **state)
{
    bench_refuses_override(*state, "http.cookies=yes", "needs an http.public_url of https://");
    bench_write("gatepost.conf", "[http]\npublic_url = http://accounts.example\n");
    bench_refuses_override(*state, "http.cookies=yes", "needs an http.public_url of https://");
    bench_write("gatepost.conf", "[http]\npublic_url = https://accounts.example\n");
    bench_takes_override(*state, "http.cookies=yes");
}

static void test_a_relation_with_a_broken_value_is_not_told_as_well(void **state)
{
    bench_refuses(*state, "[smtp]\nhost = a b\nuser = robot\n[mail]\ntransport = smtp\n",
                  "gatepost.conf:2: smtp.host: must be a host name or an address, without a "
                  "port (see smtp.port)\n");
}

static void test_a_password_in_the_clear_goes_no_further_than_this_machine(void **state)
{
    struct bench *bench = *state;

    bench_refuses(bench, "[smtp]\nhost = mail.example.com\nuser = robot\ntls = none\n",
                  "gatepost.conf:4: smtp.tls = none would send the password of smtp.user in the "
                  "clear to mail.example.com\n");
    bench_write("gatepost.conf", "[smtp]\nuser = robot\ntls = none\n");
    bench_takes_override(bench, "smtp.host=localhost");
    bench_takes_override(bench, "smtp.host=127.0.0.1");
    bench_takes_override(bench, "smtp.host=::1");
    bench_refuses_override(bench, "smtp.host=localhost.example.com", "in the clear");
    bench_refuses_override(bench, "smtp.host=127.example.com", "in the clear");
}

static void test_weak_iterations_need_permission(void **state)
{
    struct bench *bench = *state;
    struct config *config;

    bench_write("gatepost.conf", "[password]\niterations = 1\nallow_weak = yes\n");
    config = bench_load(bench);
    assert_non_null(config);
    assert_int_equal(config->password_iterations, 1);
    config_free(&config);
    bench_takes_override(bench, "password.iterations=1000");
}

static void test_a_weak_algorithm_needs_permission(void **state)
{
    struct bench *bench = *state;

    bench_write("gatepost.conf", "[password]\nargon2_passes = 1\nscrypt_p = 4\n");
    bench_takes_override(bench, "password.algorithm=pbkdf2_sha256");
    bench_refuses_override(bench, "password.algorithm=argon2id",
                           "password.argon2_memory_kib under 7168, or under 35840 times "
                           "argon2_passes, needs password.allow_weak = yes");
    bench_refuses_override(bench, "password.algorithm=scrypt",
                           "or less work than N = 2^13, r = 8, p = 10, needs password.allow_weak");
    bench_write("gatepost.conf", "[password]\nargon2_passes = 1\nscrypt_p = 4\nallow_weak = yes\n");
    bench_takes_override(bench, "password.algorithm=argon2id");
    bench_takes_override(bench, "password.algorithm=scrypt");
    bench_refuses_override(bench, "password.algorithm=bcrypt", "none of");
}

static void test_the_weakest_of_owasps_choices_are_taken(void **state)
{
    struct bench *bench = *state;

    bench_write("gatepost.conf", "[password]\nalgorithm = argon2id\nargon2_memory_kib = 7168\n");
    bench_takes_override(bench, "password.argon2_passes=5");
    bench_refuses_override(bench, "password.argon2_passes=4", "allow_weak");
    bench_write("gatepost.conf", "[password]\nalgorithm = argon2id\nargon2_passes = 100\n");
    bench_refuses_override(bench, "password.argon2_memory_kib=7167", "allow_weak");
    bench_write("gatepost.conf", "[password]\nalgorithm = scrypt\nscrypt_log2_n = 13\n");
    bench_takes_override(bench, "password.scrypt_p=10");
    bench_refuses_override(bench, "password.scrypt_p=9", "allow_weak");
    bench_write("gatepost.conf", "[password]\nalgorithm = scrypt\nscrypt_p = 100\n");
    bench_refuses_override(bench, "password.scrypt_log2_n=12", "allow_weak");
}

static void test_a_cost_that_no_login_would_be_granted_is_refused(void **state)
{
    struct bench *bench = *state;

    bench_write("gatepost.conf", "[password]\nalgorithm = argon2id\nargon2_memory_kib = 262144\n");
    bench_takes_override(bench, "password.argon2_passes=4");
    bench_refuses_override(bench, "password.argon2_passes=5", "over 1048576");
    bench_write("gatepost.conf", "[password]\nalgorithm = argon2id\nallow_weak = yes\n"
                                 "argon2_memory_kib = 16\n");
    bench_takes_override(bench, "password.argon2_lanes=2");
    bench_refuses_override(bench, "password.argon2_lanes=3", "at least 8 a lane");
    bench_write("gatepost.conf", "[password]\nalgorithm = scrypt\nscrypt_log2_n = 18\n");
    bench_takes_override(bench, "password.scrypt_p=2");
    bench_refuses_override(bench, "password.scrypt_p=3", "512 MiB");
    bench_write("gatepost.conf", "[password]\nalgorithm = scrypt\nscrypt_p = 1\n");
    bench_takes_override(bench, "password.scrypt_log2_n=18");
    bench_refuses_override(bench, "password.scrypt_log2_n=19", "256 MiB");
    bench_write("gatepost.conf", "[password]\nalgorithm = scrypt\nscrypt_r = 1\nscrypt_p = 100\n");
    bench_refuses_override(bench, "password.scrypt_log2_n=16", "under 16 times scrypt_r");
}

static void test_what_is_left_open_is_worked_out(void **state)
{
    struct bench *bench = *state;
    struct config *config = bench_load(bench);

    assert_in_range(config->http_workers, 1, 32);
    assert_in_range(config->http_connections_max, 16, 1000000);
    assert_int_equal(config->password_min_strength, 4);
    config_free(&config);

    config = bench_load_with(bench, "password.min_length=1");
    assert_int_equal(config->password_min_strength, 0);
    config_free(&config);

    bench_write("gatepost.conf", "[password]\nmin_length = 1\nmin_strength = 3\n[smtp]\nhost = a\n"
                                 "[mail]\ntransport = file\n");
    config = bench_load(bench);
    assert_int_equal(config->password_min_strength, 3);
    assert_int_equal(config->mail_transport, CONFIG_TRANSPORT_FILE);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_relations_are_told_where_the_value_stands),
        BENCH_TEST(test_sockets_without_which_no_server_gets_ready_are_paths),
        BENCH_TEST(test_cookies_need_a_public_url_of_https),
        BENCH_TEST(test_a_relation_with_a_broken_value_is_not_told_as_well),
        BENCH_TEST(test_a_password_in_the_clear_goes_no_further_than_this_machine),
        BENCH_TEST(test_weak_iterations_need_permission),
        BENCH_TEST(test_a_weak_algorithm_needs_permission),
        BENCH_TEST(test_the_weakest_of_owasps_choices_are_taken),
        BENCH_TEST(test_a_cost_that_no_login_would_be_granted_is_refused),
        BENCH_TEST(test_what_is_left_open_is_worked_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
