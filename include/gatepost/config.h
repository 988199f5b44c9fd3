/* The configuration: read once, checked whole, then constant. A reload makes a new one. */
#ifndef GATEPOST_CONFIG_H
#define GATEPOST_CONFIG_H

#include "gatepost/base.h"
#include "gatepost/err.h"
#include "gatepost/secret.h"

#define CONFIG_TYPE_TEXT   const char *
#define CONFIG_TYPE_PATH   const char *
#define CONFIG_TYPE_LIST   const char *
#define CONFIG_TYPE_NUMBER int64_t
#define CONFIG_TYPE_FLAG   bool
#define CONFIG_TYPE_CHOICE int64_t
#define CONFIG_TYPE_RATE   struct config_rate

/* So many in so many seconds; count 0 is no limit, and a period of 1 then. */
struct config_rate {
    uint32_t count;
    uint32_t period_s;
};
#define CONFIG_RATE_PERIOD_MAX_S   86400
#define CONFIG_RATE_PER_SECOND_MAX 1000

/* Indexes of the CHOICE keys' words. But for CONFIG_AUTH_AUTO, AUTO is in no configuration that
 * config_load gives. */
enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };
enum config_password_algorithm {
    CONFIG_PASSWORD_PBKDF2,
    CONFIG_PASSWORD_ARGON2ID,
    CONFIG_PASSWORD_SCRYPT
};
enum config_transport { CONFIG_TRANSPORT_AUTO, CONFIG_TRANSPORT_FILE, CONFIG_TRANSPORT_SMTP };
enum config_bounce_mode { CONFIG_BOUNCE_0600, CONFIG_BOUNCE_0660, CONFIG_BOUNCE_0666 };
enum config_smtp_tls { CONFIG_TLS_NONE, CONFIG_TLS_STARTTLS, CONFIG_TLS_TLS };
enum config_smtp_auth {
    CONFIG_AUTH_AUTO,
    CONFIG_AUTH_PLAIN,
    CONFIG_AUTH_LOGIN,
    CONFIG_AUTH_XOAUTH2
};

/* One field a key: config->http_listen. Texts are never NULL and live as long as the struct. */
struct config {
#define KEY(section, name, KIND, ...) CONFIG_TYPE_##KIND section##_##name;
#include "gatepost/config_keys.def"
#undef KEY
    struct secret smtp_password; /* only from EMAIL_HOST_PASSWORD or .env; len 0 without */
    const char *file;            /* the file that was read, "" when there was none */
    struct config_text *texts;   /* private to lib/config: what the fields above point into */
};

/* One relay: the view of one of the sections smtp, smtp2, ... Its texts are the configuration's. */
#define RELAYS_MAX 4
struct relay_config {
    const char *section;
#define RELAY_KEY(name, KIND, ...) CONFIG_TYPE_##KIND name;
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
};

/* number: under RELAYS_MAX. A relay without a host does not exist. */
struct relay_config config_relay(const struct config *config, unsigned number);
bool config_has_relay(const struct config *config); /* any */

/* mail.greylist_retry_s: how many waits it names. Of a text that is no such list: what is. */
#define GREYLIST_TRIES_MAX 8
size_t config_greylist_waits(const char *list, uint32_t waits_out[GREYLIST_TRIES_MAX]);

/* What the command line said. */
struct config_source {
    const char *file;             /* -c, or NULL */
    const char *const *overrides; /* -o: "section.key=value" */
    size_t override_count;
};

/* Called once for each problem, in the order of the sources: where is "file:line", "-o" or
 * "environment". */
typedef void (*config_problem_fn)(void *context, const char *where, const char *sentence);

/* Reads file, .env, environment and overrides (the later wins), checks every value and every
 * relation between values, and tells all problems, not the first. The environment's names are
 * GATEPOST_SECTION_KEY for every key, and Django's EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS,
 * EMAIL_HOST_USER, EMAIL_HOST_PASSWORD. .env is looked for beside the file that was read, then in
 * the working directory. "auto" values are worked out:
 * http.workers from the cores, http.connections_max from RLIMIT_NOFILE, password.min_strength,
 * mail.transport. Without -c: ./gatepost.conf, else /etc/gatepost/gatepost.conf, else defaults.
 * Who calls it: the master and the command line, before any fork; later again for SIGHUP.
 * Returns NULL when there was a problem. Owner: the caller; config_free. */
MUST_USE struct config *config_load(const struct config_source *source, config_problem_fn problem,
                                    void *context);

/* The same with problems, if need be (*wrong_out): what had one is what it would be without it. For
 * who looks for the running server and serves nobody. */
MUST_USE struct config *config_load_anyhow(const struct config_source *source,
                                           config_problem_fn problem, void *context,
                                           bool *wrong_out);

void config_free(struct config **config);

/* mail.bounce_socket is a path: reports are taken. */
static inline bool config_takes_reports(const struct config *config)
{
    return strcmp(config->mail_bounce_socket, "no") != 0;
}

/* Overwrites the password in this process's environment block and in the config. Called in every
 * child but the mailer, right after fork; the master keeps it, since it forks the next mailer and
 * reads the environment again at a reload. Source: CWE-526. */
void config_forget_secrets(struct config *config);

/* The effective configuration as a file that config_load reads back, each key under its comment,
 * without secrets. Values that were left to be worked out are printed as "auto".
 * Returns false with errno when it could not be written. */
MUST_USE bool config_print(const struct config *config, int fd);

/* The configuration in force, as a predecessor's config_print wrote it; keys that this table does
 * not have are left out. The mail password comes from the environment and .env, as ever: it is not
 * in what is printed. file: what the predecessor had read. As config_load but for the sources. */
MUST_USE struct config *config_revive(struct slice printed, const char *file,
                                      config_problem_fn problem, void *context);

/* What a change asks of the running processes, as bits; 0 when nothing changed. */
enum config_reload {
    CONFIG_RELOAD_WORKERS = 1,
    CONFIG_RELOAD_MAILER = 2,
    CONFIG_RELOAD_EVERYONE = 3,
    CONFIG_RELOAD_STORE = 4,
    CONFIG_RELOAD_RESTART = 8,
    CONFIG_RELOAD_MASTER = 16,
};

/* Compares two configurations. The sentence names the keys that need a restart. */
unsigned config_difference(const struct config *old, const struct config *new, struct err *err);

/* Called once for each key whose value changed, in the table's order: key is "section.name", the
 * texts are the values in effect, "" where there is none. What may be secret is not told, only that
 * it changed: the mail password, and the words of a token_command. All borrowed for the call. */
typedef void (*config_change_fn)(void *context, const char *key, const char *from, const char *to);
void config_changes(const struct config *old, const struct config *new, config_change_fn change,
                    void *context);

#endif
