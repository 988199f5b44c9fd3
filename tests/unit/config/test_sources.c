/* The environment, .env and -o, and which of them wins. */
#include "config_bench.h"

static void test_every_key_answers_to_its_variable(void **state)
{
    struct bench *bench = *state;
    struct config *config;

    assert_int_equal(setenv("GATEPOST_HTTP_LISTEN", "0.0.0.0:80", 1), 0);
    assert_int_equal(setenv("GATEPOST_LOG_ACCESS", "True", 1), 0);
    assert_int_equal(setenv("GATEPOST_LIMITS_ENABLED", "0", 1), 0);
    assert_int_equal(setenv("GATEPOST_SMTP_TLS", "tls", 1), 0);
    assert_int_equal(setenv("GATEPOST_PASSWORD_MIN_LENGTH", "12", 1), 0);
    config = bench_load(bench);
    assert_string_equal(bench->problems, "");
    assert_non_null(config);
    assert_string_equal(config->http_listen, "0.0.0.0:80");
    assert_true(config->log_access);
    assert_false(config->limits_enabled);
    assert_int_equal(config->smtp_tls, CONFIG_TLS_TLS);
    assert_int_equal(config->password_min_length, 12);
    config_free(&config);
}

static void test_djangos_names_set_the_relay(void **state)
{
    struct bench *bench = *state;
    struct config *config;

    assert_int_equal(setenv("EMAIL_HOST", "localhost", 1), 0);
    assert_int_equal(setenv("EMAIL_PORT", "2525", 1), 0);
    assert_int_equal(setenv("EMAIL_USE_TLS", "False", 1), 0);
    assert_int_equal(setenv("EMAIL_HOST_USER", "robot", 1), 0);
    assert_int_equal(setenv("EMAIL_HOST_PASSWORD", "\"s3 #cret\" ", 1), 0);
    config = bench_load(bench);
    assert_string_equal(bench->problems, "");
    assert_non_null(config);
    assert_string_equal(config->smtp_host, "localhost");
    assert_int_equal(config->smtp_port, 2525);
    assert_int_equal(config->smtp_tls, CONFIG_TLS_NONE);
    assert_string_equal(config->smtp_user, "robot");
    assert_int_equal(config->mail_transport, CONFIG_TRANSPORT_SMTP);
    assert_int_equal(config->smtp_password.len, strlen("\"s3 #cret\" "));
    assert_memory_equal(config->smtp_password.bytes, "\"s3 #cret\" ", strlen("\"s3 #cret\" "));
    config_free(&config);
}

static void test_use_tls_takes_pythons_booleans_and_nothing_else(void **state)
{
    static const char *const trues[] = {"True", "true", "1", "yes", "Y", "on", "T"};
    static const char *const falses[] = {"False", "0", "no", "n", "OFF", "f", ""};
    struct bench *bench = *state;
    struct config *config;

    for (size_t i = 0; i < ARRAY_LEN(trues); i++) {
        assert_int_equal(setenv("EMAIL_USE_TLS", trues[i], 1), 0);
        config = bench_load_with(bench, "smtp.connections=3");
        assert_non_null(config);
        assert_int_equal(config->smtp_tls, CONFIG_TLS_STARTTLS);
        config_free(&config);
        assert_int_equal(setenv("EMAIL_USE_TLS", falses[i], 1), 0);
        config = bench_load(bench);
        assert_non_null(config);
        assert_int_equal(config->smtp_tls, CONFIG_TLS_NONE);
        config_free(&config);
    }
    assert_int_equal(setenv("EMAIL_USE_TLS", "maybe", 1), 0);
    assert_null(bench_load(bench));
    assert_string_equal(bench->problems, "environment: EMAIL_USE_TLS is neither True nor False\n");
}

static void test_dotenv_is_read_like_python_decouple_reads_it(void **state)
{
    struct bench *bench = *state;
    struct config *config;

    bench_write(".env", "# the relay\n"
                        "SECRET_KEY=some other program's\n"
                        "  EMAIL_HOST = \"mail.example.com\"  \r\n"
                        "export EMAIL_PORT=25\n"
                        "EMAIL_HOST_USER='a\"b'\n"
                        "no line at all\n"
                        "GATEPOST_LOG_LEVEL=debug\n"
                        "EMAIL_HOST_PASSWORD=\"it's=#1\""); /* no newline at the end */
    config = bench_load(bench);
    assert_string_equal(bench->problems, "");
    assert_non_null(config);
    assert_string_equal(config->smtp_host, "mail.example.com");
    assert_int_equal(config->smtp_port, 25);
    assert_string_equal(config->smtp_user, "a\"b");
    assert_int_equal(config->log_level, CONFIG_LOG_DEBUG);
    assert_int_equal(config->smtp_password.len, strlen("it's=#1"));
    assert_memory_equal(config->smtp_password.bytes, "it's=#1", strlen("it's=#1"));
    config_free(&config);
}

static void test_problems_in_dotenv_are_told_at_their_line(void **state)
{
    struct bench *bench = *state;

    bench_write(".env", "A=1\nEMAIL_PORT=x\n\nGATEPOST_HTTP_WORKRS=3\n");
    assert_null(bench_load(bench));
    assert_string_equal(bench->problems, ".env:2: smtp.port: \"x\" is not a plain decimal number\n"
                                         ".env:4: GATEPOST_HTTP_WORKRS sets no key; did you mean "
                                         "GATEPOST_HTTP_WORKERS?\n");
}

static void test_dotenv_beside_the_file_comes_before_the_working_directorys(void **state)
{
    struct bench *bench = *state;
    struct config_source source = {.file = "etc/my.conf"};
    struct config *config;

    assert_int_equal(mkdir("etc", 0700), 0);
    bench_write("etc/my.conf", "[smtp]\nport = 1\n");
    bench_write(".env", "EMAIL_PORT=2\n");
    config = config_load(&source, bench_on_problem, bench);
    assert_non_null(config);
    assert_int_equal(config->smtp_port, 2);
    config_free(&config);

    bench_write("etc/.env", "EMAIL_PORT=3\n");
    config = config_load(&source, bench_on_problem, bench);
    assert_non_null(config);
    assert_int_equal(config->smtp_port, 3);
    config_free(&config);
}

static void test_the_command_line_beats_environment_beats_dotenv_beats_file(void **state)
{
    struct bench *bench = *state;
    struct config *config;

    bench_write("gatepost.conf", "[smtp]\nport = 1\n");
    config = bench_load(bench);
    assert_int_equal(config->smtp_port, 1);
    config_free(&config);

    bench_write(".env", "GATEPOST_SMTP_PORT=3\nEMAIL_PORT=2\n");
    config = bench_load(bench);
    assert_int_equal(config->smtp_port, 3); /* our name beats Django's, whatever the order */
    config_free(&config);

    assert_int_equal(setenv("EMAIL_PORT", "4", 1), 0);
    config = bench_load(bench);
    assert_int_equal(config->smtp_port, 4);
    config_free(&config);

    assert_int_equal(setenv("GATEPOST_SMTP_PORT", "5", 1), 0);
    config = bench_load(bench);
    assert_int_equal(config->smtp_port, 5);
    config_free(&config);

    config = bench_load_with(bench, "smtp.port=6");
    assert_int_equal(config->smtp_port, 6);
    config_free(&config);
}

static void test_a_wrong_value_is_told_even_where_a_later_source_would_win(void **state)
{
    struct bench *bench = *state;

    bench_write("gatepost.conf", "[smtp]\nport = x\n");
    assert_null(bench_load_with(bench, "smtp.port=6"));
    assert_string_equal(bench->problems,
                        "gatepost.conf:2: smtp.port: \"x\" is not a plain decimal number\n");
}

static void test_overrides_that_make_no_sense_are_told(void **state)
{
    bench_refuses_override(*state, "nonsense", "-o: an override is section.key=value");
    bench_refuses_override(*state, "http=3", "-o: an override is section.key=value");
    bench_refuses_override(*state, "http.lisen=1:2", "did you mean http.listen?");
    bench_refuses_override(*state, "htp.listen=1:2", "did you mean http.listen?");
    bench_refuses_override(*state, "quite.different=1", "there is no key quite.different\n");
    bench_refuses_override(*state, "smtp.port=", "smtp.port: has no value");
    bench_takes_override(*state, "smtp.user=");
    bench_takes_override(*state, "log.file=a=b");
}

static void test_a_password_that_no_relay_takes_is_told_without_showing_it(void **state)
{
    struct bench *bench = *state;
    char password[1026] = "";

    assert_int_equal(setenv("EMAIL_HOST_PASSWORD", "line\nbreak", 1), 0);
    assert_null(bench_load(bench));
    assert_string_equal(bench->problems,
                        "environment: EMAIL_HOST_PASSWORD holds control characters\n");
    memset(password, 'x', sizeof(password) - 1);
    assert_int_equal(setenv("EMAIL_HOST_PASSWORD", password, 1), 0);
    assert_null(bench_load(bench));
    assert_string_equal(bench->problems,
                        "environment: EMAIL_HOST_PASSWORD is longer than 1024 bytes\n");
}

static void test_a_name_with_control_characters_is_never_shown(void **state)
{
    struct bench *bench = *state;
    struct config *config;

    bench_write(".env", "GATEPOST_HTTP_WORKR\x10S=2\n");
    config = bench_load(bench);
    assert_string_equal(bench->problems, "");
    assert_non_null(config);
    config_free(&config);
}

static void test_what_an_orchestrator_puts_into_the_environment_is_left_alone(void **state)
{
    struct bench *bench = *state;
    struct config *config;

    assert_int_equal(setenv("GATEPOST_SERVICE_HOST", "10.0.0.1", 1), 0);
    assert_int_equal(setenv("GATEPOST_HTTP_SERVICE_PORT", "80", 1), 0);
    assert_int_equal(setenv("GATEPOST_HTTP_PORT_80_TCP_ADDR", "10.0.0.1", 1), 0);
    config = bench_load(bench);
    assert_string_equal(bench->problems, "");
    assert_non_null(config);
    config_free(&config);
}

static void test_what_can_be_read_of_a_wrong_configuration_is_there_for_who_asks(void **state)
{
    struct bench *bench = *state;
    const struct config_source source = {.file = "gatepost.conf"};
    struct config *config;
    bool wrong = false;

    bench_write("gatepost.conf",
                "[http]\nworkers = none\n[master]\npid_file = mine.pid\n[nonsense\n");
    assert_null(config_load(&source, bench_on_problem, bench));
    config = config_load_anyhow(&source, bench_on_problem, bench, &wrong);
    assert_true(wrong);
    assert_string_equal(config->master_pid_file, "mine.pid");
    assert_string_equal(config->master_admin_socket, "var/gatepost.sock");
    assert_true(config->http_workers >= 1);
    config_free(&config);
    bench_write("gatepost.conf", "[master]\npid_file = mine.pid\n");
    config = config_load_anyhow(&source, bench_on_problem, bench, &wrong);
    assert_false(wrong);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_every_key_answers_to_its_variable),
        BENCH_TEST(test_djangos_names_set_the_relay),
        BENCH_TEST(test_use_tls_takes_pythons_booleans_and_nothing_else),
        BENCH_TEST(test_dotenv_is_read_like_python_decouple_reads_it),
        BENCH_TEST(test_problems_in_dotenv_are_told_at_their_line),
        BENCH_TEST(test_dotenv_beside_the_file_comes_before_the_working_directorys),
        BENCH_TEST(test_the_command_line_beats_environment_beats_dotenv_beats_file),
        BENCH_TEST(test_a_wrong_value_is_told_even_where_a_later_source_would_win),
        BENCH_TEST(test_overrides_that_make_no_sense_are_told),
        BENCH_TEST(test_a_password_that_no_relay_takes_is_told_without_showing_it),
        BENCH_TEST(test_a_name_with_control_characters_is_never_shown),
        BENCH_TEST(test_what_an_orchestrator_puts_into_the_environment_is_left_alone),
        BENCH_TEST(test_what_can_be_read_of_a_wrong_configuration_is_there_for_who_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
