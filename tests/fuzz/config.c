/* The configuration with any bytes in it, from every source: no crash, every problem on one clean
 * line that points at where it is, a value that was taken passes its own check again, and a
 * configuration that is good as a whole is printed as a file that means the same.
 *
 * The input is the file and .env; its lines are variables of the environment; those that begin with
 * "-o " are the command line's. */
#include "lib/config/reading.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINES_MAX   32 /* each unknown name is compared with every key: the rest is more of that */
#define PRINTED_MAX (64 << 10)

struct expectation {
    const char *name;
    long line_max; /* 0: it stands without a line */
};

static void on_problem(void *context, const char *where, const char *sentence)
{
    const struct expectation *expectation = context;
    const char *colon = strrchr(where, ':');
    char *end;
    long line;

    BUG_ON(sentence[0] == '\0');
    for (const char *at = sentence; *at != '\0'; at++)
        BUG_ON(iscntrl((unsigned char)*at) && *at != '\t');
    if (expectation->line_max == 0)
        return;
    BUG_ON(colon == NULL || strncmp(where, expectation->name, (size_t)(colon - where)) != 0);
    line = strtol(colon + 1, &end, 10);
    BUG_ON(*end != '\0' || line < 1 || line > expectation->line_max);
}

static void on_second_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    (void)where;
    (void)sentence;
    BUG_ON("a value that was taken is refused at the second reading");
}

static void set_again(struct config *config)
{
    struct reading reading = {.config = config_new(), .problem = on_second_problem};

    for (enum config_key key = 0; key < CONFIG_KEYS; key++)
        config_set(&reading, key, "again", slice_of_text(config->texts[key].text),
                   CONFIG_DIALECT_ENVIRONMENT);
    config_free(&reading.config);
}

/* ---- a whole one --------------------------------------------------------------------------------
 */

static void print_and_read_again(const struct config *config)
{
    static char printed[PRINTED_MAX];
    struct reading reading = {.config = config_new(), .problem = on_second_problem};
    struct err err = {""};
    int fd = memfd_create("config", MFD_CLOEXEC);

    BUG_ON(fd < 0 || !config_print(config, fd));
    ssize_t len = pread(fd, printed, sizeof(printed), 0);
    BUG_ON(len <= 0 || (size_t)len == sizeof(printed));
    close(fd);
    config_read_ini(&reading, "again", slice_of(printed, (size_t)len));
    for (enum config_key key = 0; key < CONFIG_KEYS; key++)
        BUG_ON(strcmp(config->texts[key].text, reading.config->texts[key].text) != 0);
    config_free(&reading.config);
    BUG_ON(config_difference(config, config, &err) != 0);
}

/* Cuts a copy of the input into lines; those for -o are told apart. Returns their number. */
static size_t cut_lines(char *text, size_t len, char **variables, const char **overrides)
{
    size_t variable_count = 0, override_count = 0;

    for (char *at = text; at < text + len && variable_count + override_count < LINES_MAX;) {
        char *end = memchr(at, '\n', (size_t)(text + len - at));
        end = end == NULL ? text + len : end;
        *end = '\0';
        if (strncmp(at, "-o ", 3) == 0)
            overrides[override_count++] = at + 3;
        else
            variables[variable_count++] = at;
        at = end + 1;
    }
    variables[variable_count] = NULL;
    return override_count;
}

/* As the master loads it, where neither file nor environment say anything. */
static void load_overrides(const char *const *overrides, size_t count)
{
    static char *empty[] = {NULL};
    struct expectation nowhere = {.line_max = 0};
    const struct config_source source = {
        .file = "/dev/null", .overrides = overrides, .override_count = count};

    environ = empty;
    struct config *config = config_load(&source, on_problem, &nowhere);
    if (config != NULL)
        print_and_read_again(config);
    config_free(&config);
}

static void try_lines(const uint8_t *data, size_t size)
{
    char *variables[LINES_MAX + 1];
    const char *overrides[LINES_MAX];
    struct expectation nowhere = {.line_max = 0};
    struct reading reading = {.config = config_new(), .problem = on_problem, .context = &nowhere};
    char *text = xcalloc(1, size + 1);

    memcpy(text, data, size);
    size_t override_count = cut_lines(text, size, variables, overrides);
    config_read_environment(&reading, variables);
    config_check_relations(&reading);
    set_again(reading.config);
    if (override_count > 0)
        load_overrides(overrides, override_count);
    config_free(&reading.config);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct expectation expectation = {.name = "f", .line_max = 1};
    struct reading reading = {.problem = on_problem, .context = &expectation};
    struct slice content = slice_of(data, size);

    for (size_t i = 0; i < size; i++)
        expectation.line_max += data[i] == '\n';
    if (expectation.line_max > LINES_MAX)
        return 0;
    reading.config = config_new();
    config_read_ini(&reading, "f", content);
    config_read_dotenv(&reading, "f", content);
    set_again(reading.config);
    expectation.line_max = 0; /* a relation may also point at a default */
    config_check_relations(&reading);
    config_free(&reading.config);
    try_lines(data, size);
    return 0;
}
