/* The configuration file and .env with any bytes in them: no crash, every problem on one clean line
 * that points at a line of the file, and a value that was taken passes its own check again. */
#include "lib/config/reading.h"

#include <ctype.h>
#include <stdlib.h>

struct expectation {
    const char *name;
    long line_max;
};

static void on_problem(void *context, const char *where, const char *sentence)
{
    const struct expectation *expectation = context;
    const char *colon = strrchr(where, ':');
    char *end;
    long line;

    BUG_ON(colon == NULL || strncmp(where, expectation->name, (size_t)(colon - where)) != 0);
    line = strtol(colon + 1, &end, 10);
    BUG_ON(*end != '\0' || line < 1 || line > expectation->line_max);
    BUG_ON(sentence[0] == '\0');
    for (const char *at = sentence; *at != '\0'; at++)
        BUG_ON(iscntrl((unsigned char)*at) && *at != '\t');
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct expectation expectation = {.name = "f", .line_max = 1};
    struct reading reading = {.problem = on_problem, .context = &expectation};
    struct slice content = slice_of(data, size);

    for (size_t i = 0; i < size; i++)
        expectation.line_max += data[i] == '\n';
    reading.config = config_new();
    config_read_ini(&reading, "f", content);
    set_again(reading.config);
    config_read_dotenv(&reading, "f", content);
    set_again(reading.config);
    config_free(&reading.config);
    return 0;
}
