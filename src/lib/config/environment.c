/* Values from the environment and from .env.
 *
 * Each key answers to GATEPOST_SECTION_KEY; the names that Django projects use for their relay are
 * understood too, and give way to the former. .env is read as python-decouple reads it: KEY=VALUE,
 * an optional "export ", one pair of quotes around the value, comments on lines of their own,
 * everything else left alone, since the file may be shared with other programs. */
#include "reading.h"

#include <stdio.h>
#include <unistd.h>

#define PASSWORD_VARIABLE  "EMAIL_HOST_PASSWORD"
#define PASSWORD_MAX_BYTES 1024

struct pair {
    struct slice name;
    struct slice value;
};

/* The weaker names first. */
enum pass { PASS_DJANGO, PASS_OWN, PASSES };

static void set_password(struct reading *reading, const char *where, struct slice value)
{
    if (value.len > PASSWORD_MAX_BYTES) {
        config_complain(reading, where, PASSWORD_VARIABLE " is longer than %d bytes",
                        PASSWORD_MAX_BYTES);
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];
        if (byte < 0x20 || byte == 0x7f) {
            config_complain(reading, where, PASSWORD_VARIABLE " holds control characters");
            return;
        }
    }
    secret_fini(&reading->config->smtp_password);
    if (value.len > 0)
        secret_from_bytes(value.at, value.len, &reading->config->smtp_password);
}

/* EMAIL_USE_TLS is Django's word for STARTTLS. */
static void set_use_tls(struct reading *reading, const char *where, struct slice value)
{
    bool use_tls = false;

    if (value.len > 0 && !config_boolean(value, &use_tls)) {
        config_complain(reading, where, "EMAIL_USE_TLS is neither True nor False");
        return;
    }
    config_set(reading, CONFIG_KEY_smtp_tls, where,
               use_tls ? SLICE_LITERAL("starttls") : SLICE_LITERAL("none"), CONFIG_DIALECT_FILE);
}

static void apply_django(struct reading *reading, const char *where, const struct pair *pair)
{
    static const struct {
        struct slice name;
        enum config_key key;
    } names[] = {
        {{"EMAIL_HOST", 10}, CONFIG_KEY_smtp_host},
        {{"EMAIL_PORT", 10}, CONFIG_KEY_smtp_port},
        {{"EMAIL_HOST_USER", 15}, CONFIG_KEY_smtp_user},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_equal(pair->name, names[i].name))
            config_set(reading, names[i].key, where, pair->value, CONFIG_DIALECT_ENVIRONMENT);
    }
    if (slice_equal(pair->name, SLICE_LITERAL("EMAIL_USE_TLS")))
        set_use_tls(reading, where, pair->value);
    if (slice_equal(pair->name, SLICE_LITERAL(PASSWORD_VARIABLE)))
        set_password(reading, where, pair->value);
}

/* A name that only looks like ours is told when it is one slip away from a key: orchestrators put
 * GATEPOST_..._SERVICE_HOST and the like into every container. */
static void complain_near_miss(struct reading *reading, const char *where, struct slice name)
{
    char variable[CONFIG_VARIABLE_BYTES];

    if (!config_clean(name)) /* cannot be shown */
        return;
    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        const char *section = config_rows[key].section;
        size_t prefix = strlen("GATEPOST_") + strlen(section) + 1;
        config_variable(key, variable);
        if (name.len <= prefix || memcmp(name.at, variable, prefix) != 0)
            continue;
        enum config_key near = config_nearest_key(slice_of_text(section),
                                                  slice_of(name.at + prefix, name.len - prefix));
        if (near == CONFIG_KEYS || strcmp(config_rows[near].section, section) != 0)
            return;
        config_variable(near, variable);
        config_complain(reading, where, "%.*s sets no key; did you mean %s?", (int)name.len,
                        name.at, variable);
        return;
    }
}

static void apply_own(struct reading *reading, const char *where, const struct pair *pair)
{
    char variable[CONFIG_VARIABLE_BYTES];

    if (pair->name.len < strlen("GATEPOST_") || pair->name.len >= sizeof(variable) ||
        memcmp(pair->name.at, "GATEPOST_", strlen("GATEPOST_")) != 0)
        return;
    for (enum config_key key = 0; key < CONFIG_KEYS; key++) {
        config_variable(key, variable);
        if (slice_equal(pair->name, slice_of_text(variable))) {
            config_set(reading, key, where, pair->value, CONFIG_DIALECT_ENVIRONMENT);
            return;
        }
    }
    complain_near_miss(reading, where, pair->name);
}

static void apply(struct reading *reading, const char *where, const struct pair *pair,
                  enum pass pass)
{
    if (pass == PASS_DJANGO)
        apply_django(reading, where, pair);
    else
        apply_own(reading, where, pair);
}

/* Returns false for a line that sets nothing. */
static bool split_line(struct slice line, struct pair *pair_out)
{
    const char *equals;
    struct slice name;
    struct slice value;

    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    line = slice_trimmed(line);
    equals = line.len > 0 ? memchr(line.at, '=', line.len) : NULL;
    if (equals == NULL || line.at[0] == '#')
        return false;
    name = slice_trimmed(slice_of(line.at, (size_t)(equals - line.at)));
    if (name.len > 7 && memcmp(name.at, "export", 6) == 0 &&
        (name.at[6] == ' ' || name.at[6] == '\t'))
        name = slice_trimmed(slice_of(name.at + 6, name.len - 6));
    value = slice_trimmed(slice_of(equals + 1, line.len - (size_t)(equals + 1 - line.at)));
    if (value.len >= 2 && (value.at[0] == '"' || value.at[0] == '\'') &&
        value.at[value.len - 1] == value.at[0])
        value = slice_of(value.at + 1, value.len - 2);
    *pair_out = (struct pair){name, value};
    return true;
}

static void dotenv_pass(struct reading *reading, const char *file, struct slice rest,
                        enum pass pass)
{
    char where[CONFIG_WHERE_BYTES];
    struct pair pair;

    for (int line = 1; rest.len > 0; line++) {
        const char *newline = memchr(rest.at, '\n', rest.len);
        size_t len = newline == NULL ? rest.len : (size_t)(newline - rest.at);
        if (split_line(slice_of(rest.at, len), &pair)) {
            (void)snprintf(where, sizeof(where), "%s:%d", file, line);
            apply(reading, where, &pair, pass);
        }
        len += newline == NULL ? 0 : 1;
        rest = slice_of(rest.at + len, rest.len - len);
    }
}

void config_read_dotenv(struct reading *reading, const char *name, struct slice content)
{
    for (enum pass pass = 0; pass < PASSES; pass++)
        dotenv_pass(reading, name, content, pass);
}

void config_read_environment(struct reading *reading, char *const *variables)
{
    for (enum pass pass = 0; pass < PASSES; pass++) {
        for (char *const *at = variables; *at != NULL; at++) {
            const char *equals = strchr(*at, '=');
            if (equals == NULL)
                continue;
            struct pair pair = {slice_of(*at, (size_t)(equals - *at)), slice_of_text(equals + 1)};
            apply(reading, "environment", &pair, pass);
        }
    }
}

void config_forget_secrets(struct config *config)
{
    secret_fini(&config->smtp_password);
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        if (strncmp(*at, PASSWORD_VARIABLE "=", strlen(PASSWORD_VARIABLE "=")) == 0) {
            char *value = *at + strlen(PASSWORD_VARIABLE "=");
            secret_wipe(value, strlen(value));
        }
    }
}
