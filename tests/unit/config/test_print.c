/* What is printed is what is read; secrets stay inside; a reload knows what changed. */
#include "config_bench.h"

#include <fcntl.h>

static char repository[4096]; /* the working directory before the first test */

/* Prints to a file and gives its text in the caller's array. */
static void print_to(const struct config *config, const char *name, char *text_out, size_t room)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t len;

    assert_true(fd >= 0);
    assert_true(config_print(config, fd));
    len = pread(fd, text_out, room - 1, 0);
    assert_true(len > 0 && (size_t)len < room - 1);
    text_out[len] = '\0';
    assert_int_equal(close(fd), 0);
}

static void test_what_is_printed_is_read_back_the_same(void **state)
{
    struct bench *bench = *state;
    char first[65536];
    char second[65536];
    struct err err = {""};
    struct config *config;
    struct config *again;

    bench_write("gatepost.conf", "[http]\nlisten = [::1]:0, unix:/tmp/a b\nworkers = 7\n"
                                 "[log]\nlevel = debug\nfile = log = file\naccess = yes\n"
                                 "[smtp]\nhost = mail.example.com\ntls = tls\nuser = j\xc3\xb6rg\n"
                                 "[password]\niterations = 12345\n");
    config = bench_load(bench);
    assert_non_null(config);
    print_to(config, "gatepost.conf", first, sizeof(first));
    again = bench_load(bench);
    assert_string_equal(bench->problems, "");
    assert_non_null(again);
    assert_int_equal(config_difference(config, again, &err), 0);
    print_to(again, "again.conf", second, sizeof(second));
    assert_string_equal(first, second);
    config_free(&config);
    config_free(&again);
}

static void test_the_file_in_conf_is_what_is_printed_for_the_defaults(void **state)
{
    struct bench *bench = *state;
    struct config *config = bench_load(bench);
    char printed[65536];
    char kept[65536] = "";
    char path[sizeof(repository) + 32];
    FILE *file;

    assert_non_null(config);
    print_to(config, "printed", printed, sizeof(printed));
    config_free(&config);
    (void)snprintf(path, sizeof(path), "%s/conf/gatepost.conf", repository);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(kept, 1, sizeof(kept) - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(printed, kept);
}

static void test_every_key_is_printed_under_its_comment(void **state)
{
    struct bench *bench = *state;
    struct config *config = bench_load(bench);
    char printed[65536];

    assert_non_null(config);
    print_to(config, "printed", printed, sizeof(printed));
    config_free(&config);
    assert_non_null(strstr(printed, "\n[http]\n# Where clients connect"));
    assert_non_null(strstr(printed, "# Default: 587 (port, 1 to 65535)\nport = 587\n"));
    assert_non_null(strstr(printed, "# Default: none (PEM file)\ntls_cert =\n"));
    assert_non_null(strstr(printed, "# Default: auto (auto|file|smtp)\ntransport = auto\n"));
    for (char *line = strtok(printed, "\n"); line != NULL; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 100);
}

static void test_the_password_is_never_printed(void **state)
{
    struct bench *bench = *state;
    struct config *config;
    char printed[65536];

    assert_int_equal(setenv("EMAIL_HOST_PASSWORD", "xyzzy-canary", 1), 0);
    config = bench_load(bench);
    assert_non_null(config);
    print_to(config, "printed", printed, sizeof(printed));
    config_free(&config);
    assert_null(strstr(printed, "canary"));
    assert_non_null(strstr(printed, "EMAIL_HOST_PASSWORD is set"));
}

static void test_a_full_disk_is_reported(void **state)
{
    struct bench *bench = *state;
    struct config *config = bench_load(bench);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    assert_non_null(config);
    assert_true(full >= 0);
    assert_false(config_print(config, full));
    assert_int_equal(close(full), 0);
    config_free(&config);
}

static void test_forgotten_secrets_are_gone_from_environment_and_config(void **state)
{
    struct bench *bench = *state;
    struct config *config;
    const char *value;

    assert_int_equal(setenv("EMAIL_HOST_PASSWORD", "xyzzy-canary", 1), 0);
    value = getenv("EMAIL_HOST_PASSWORD");
    config = bench_load(bench);
    assert_non_null(config);
    assert_int_equal(config->smtp_password.len, strlen("xyzzy-canary"));
    config_forget_secrets(config);
    assert_int_equal(config->smtp_password.len, 0);
    assert_null(config->smtp_password.bytes);
    for (size_t i = 0; i < strlen("xyzzy-canary"); i++)
        assert_int_equal(value[i], 0);
    config_forget_secrets(config); /* twice does no harm */
    config_free(&config);
}

static void expect_difference(struct bench *bench, const char *override, unsigned expected,
                              const char *sentence)
{
    struct err err = {""};
    struct config *old = bench_load(bench);
    struct config *new = bench_load_with(bench, override);

    assert_non_null(old);
    assert_non_null(new);
    assert_int_equal(config_difference(old, new, &err), expected);
    assert_string_equal(err.text, sentence);
    config_free(&old);
    config_free(&new);
}

static void test_a_reload_replaces_who_uses_the_changed_key(void **state)
{
    struct bench *bench = *state;

    expect_difference(bench, "smtp.port=587", 0, "");
    expect_difference(bench, "token.access_s=301", CONFIG_RELOAD_WORKERS, "");
    expect_difference(bench, "smtp.port=25", CONFIG_RELOAD_MAILER, "");
    expect_difference(bench, "mail.transport=file", 0, "");
    expect_difference(bench, "log.level=debug", CONFIG_RELOAD_EVERYONE, "");
    expect_difference(bench, "store.cache_mib=64", CONFIG_RELOAD_STORE, "");
    expect_difference(bench, "store.dir=elsewhere", CONFIG_RELOAD_RESTART,
                      "needs a restart: store.dir");
}

static void test_keys_that_need_a_restart_are_all_named(void **state)
{
    struct bench *bench = *state;
    struct err err = {""};
    struct config *old = bench_load(bench);
    struct config *new;

    bench_write("gatepost.conf", "[store]\ndir = x\n[master]\nuser = nobody\npid_file = y\n");
    new = bench_load(bench);
    assert_int_equal(config_difference(old, new, &err), CONFIG_RELOAD_RESTART);
    assert_string_equal(err.text, "needs a restart: master.user, master.pid_file, store.dir");
    config_free(&old);
    config_free(&new);
}

static void test_a_new_password_replaces_the_mailer(void **state)
{
    struct bench *bench = *state;
    struct config *old;
    struct config *new;

    assert_int_equal(setenv("EMAIL_HOST_PASSWORD", "one", 1), 0);
    old = bench_load(bench);
    assert_int_equal(setenv("EMAIL_HOST_PASSWORD", "two", 1), 0);
    new = bench_load(bench);
    assert_int_equal(config_difference(old, new, NULL), CONFIG_RELOAD_MAILER);
    assert_int_equal(config_difference(old, old, NULL), 0);
    config_free(&old);
    config_free(&new);
}

/* What a predecessor had in force is in force, whatever file and environment say by now; keys that
 * it had and this version has not are passed over; its password comes from where it came from. */
static void test_what_a_predecessor_printed_is_in_force_again(void **state)
{
    struct bench *bench = *state;
    char printed[65536 + 256];
    struct config *old;
    struct config *revived;

    bench_write("gatepost.conf", "[http]\nlisten = [::1]:0, unix:/tmp/a b\nworkers = 7\n"
                                 "[log]\nfile = log = file\n[limits]\nenabled = no\n");
    assert_int_equal(setenv("EMAIL_HOST_PASSWORD", "as ever", 1), 0);
    old = bench_load(bench);
    assert_non_null(old);
    print_to(old, "printed", printed, 65536);
    (void)strncat(printed, "\n[http]\nno_such_key = 7\n[nobody]\nknows = it\n", 255);
    bench_write("gatepost.conf", "[http\n");
    assert_int_equal(setenv("GATEPOST_HTTP_WORKERS", "many", 1), 0);
    revived = config_revive(slice_of_text(printed), "gatepost.conf", bench_on_problem, bench);
    assert_int_equal(unsetenv("GATEPOST_HTTP_WORKERS"), 0);
    assert_int_equal(unsetenv("EMAIL_HOST_PASSWORD"), 0);
    assert_string_equal(bench->problems, "");
    assert_non_null(revived);
    assert_int_equal(config_difference(old, revived, NULL), 0);
    assert_string_equal(revived->log_file, "log = file");
    assert_string_equal(revived->file, "gatepost.conf");
    assert_int_equal(revived->smtp_password.len, strlen("as ever"));
    config_free(&revived);
    config_free(&old);
}

/* A value that this version does not take any more is a problem, and told. */
static void test_what_a_predecessor_printed_must_be_understood(void **state)
{
    struct bench *bench = *state;

    assert_null(
        config_revive(SLICE_LITERAL("[http]\nworkers = 33\n"), "", bench_on_problem, bench));
    assert_non_null(strstr(bench->problems, "http.workers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_what_is_printed_is_read_back_the_same),
        BENCH_TEST(test_the_file_in_conf_is_what_is_printed_for_the_defaults),
        BENCH_TEST(test_every_key_is_printed_under_its_comment),
        BENCH_TEST(test_the_password_is_never_printed),
        BENCH_TEST(test_a_full_disk_is_reported),
        BENCH_TEST(test_forgotten_secrets_are_gone_from_environment_and_config),
        BENCH_TEST(test_a_reload_replaces_who_uses_the_changed_key),
        BENCH_TEST(test_keys_that_need_a_restart_are_all_named),
        BENCH_TEST(test_a_new_password_replaces_the_mailer),
        BENCH_TEST(test_what_a_predecessor_printed_is_in_force_again),
        BENCH_TEST(test_what_a_predecessor_printed_must_be_understood),
    };

    if (getcwd(repository, sizeof(repository)) == NULL)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
