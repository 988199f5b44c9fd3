/* `gatepost check` looks at what a sound configuration points at, and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "gatepost/proc.h"

struct place {
    char folder[64];
    char problems[8192];
};

static void on_problem(void *context, const char *where, const char *sentence)
{
    struct place *place = context;
    size_t len = strlen(place->problems);

    (void)snprintf(place->problems + len, sizeof(place->problems) - len, "%s: %s\n", where,
                   sentence);
}

static void write_file(const char *name, const char *content, mode_t mode)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, mode), 0);
}

static int open_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    if (place == NULL)
        return -1;
    *state = place;
    (void)strncpy(place->folder, "/tmp/gatepost-check-XXXXXX", sizeof(place->folder) - 1);
    if (mkdtemp(place->folder) == NULL || chdir(place->folder) != 0)
        return -1;
    write_file("gatepost.conf", "", 0600);
    return 0;
}

static int close_place(void **state)
{
    struct place *place = *state;
    char command[128];
    int outcome;

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", place->folder);
    outcome = chdir("/") == 0 ? system(command) : -1;
    free(place);
    return outcome;
}

/* The world as a configuration with one override sees it. */
static void expect(struct place *place, const char *override, const char *problems)
{
    struct config_source source = {.overrides = &override,
                                   .override_count = override == NULL ? 0 : 1};
    struct config *config = config_load(&source, on_problem, place);
    size_t count;
    size_t lines = 0;

    assert_non_null(config);
    place->problems[0] = '\0';
    count = world_check(config, on_problem, place);
    config_free(&config);
    assert_string_equal(place->problems, problems);
    for (const char *at = problems; *at != '\0'; at++)
        lines += *at == '\n';
    assert_int_equal(count, lines);
}

static void test_an_empty_folder_is_fine_and_stays_empty(void **state)
{
    expect(*state, NULL, "");
    assert_int_equal(access("var", F_OK), -1);
}

static void test_a_key_file_that_others_can_read_is_told(void **state)
{
    write_file("key", "0123456789abcdefghijklmnopqrstuvwxyz\n", 0644);
    expect(*state, "token.secret_file=key",
           "token.secret_file: key: mode 0644 lets others at it; chmod 600 it\n");
    assert_int_equal(chmod("key", 0600), 0);
    expect(*state, "token.secret_file=key", "");
}

static void test_a_key_file_that_is_too_short_is_told(void **state)
{
    write_file("key", "0123456789abcdefghijklmnopqrstu\n", 0600);
    expect(*state, "mail.key_file=key", "mail.key_file: key: 31 bytes, needs at least 32\n");
}

static void test_a_password_file_that_is_missing_is_told(void **state)
{
    expect(*state, "smtp.password_file=nowhere",
           "smtp.password_file: nowhere: No such file or directory\n");
}

static void test_files_that_must_exist_are_told(void **state)
{
    assert_int_equal(mkdir("folder", 0700), 0);
    expect(*state, "smtp.ca_file=nowhere", "smtp.ca_file: nowhere: No such file or directory\n");
    expect(*state, "smtp.ca_file=folder", "smtp.ca_file: folder is not a regular file\n");
}

static void test_a_directory_that_cannot_be_made_is_told(void **state)
{
    write_file("file", "", 0600);
    expect(*state, "store.dir=file", "store.dir: file is not a directory\n");
    expect(*state, "store.dir=file/db", "store.dir: file/db: Not a directory\n");
    expect(*state, "store.dir=a/b/c", "");
    expect(*state, "log.file=file/log", "log.file: file is not a directory\n");
}

static void test_an_unknown_user_is_told(void **state)
{
    expect(*state, "master.user=no-such-user-here",
           "master.user: there is no user \"no-such-user-here\"\n");
    expect(*state, "master.user=root", "");
}

static void test_the_exit_code_is_10_for_a_wrong_configuration_and_a_wrong_world(void **state)
{
    const char *wrong = "http.workers=0";
    const char *missing = "smtp.ca_file=nowhere";
    struct config_source good = {0};
    struct config_source bad = {.overrides = &wrong, .override_count = 1};
    struct config_source bad_world = {.overrides = &missing, .override_count = 1};

    (void)state;
    assert_int_equal(EXIT_CONFIG, 10);
    assert_int_equal(cli_check(&good, NULL, 0), 0);
    assert_int_equal(cli_check(&bad, NULL, 0), EXIT_CONFIG);
    assert_int_equal(cli_check(&bad_world, NULL, 0), EXIT_CONFIG);
    assert_int_equal(cli_config(&bad), EXIT_CONFIG);
}

#define TEST_IN_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_PLACE(test_an_empty_folder_is_fine_and_stays_empty),
        TEST_IN_PLACE(test_a_key_file_that_others_can_read_is_told),
        TEST_IN_PLACE(test_a_key_file_that_is_too_short_is_told),
        TEST_IN_PLACE(test_a_password_file_that_is_missing_is_told),
        TEST_IN_PLACE(test_files_that_must_exist_are_told),
        TEST_IN_PLACE(test_a_directory_that_cannot_be_made_is_told),
        TEST_IN_PLACE(test_an_unknown_user_is_told),
        TEST_IN_PLACE(test_the_exit_code_is_10_for_a_wrong_configuration_and_a_wrong_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
