/* What a sound configuration points at: files, directories, a user, the open-file limit.
 *
 * Invariant: looks, and changes nothing; what does not exist yet but can be made at the first start
 * is no problem. It speaks for the user who runs it: run it as the user that will serve. */
#include "cli.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatepost/dkim.h"
#include "gatepost/identity.h"
#include "gatepost/letter.h"
#include "gatepost/token_keys.h"

struct world {
    config_problem_fn problem;
    void *context;
    size_t problems;
};

static void tell(struct world *world, const char *key, const struct err *err)
{
    world->problems++;
    world->problem(world->context, key, err->text);
}

/* The directory above; "." above a bare name. Takes a heap text, gives another. */
static char *step_up(char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = xstrdup(slash == NULL ? "." : path);

    if (slash != NULL)
        parent[slash == path ? 1 : slash - path] = '\0';
    free(path);
    return parent;
}

/* Whether a directory is there and usable, or could be made by making it and its parents. */
static void check_directory(struct world *world, const char *key, const char *path)
{
    struct err err;
    struct stat status;
    char *at = xstrdup(path);

    while (stat(at, &status) != 0 && errno == ENOENT && strcmp(at, ".") != 0 &&
           strcmp(at, "/") != 0)
        at = step_up(at);
    if (stat(at, &status) != 0) {
        err_set(&err, "%s: %s", at, strerror(errno));
        tell(world, key, &err);
    } else if (!S_ISDIR(status.st_mode)) {
        err_set(&err, "%s is not a directory", at);
        tell(world, key, &err);
    } else if (access(at, W_OK | X_OK) != 0) {
        err_set(&err, "%s cannot be written to: %s", at, strerror(errno));
        tell(world, key, &err);
    }
    free(at);
}

static void check_parent(struct world *world, const char *key, const char *path)
{
    char *parent = step_up(xstrdup(path));

    check_directory(world, key, parent);
    free(parent);
}

/* A key file is made at the first start when it is not there. */
static void check_key_file(struct world *world, const char *key, const char *path)
{
    struct secret secret;
    struct err err;

    if (access(path, F_OK) != 0 && errno == ENOENT) {
        check_parent(world, key, path);
        return;
    }
    if (secret_load(path, SECRET_KEY_MIN_BYTES, &secret, &err))
        secret_fini(&secret);
    else
        tell(world, key, &err);
}

/* What there is must load; what is not there yet, a key of token.algorithm too, is made at the
 * first start. */
static void check_token_keys(struct world *world, const struct config *config)
{
    struct token_rules rules = cli_token_rules(config);
    struct token_names names;
    struct err err;

    if (access(config->token_key_dir, F_OK) != 0 && errno == ENOENT) {
        check_parent(world, "token.key_dir", config->token_key_dir);
        return;
    }
    if (!token_names_read(&rules, &names, &err)) {
        tell(world, "token.key_dir", &err);
        return;
    }
    if (names.count == 1 || access(config->token_secret_file, F_OK) != 0)
        return;
    if (token_names_signing(&names, clock_wall_ms() / 1000) == names.count)
        rules.algorithm = names.at[1].algorithm; /* any that there is, to load all of them */
    struct token_keys *keys = token_keys_load(&rules, &err);

    if (keys == NULL)
        tell(world, "token.key_dir", &err);
    token_keys_free(&keys);
}

static void check_readable(struct world *world, const char *key, const char *path)
{
    struct stat status;
    struct err err;

    if (path[0] == '\0')
        return;
    if (access(path, R_OK) != 0 || stat(path, &status) != 0)
        err_set(&err, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        err_set(&err, "%s is not a regular file", path);
    else
        return;
    tell(world, key, &err);
}

static void check_secrets(struct world *world, const struct config *config)
{
    struct secret secret;
    struct err err;

    check_key_file(world, "token.secret_file", config->token_secret_file);
    check_key_file(world, "mail.key_file", config->mail_key_file);
    for (unsigned i = 0; i < RELAYS_MAX; i++) {
        const struct relay_config relay = config_relay(config, i);
        const char *const files[][2] = {{"password_file", relay.password_file},
                                        {"token_file", relay.token_file}};
        for (size_t j = 0; j < ARRAY_LEN(files); j++) {
            char key[32];
            if (files[j][1][0] == '\0')
                continue;
            snprintf(key, sizeof(key), "%s.%s", relay.section, files[j][0]);
            if (secret_load(files[j][1], 1, &secret, &err))
                secret_fini(&secret);
            else
                tell(world, key, &err);
        }
    }
}

static void check_identity(struct world *world, const char *key, const struct relay_config *relay)
{
    struct identity identity;
    struct err err;

    if (identity_load(relay->client_cert, relay->client_key, &identity, &err))
        identity_fini(&identity);
    else
        tell(world, key, &err);
}

/* command: a path, and words for it after a space. */
static void check_program(struct world *world, const char *key, const char *command)
{
    size_t len = strcspn(command, " ");
    struct err err;
    char *path;

    if (len == 0)
        return;
    path = xstrdup(command);
    path[len] = '\0';
    if (access(path, X_OK) != 0) {
        err_set(&err, "%s: %s", path, strerror(errno));
        tell(world, key, &err);
    }
    free(path);
}

static void check_relays(struct world *world, const struct config *config)
{
    for (unsigned i = 0; i < RELAYS_MAX; i++) {
        const struct relay_config relay = config_relay(config, i);
        char key[32];
        snprintf(key, sizeof(key), "%s.ca_file", relay.section);
        check_readable(world, key, relay.ca_file);
        snprintf(key, sizeof(key), "%s.client_cert", relay.section);
        if (relay.client_cert[0] != '\0')
            check_identity(world, key, &relay);
        snprintf(key, sizeof(key), "%s.token_command", relay.section);
        check_program(world, key, relay.token_command);
    }
}

static void count_problem(void *context, const char *where, const char *sentence)
{
    struct world *world = context;

    world->problems++;
    world->problem(world->context, where, sentence);
}

static void check_letters(struct world *world, const struct config *config)
{
    struct letter_set *letters =
        letter_set_load(config->mail_template_dir, config->mail_language, count_problem, world);

    letter_set_free(&letters);
}

/* Each of mail.dkim_keys by itself, so that all that is wrong is told. */
static void check_dkim_keys(struct world *world, const struct config *config)
{
    char *keys = xstrdup(config->mail_dkim_keys), *rest = NULL;
    struct err err;

    for (char *key = strtok_r(keys, ",", &rest); key != NULL; key = strtok_r(NULL, ",", &rest)) {
        struct dkim *dkim = dkim_open(config->mail_dkim_domain, config->mail_from, key, &err);
        if (dkim == NULL)
            tell(world, "mail.dkim_keys", &err);
        dkim_close(&dkim);
    }
    free(keys);
}

static void check_user(struct world *world, const struct config *config)
{
    struct err err;

    if (config->master_user[0] == '\0' || getpwnam(config->master_user) != NULL)
        return;
    err_set(&err, "there is no user \"%s\"", config->master_user);
    tell(world, "master.user", &err);
}

static void check_open_files(struct world *world, const struct config *config)
{
    struct rlimit limit;
    struct err err;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        config->http_connections_max <= (int64_t)limit.rlim_cur)
        return;
    err_set(&err, "is above the open-file limit (ulimit -n) of %llu",
            (unsigned long long)limit.rlim_cur);
    tell(world, "http.connections_max", &err);
}

size_t world_check(const struct config *config, config_problem_fn problem, void *context)
{
    struct world world = {.problem = problem, .context = context};

    check_secrets(&world, config);
    check_token_keys(&world, config);
    check_dkim_keys(&world, config);
    check_readable(&world, "http.tls_cert", config->http_tls_cert);
    check_readable(&world, "http.tls_key", config->http_tls_key);
    check_readable(&world, "password.refused_file", config->password_refused_file);
    check_relays(&world, config);
    check_letters(&world, config);
    check_user(&world, config);
    check_open_files(&world, config);
    check_directory(&world, "store.dir", config->store_dir);
    if (config->mail_transport == CONFIG_TRANSPORT_FILE)
        check_directory(&world, "mail.dir", config->mail_dir);
    check_parent(&world, "master.pid_file", config->master_pid_file);
    check_parent(&world, "master.admin_socket", config->master_admin_socket);
    check_parent(&world, "admin.socket", config->admin_socket);
    if (config_takes_reports(config))
        check_parent(&world, "mail.bounce_socket", config->mail_bounce_socket);
    if (config->log_file[0] != '\0')
        check_parent(&world, "log.file", config->log_file);
    return world.problems;
}
