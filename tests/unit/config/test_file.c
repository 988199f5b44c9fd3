/* What stands in the file: read, and every problem told at its line. */
#include "config_bench.h"

static void test_the_defaults_stand_alone(void **state)
{
    struct bench *bench = *state;
    struct config *config = bench_load(bench);

    assert_non_null(config);
    assert_string_equal(config->http_listen, "127.0.0.1:8000");
    assert_int_equal(config->password_iterations, 600000);
    assert_int_equal(config->smtp_tls, CONFIG_TLS_STARTTLS);
    assert_int_equal(config->log_level, CONFIG_LOG_INFO);
    assert_int_equal(config->mail_transport, CONFIG_TRANSPORT_FILE);
    assert_true(config->limits_enabled);
    assert_string_equal(config->http_tls_cert, "");
    config_free(&config);
    assert_null(config);
}

static void test_a_file_is_read_with_comments_blanks_bom_and_carriage_returns(void **state)
{
    struct bench *bench = *state;
    struct config *config;

    bench_write("gatepost.conf", "\xef\xbb\xbf[http]\r\n"
                                 "# a comment\r\n"
                                 "  ; another\n"
                                 "\n"
                                 "   listen=127.0.0.1:1, [::1]:2 , unix:/tmp/x\r\n"
                                 "[log]\n"
                                 "\tlevel =   debug  \n"
                                 "access=yes"); /* no newline at the end */
    config = bench_load(bench);
    assert_string_equal(bench->problems, "");
    assert_non_null(config);
    assert_string_equal(config->http_listen, "127.0.0.1:1, [::1]:2 , unix:/tmp/x");
    assert_int_equal(config->log_level, CONFIG_LOG_DEBUG);
    assert_true(config->log_access);
    assert_string_equal(config->file, "gatepost.conf");
    config_free(&config);
}

static void test_every_problem_is_told_at_its_line(void **state)
{
    bench_refuses(*state,
                  "early = 1\n"
                  "[http]\n"
                  "lisen = 127.0.0.1:80\n"
                  "workers = many\n"
                  "workers 4\n"
                  "tls_cert: a.pem\n"
                  "= 3\n"
                  "workers = 5\n"
                  "workers = 6\n"
                  "[htp]\n"
                  "listen = nonsense that is under a heading nobody knows\n"
                  "[store\n"
                  "[store] cache_mib = 3\n"
                  "[log]\n"
                  "level = loud\n"
                  "access = true\n"
                  "[smtp]\n"
                  "port = 65536\n"
                  "port =\n"
                  "iterations = 5\n",
                  "gatepost.conf:1: \"early\" stands before the first [section]\n"
                  "gatepost.conf:3: there is no key http.lisen; did you mean http.listen?\n"
                  "gatepost.conf:4: http.workers: \"many\" is not a plain decimal number\n"
                  "gatepost.conf:5: there is no '=' after the key; a line is \"key = value\"\n"
                  "gatepost.conf:6: there is no '=' after the key; a line is \"key = value\"\n"
                  "gatepost.conf:7: there is no key before the '='\n"
                  "gatepost.conf:8: http.workers was set before, in line 4\n"
                  "gatepost.conf:9: http.workers was set before, in line 4\n"
                  "gatepost.conf:10: there is no section [htp]; did you mean [http]?\n"
                  "gatepost.conf:12: the section has no ']'\n"
                  "gatepost.conf:13: nothing may follow the section on its line\n"
                  "gatepost.conf:15: log.level: \"loud\" is none of error|warning|info|debug\n"
                  "gatepost.conf:16: log.access: \"true\" is neither yes nor no\n"
                  "gatepost.conf:18: smtp.port: 65536 is outside 1 to 65535 (port)\n"
                  "gatepost.conf:19: smtp.port was set before, in line 18\n"
                  "gatepost.conf:20: there is no key smtp.iterations; did you mean "
                  "password.iterations?\n");
}

static void test_a_key_with_a_default_cannot_be_emptied(void **state)
{
    bench_refuses(*state,
                  "[http]\nlisten =\nworkers =\ntls_cert =\n[store]\ndir =\n[log]\naccess =\n"
                  "level =\n",
                  "gatepost.conf:2: http.listen: has no value (default: 127.0.0.1:8000)\n"
                  "gatepost.conf:3: http.workers: has no value (default: auto)\n"
                  "gatepost.conf:6: store.dir: has no value (default: var/db)\n"
                  "gatepost.conf:8: log.access: has no value (default: no)\n"
                  "gatepost.conf:9: log.level: has no value (default: info)\n");
}

static void test_keys_under_a_broken_heading_are_not_taken_for_the_section_before(void **state)
{
    bench_refuses(*state,
                  "[log]\nlevel = debug\n[store\ndir = db\nlevel = 3\n[log] x\naccess = 1\n",
                  "gatepost.conf:3: the section has no ']'\n"
                  "gatepost.conf:6: nothing may follow the section on its line\n");
}

static void test_an_indented_line_is_a_line_and_no_continuation(void **state)
{
    bench_refuses(*state, "[log]\nfile = a\n  b\n",
                  "gatepost.conf:3: there is no '=' after the key; a line is \"key = value\"\n");
}

static void test_a_comment_behind_a_value_is_refused_and_not_part_of_it(void **state)
{
    bench_refuses(*state,
                  "[log]\nfile = a.log ; here\n[store]\ndir = db # there\ncache_mib = 7 # MiB\n",
                  "gatepost.conf:2: log.file: a comment must stand on a line of its own, before "
                  "the key\n"
                  "gatepost.conf:4: store.dir: a comment must stand on a line of its own, before "
                  "the key\n"
                  "gatepost.conf:5: store.cache_mib: \"7 # MiB\" is not a plain decimal number\n");
}

static void test_quotes_around_a_value_are_refused(void **state)
{
    bench_refuses(*state, "[log]\nfile = \"a.log\"\n",
                  "gatepost.conf:2: log.file: values are written without quotes\n");
}

static void test_control_characters_and_broken_utf8_are_refused(void **state)
{
    bench_refuses(*state,
                  "[log]\nfile = a\x1b[31m\nfile = \xc3\x28\nfile = a\rb\nfile = \xc2\x9b\n",
                  "gatepost.conf:2: the line holds control characters or is not UTF-8\n"
                  "gatepost.conf:3: the line holds control characters or is not UTF-8\n"
                  "gatepost.conf:4: the line holds control characters or is not UTF-8\n"
                  "gatepost.conf:5: the line holds control characters or is not UTF-8\n");
}

static void test_a_line_of_libinihs_limit_and_beyond_is_one_line(void **state)
{
    struct bench *bench = *state;
    char file[8192] = "[log]\nfile = ";
    char expected[4096];
    struct config *config;

    /* libinih on its own cuts at 199 bytes and reads the rest as a second line. */
    for (int i = 0; i < 100; i++)
        strncat(file, "x=y[z]:", sizeof(file) - strlen(file) - 1);
    (void)snprintf(expected, sizeof(expected), "%s", strchr(file, '=') + 2);
    bench_write("gatepost.conf", file);
    config = bench_load(bench);
    assert_string_equal(bench->problems, "");
    assert_string_equal(config->log_file, expected);
    config_free(&config);
}

static void test_an_overlong_line_is_one_problem_and_the_next_line_counts_on(void **state)
{
    struct bench *bench = *state;
    char file[16384] = "[log]\nfile = ";

    for (int i = 0; i < 3000; i++)
        strncat(file, "yes=", sizeof(file) - strlen(file) - 1);
    strncat(file, "\nlevl = info\n", sizeof(file) - strlen(file) - 1);
    bench_refuses(bench, file,
                  "gatepost.conf:2: the line is longer than 2304 bytes\n"
                  "gatepost.conf:3: there is no key log.levl; did you mean log.level?\n");
}

static void test_a_nul_byte_is_refused(void **state)
{
    struct bench *bench = *state;
    struct reading reading = {
        .config = config_new(), .problem = bench_on_problem, .context = bench};

    config_read_ini(&reading, "f", SLICE_LITERAL("[log]\nfile = a\0b\n"));
    assert_string_equal(bench->problems,
                        "f:2: the line holds control characters or is not UTF-8\n");
    config_free(&reading.config);
}

static void test_a_named_file_that_is_missing_is_a_problem(void **state)
{
    struct bench *bench = *state;
    struct config_source source = {.file = "nowhere.conf"};

    assert_null(config_load(&source, bench_on_problem, bench));
    assert_string_equal(bench->problems, "nowhere.conf: there is no such file\n");
}

static void test_a_directory_in_place_of_the_file_is_a_problem(void **state)
{
    struct bench *bench = *state;
    struct config_source source = {.file = "folder"};

    assert_int_equal(mkdir("folder", 0700), 0);
    assert_null(config_load(&source, bench_on_problem, bench));
    assert_string_equal(bench->problems, "folder: cannot be read: Is a directory\n");
}

static void test_an_endless_file_is_a_problem(void **state)
{
    struct bench *bench = *state;
    struct config_source source = {.file = "/dev/zero"};

    assert_null(config_load(&source, bench_on_problem, bench));
    assert_string_equal(bench->problems, "/dev/zero: cannot be read: File too large\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_the_defaults_stand_alone),
        BENCH_TEST(test_a_file_is_read_with_comments_blanks_bom_and_carriage_returns),
        BENCH_TEST(test_every_problem_is_told_at_its_line),
        BENCH_TEST(test_a_key_with_a_default_cannot_be_emptied),
        BENCH_TEST(test_keys_under_a_broken_heading_are_not_taken_for_the_section_before),
        BENCH_TEST(test_an_indented_line_is_a_line_and_no_continuation),
        BENCH_TEST(test_a_comment_behind_a_value_is_refused_and_not_part_of_it),
        BENCH_TEST(test_quotes_around_a_value_are_refused),
        BENCH_TEST(test_control_characters_and_broken_utf8_are_refused),
        BENCH_TEST(test_a_line_of_libinihs_limit_and_beyond_is_one_line),
        BENCH_TEST(test_an_overlong_line_is_one_problem_and_the_next_line_counts_on),
        BENCH_TEST(test_a_nul_byte_is_refused),
        BENCH_TEST(test_a_named_file_that_is_missing_is_a_problem),
        BENCH_TEST(test_a_directory_in_place_of_the_file_is_a_problem),
        BENCH_TEST(test_an_endless_file_is_a_problem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
