/* A place for a test of the configuration: an empty working directory, an environment without our
 * names, and the problems that config_load told, as one text. */
#ifndef GATEPOST_TEST_CONFIG_BENCH_H
#define GATEPOST_TEST_CONFIG_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/config/reading.h"

struct bench {
    char folder[64];
    char problems[65536]; /* "where: sentence\n" for each */
};

static void bench_on_problem(void *context, const char *where, const char *sentence)
{
    struct bench *bench = context;
    size_t len = strlen(bench->problems);

    (void)snprintf(bench->problems + len, sizeof(bench->problems) - len, "%s: %s\n", where,
                   sentence);
}

static void bench_write(const char *name, const char *content)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int bench_open(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    char variable[CONFIG_VARIABLE_BYTES];

    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        config_variable(key, variable);
        (void)unsetenv(variable);
    }
    (void)unsetenv("EMAIL_HOST");
    (void)unsetenv("EMAIL_PORT");
    (void)unsetenv("EMAIL_USE_TLS");
    (void)unsetenv("EMAIL_HOST_USER");
    (void)unsetenv("EMAIL_HOST_PASSWORD");
    if (bench == NULL)
        return -1;
    (void)strncpy(bench->folder, "/tmp/gatepost-config-XXXXXX", sizeof(bench->folder) - 1);
    *state = bench;
    if (mkdtemp(bench->folder) == NULL || chdir(bench->folder) != 0)
        return -1;
    bench_write("gatepost.conf", ""); /* so that nobody's /etc/gatepost is read */
    return 0;
}

static int bench_close(void **state)
{
    struct bench *bench = *state;
    char command[128];
    int outcome;

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", bench->folder);
    outcome = chdir("/") == 0 ? system(command) : -1;
    free(bench);
    return outcome;
}

/* Loads gatepost.conf of the working directory. */
static inline struct config *bench_load(struct bench *bench)
{
    struct config_source source = {0};

    bench->problems[0] = '\0';
    return config_load(&source, bench_on_problem, bench);
}

static inline struct config *bench_load_with(struct bench *bench, const char *override)
{
    struct config_source source = {.overrides = &override, .override_count = 1};

    bench->problems[0] = '\0';
    return config_load(&source, bench_on_problem, bench);
}

/* The file has exactly these problems. */
static inline void bench_refuses(struct bench *bench, const char *file, const char *problems)
{
    bench_write("gatepost.conf", file);
    assert_null(bench_load(bench));
    assert_string_equal(bench->problems, problems);
}

/* The override has a problem whose sentence holds these words. */
static inline void bench_refuses_override(struct bench *bench, const char *override,
                                          const char *words)
{
    assert_null(bench_load_with(bench, override));
    if (strstr(bench->problems, words) == NULL)
        fail_msg("%s: \"%s\" is not in \"%s\"", override, words, bench->problems);
}

static inline void bench_takes_override(struct bench *bench, const char *override)
{
    struct config *config = bench_load_with(bench, override);

    if (config == NULL)
        fail_msg("%s: %s", override, bench->problems);
    config_free(&config);
}

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)

#endif
