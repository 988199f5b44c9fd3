/* config_load: defaults, file, .env, environment, -o, in this order, so that the later wins; then
 * what is worked out, then the relations.
 *
 * Invariant: every problem goes through config_complain; a config with a problem never gets out,
 * but to who asks for it by name (config_load_anyhow). */
#include "reading.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void config_complain(struct reading *reading, const char *where, const char *format, ...)
{
    struct err err;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(err.text, sizeof(err.text), format, arguments);
    va_end(arguments);
    reading->problems++;
    reading->problem(reading->context, where, err.text);
}

/* ---- files ---- */

static bool read_descriptor(int fd, char *content_out, size_t *len_out)
{
    size_t len = 0;

    for (;;) {
        ssize_t got = read(fd, content_out + len, CONFIG_FILE_MAX_BYTES + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        len += (size_t)got;
        if (len > CONFIG_FILE_MAX_BYTES) {
            errno = EFBIG;
            return false;
        }
    }
    *len_out = len;
    return true;
}

/* Hands a file's content to read_content and wipes it, since .env holds a password.
 * Returns false when there is no such file; any other failure is a problem, told here. */
static bool read_source(struct reading *reading, const char *path,
                        void (*read_content)(struct reading *, const char *, struct slice))
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *content;
    size_t len;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return false;
    content = xcalloc(CONFIG_FILE_MAX_BYTES + 1, 1);
    if (fd >= 0 && read_descriptor(fd, content, &len))
        read_content(reading, path, slice_of(content, len));
    else
        config_complain(reading, path, "cannot be read: %s", strerror(errno));
    secret_wipe(content, CONFIG_FILE_MAX_BYTES + 1);
    free(content);
    if (fd >= 0)
        (void)close(fd);
    return true;
}

/* Says which file it was, "" without one. Gives: heap text. */
static char *read_file(struct reading *reading, const char *given)
{
    static const char *const places[] = {"gatepost.conf", "/etc/gatepost/gatepost.conf"};

    if (given != NULL) {
        if (!read_source(reading, given, config_read_ini))
            config_complain(reading, given, "there is no such file");
        return xstrdup(given);
    }
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (read_source(reading, places[i], config_read_ini))
            return xstrdup(places[i]);
    }
    return xstrdup("");
}

static void read_dotenv(struct reading *reading, const char *file)
{
    const char *slash = strrchr(file, '/');

    if (slash != NULL) {
        size_t folder_len = (size_t)(slash - file) + 1;
        char *path = xcalloc(folder_len + sizeof(".env"), 1);
        memcpy(path, file, folder_len);
        memcpy(path + folder_len, ".env", sizeof(".env"));
        bool found = read_source(reading, path, config_read_dotenv);
        free(path);
        if (found)
            return;
    }
    (void)read_source(reading, ".env", config_read_dotenv);
}

/* ---- the command line ---- */

static void read_override(struct reading *reading, const char *override)
{
    const char *equals = strchr(override, '=');
    size_t name_len = equals == NULL ? strlen(override) : (size_t)(equals - override);
    const char *dot = memchr(override, '.', name_len);
    struct slice section;
    struct slice name;
    enum config_key key;
    int shown = name_len > 60 ? 60 : (int)name_len;

    if (equals == NULL || dot == NULL || !config_clean(slice_of(override, name_len))) {
        config_complain(reading, "-o", "an override is section.key=value");
        return;
    }
    section = slice_trimmed(slice_of(override, (size_t)(dot - override)));
    name = slice_trimmed(slice_of(dot + 1, (size_t)(equals - dot) - 1));
    key = config_find(section, name);
    if (key == CONFIG_KEYS) {
        enum config_key near = config_nearest_key(section, name);
        const char *near_section = config_nearest_section(section);
        if (near == CONFIG_KEYS && near_section != NULL)
            near = config_nearest_key(slice_of_text(near_section), name);
        if (near == CONFIG_KEYS)
            config_complain(reading, "-o", "there is no key %.*s", shown, override);
        else
            config_complain(reading, "-o", "there is no key %.*s; did you mean %s.%s?", shown,
                            override, config_rows[near].section, config_rows[near].name);
        return;
    }
    config_set(reading, key, "-o", slice_of_text(equals + 1), CONFIG_DIALECT_FILE);
}

/* ---- what is worked out ---- */

static bool is_auto(const struct config *config, enum config_key key)
{
    return strcmp(config->texts[key].text, "auto") == 0;
}

static int64_t clamp_to_row(enum config_key key, int64_t value)
{
    const struct config_row *row = &config_rows[key];

    return value < row->min ? row->min : value > row->max ? row->max : value;
}

/* Beside its connections a worker holds listeners, wake-up descriptors, the log and its lanes. */
#define DESCRIPTORS_ASIDE 128

static int64_t connections_by_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT32_MAX)
        return INT32_MAX;
    return (int64_t)limit.rlim_cur - DESCRIPTORS_ASIDE;
}

static void work_out(struct config *config)
{
    if (is_auto(config, CONFIG_KEY_http_workers))
        config->http_workers = clamp_to_row(CONFIG_KEY_http_workers, cores_available());
    if (is_auto(config, CONFIG_KEY_http_connections_max))
        config->http_connections_max =
            clamp_to_row(CONFIG_KEY_http_connections_max, connections_by_limit());
    if (is_auto(config, CONFIG_KEY_password_min_strength))
        config->password_min_strength = config->password_min_length == 1 ? 0 : 4;
    if (config->mail_transport == CONFIG_TRANSPORT_AUTO)
        config->mail_transport =
            config_has_relay(config) ? CONFIG_TRANSPORT_SMTP : CONFIG_TRANSPORT_FILE;
}

/* ---- life ---- */

static void on_wrong_default(void *context, const char *where, const char *sentence)
{
    (void)context;
    (void)where;
    (void)sentence;
    BUG_ON("a default in config_keys.def does not pass its own check");
}

struct config *config_new(void)
{
    struct config *config = xcalloc(1, sizeof(*config));
    struct reading reading = {.config = config, .problem = on_wrong_default};

    config->texts = xcalloc(CONFIG_KEYS, sizeof(config->texts[0]));
    config->file = xstrdup("");
    for (enum config_key key = 0; key < CONFIG_KEYS; key++)
        config_set(&reading, key, "default", slice_of_text(config_rows[key].fallback),
                   CONFIG_DIALECT_FILE);
    return config;
}

static struct config *load(const struct config_source *source, config_problem_fn problem,
                           void *context, size_t *problems_out)
{
    struct config *config = config_new();
    struct reading reading = {.config = config, .problem = problem, .context = context};

    free((char *)(uintptr_t)config->file);
    config->file = read_file(&reading, source->file);
    read_dotenv(&reading, config->file);
    config_read_environment(&reading, environ);
    for (size_t i = 0; i < source->override_count; i++)
        read_override(&reading, source->overrides[i]);
    work_out(config);
    config_check_relations(&reading);
    *problems_out = reading.problems;
    return config;
}

struct config *config_load(const struct config_source *source, config_problem_fn problem,
                           void *context)
{
    size_t problems;
    struct config *config = load(source, problem, context, &problems);

    if (problems > 0)
        config_free(&config);
    return config;
}

struct config *config_load_anyhow(const struct config_source *source, config_problem_fn problem,
                                  void *context, bool *wrong_out)
{
    size_t problems;
    struct config *config = load(source, problem, context, &problems);

    *wrong_out = problems > 0;
    return config;
}

/* "[section]" or "name = value"; everything else is a comment. */
static void revive_line(struct reading *reading, struct slice line, struct slice *section)
{
    const char *equals = line.len > 0 ? memchr(line.at, '=', line.len) : NULL;

    if (line.len > 2 && line.at[0] == '[' && line.at[line.len - 1] == ']') {
        *section = slice_of(line.at + 1, line.len - 2);
        return;
    }
    if (equals == NULL || line.at[0] == '#')
        return;
    size_t name_len = (size_t)(equals - line.at);
    enum config_key key = config_find(*section, slice_trimmed(slice_of(line.at, name_len)));
    if (key != CONFIG_KEYS)
        config_set(reading, key, "handed over", slice_of(equals + 1, line.len - name_len - 1),
                   CONFIG_DIALECT_FILE);
}

static void ignore_problem(void *context, const char *where, const char *sentence)
{
    (void)context;
    (void)where;
    (void)sentence;
}

struct config *config_revive(struct slice printed, const char *file, config_problem_fn problem,
                             void *context)
{
    struct config *config = config_new();
    struct reading reading = {.config = config, .problem = ignore_problem};
    struct slice section = {0};

    free((char *)(uintptr_t)config->file);
    config->file = xstrdup(file);
    read_dotenv(&reading, config->file); /* for the password: all keys are set anew below */
    config_read_environment(&reading, environ);
    reading = (struct reading){.config = config, .problem = problem, .context = context};
    while (printed.len > 0) {
        const char *newline = memchr(printed.at, '\n', printed.len);
        size_t len = newline == NULL ? printed.len : (size_t)(newline - printed.at);
        revive_line(&reading, slice_of(printed.at, len), &section);
        len += newline == NULL ? 0 : 1;
        printed = slice_of(printed.at + len, printed.len - len);
    }
    work_out(config);
    config_check_relations(&reading);
    if (reading.problems > 0)
        config_free(&config);
    return config;
}

void config_free(struct config **config)
{
    if (*config == NULL)
        return;
    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        free((*config)->texts[key].text);
        free((*config)->texts[key].where);
    }
    free((*config)->texts);
    free((char *)(uintptr_t)(*config)->file);
    secret_fini(&(*config)->smtp_password);
    free(*config);
    *config = NULL;
}
