/* Private to lib/config: the table as data, and what one config_load is in the middle of. */
#ifndef GATEPOST_CONFIG_READING_H
#define GATEPOST_CONFIG_READING_H

#include "gatepost/config.h"

/* CONFIG_KEY_http_listen, ...: row numbers of the table. */
enum config_key {
#define KEY(section, name, ...) CONFIG_KEY_##section##_##name,
#include "gatepost/config_keys.def"
#undef KEY
    CONFIG_KEYS /* how many; also "no such key" */
};

enum config_kind {
    CONFIG_KIND_TEXT,
    CONFIG_KIND_PATH,
    CONFIG_KIND_LIST,
    CONFIG_KIND_NUMBER,
    CONFIG_KIND_FLAG,
    CONFIG_KIND_CHOICE,
    CONFIG_KIND_RATE,
};

struct config_row {
    const char *section;
    const char *name;
    enum config_kind kind;
    const char *fallback; /* the default as it would stand in the file */
    int64_t min;
    int64_t max;      /* of RATE: of its count */
    const char *unit; /* for CHOICE the words, split at '|' */
    unsigned reload;  /* enum config_reload */
    const char *text;
    size_t offset; /* of its field in struct config */
};

extern const struct config_row config_rows[CONFIG_KEYS];

/* What was said about one key: config->texts has CONFIG_KEYS of them. */
struct config_text {
    char *text;  /* as given, "auto" included; text fields of struct config point here */
    char *where; /* of the source that won: "gatepost.conf:12", "environment", "default" */
    bool broken; /* the last source to name it had it wrong: relations leave it alone */
};

struct reading {
    struct config *config;
    config_problem_fn problem;
    void *context;
    size_t problems;
};

#define CONFIG_WHERE_BYTES    4200 /* a path, a colon, a line number */
#define CONFIG_VALUE_MAX      2048 /* bytes of one value, from any source */
#define CONFIG_FILE_MAX_BYTES (1024 * 1024)

/* ---- table.c ---- */

/* Returns CONFIG_KEYS when there is no such key. Names need not be NUL-terminated. */
enum config_key config_find(struct slice section, struct slice name);
bool config_section_exists(struct slice section);

/* The key or section that was probably meant; NULL or CONFIG_KEYS when nothing is near. */
enum config_key config_nearest_key(struct slice section, struct slice name);
const char *config_nearest_section(struct slice section);

/* The variable that sets a key: "GATEPOST_HTTP_LISTEN". */
#define CONFIG_VARIABLE_BYTES 64
void config_variable(enum config_key key, char name_out[CONFIG_VARIABLE_BYTES]);

/* A key's field in a struct config; the kind must fit. */
const char **config_text_field(struct config *config, enum config_key key);
int64_t *config_number_field(struct config *config, enum config_key key); /* NUMBER and CHOICE */
bool *config_flag_field(struct config *config, enum config_key key);
struct config_rate *config_rate_field(struct config *config, enum config_key key);

/* UTF-8 without control characters, so that it can be printed and stays on its line. */
bool config_clean(struct slice text);

/* ---- value.c ---- */

/* Who writes a value: files and -o say yes and no; the environment also says True, 1, off, ... */
enum config_dialect { CONFIG_DIALECT_FILE, CONFIG_DIALECT_ENVIRONMENT };

/* Checks one value and stores it without the blanks around it, or tells the problem and leaves what
 * was there. */
void config_set(struct reading *reading, enum config_key key, const char *where, struct slice value,
                enum config_dialect dialect);

/* True and false as python-decouple reads them. */
MUST_USE bool config_boolean(struct slice value, bool *flag_out);

/* The n-th word of a CHOICE; an empty slice when there are fewer. */
struct slice config_choice_word(enum config_key key, size_t index);

/* ---- rate.c ---- */

/* "30/60", "30/m", "30/minute" or "no". Returns false with a sentence. */
MUST_USE bool config_parse_rate(struct slice value, const struct config_row *row,
                                struct config_rate *rate_out, struct err *err);

/* ---- formats.c ---- */

/* What the texts of a few keys must look like. Returns false with a sentence. */
MUST_USE bool config_format_fits(enum config_key key, struct slice value, struct err *err);

/* The text without its first len bytes. */
struct slice config_cut_front(struct slice text, size_t len);

/* Takes the next entry of a comma separated list; the list's at is NULL after the last one. */
bool config_next_entry(struct slice *list, struct slice *entry_out);

/* A name in the DNS or an IPv4 address. */
bool config_is_host_name(struct slice text);

/* ---- mail_formats.c: the same, of what letters and their envelopes are made of ---- */
bool config_from_fits(struct slice value, struct err *err);
bool config_from_name_fits(struct slice value, struct err *err);
bool config_reply_to_fits(struct slice value, struct err *err);
bool config_return_path_fits(struct slice value, struct err *err);
bool config_dkim_keys_fit(struct slice value, struct err *err);
bool config_dkim_domain_fits(struct slice value, struct err *err);
bool config_feedback_id_fits(struct slice value, struct err *err);
bool config_list_unsubscribe_fits(struct slice value, struct err *err);

/* ---- print.c ---- */

/* The value in effect, as a file would have it. */
#define CONFIG_VALUE_BYTES (CONFIG_VALUE_MAX + 1)
void config_value_text(const struct config *config, enum config_key key,
                       char text_out[CONFIG_VALUE_BYTES]);

/* ---- sources, each telling its own problems ---- */

/* ini_file.c: name is what stands before the line number in a problem. */
void config_read_ini(struct reading *reading, const char *name, struct slice content);
/* environment.c */
void config_read_dotenv(struct reading *reading, const char *name, struct slice content);
void config_read_environment(struct reading *reading, char *const *variables);

/* ---- waits.c ---- */
MUST_USE bool config_waits_fit(struct slice value, struct err *err);

/* ---- relays.c ---- */

/* The keys of each relay's section, by number. */
struct relay_keys {
#define RELAY_KEY(name, ...) enum config_key name;
#include "gatepost/config_relay_keys.def"
#undef RELAY_KEY
};
extern const struct relay_keys relay_keys[RELAYS_MAX];

/* How a relay is logged in to and shown who asks. */
void config_check_relays(struct reading *reading);

/* ---- relations.c ---- */
void config_check_relations(struct reading *reading);

/* ---- load.c ---- */
void config_complain(struct reading *reading, const char *where, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Gives back a config with every default in it, read from nothing yet. */
struct config *config_new(void);

#endif
