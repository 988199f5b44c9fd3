/* `gatepost user`: what its command line says, and the question that its commands share. Private to
 * this folder. */
#ifndef GATEPOST_CLI_USER_H
#define GATEPOST_CLI_USER_H

#include "asking.h"
#include "gatepost/config.h"
#include "words.h"

/* OPTION(enum name, word, what its value is or NULL) */
#define USER_OPTIONS(OPTION)                                                                       \
    OPTION(JSON, "--json", NULL)                                                                   \
    OPTION(SEARCH, "--search", "TEXT")                                                             \
    OPTION(LIMIT, "--limit", "N")                                                                  \
    OPTION(PASSWORD_STDIN, "--password-stdin", NULL)                                               \
    OPTION(GENERATE, "--generate", NULL)                                                           \
    OPTION(NO_PASSWORD, "--no-password", NULL)                                                     \
    OPTION(VERIFIED, "--verified", NULL)                                                           \
    OPTION(DISABLED, "--disabled", NULL)                                                           \
    OPTION(YES, "--yes", NULL)                                                                     \
    OPTION(END, "--end", "ID")                                                                     \
    OPTION(END_ALL, "--end-all", NULL)                                                             \
    OPTION(FROM, "--from", "django|csv|jsonl")                                                     \
    OPTION(TO, "--to", "django|jsonl")                                                             \
    OPTION(MODEL, "--model", "APP.MODEL")                                                          \
    OPTION(DRY_RUN, "--dry-run", NULL)                                                             \
    OPTION(REPORT, "--report", "FILE")

enum user_option {
#define OPTION(NAME, word, value) OPTION_##NAME,
    USER_OPTIONS(OPTION)
#undef OPTION
        OPTION_COUNT
};

struct user_order;

/* One command of the group. */
struct user_command {
    struct words_command words;
    int (*run)(struct user_order *order);
};

/* What the command line said. All texts are borrowed from it. */
struct user_order {
    const struct user_command *command;
    const char *operands[WORDS_OPERANDS_MAX];
    const char *options[OPTION_COUNT]; /* NULL: not given; its value, or "" for one without */
    size_t limit;                      /* of --limit; 0: none */
    const struct config *config;
    struct asking asking;
};

/* Reads the words after "user". False: err says what is wrong with them. */
MUST_USE bool user_order_read(const char *const *words, size_t count, struct user_order *order_out,
                              struct err *err);

static inline bool has_option(const struct user_order *order, enum user_option option)
{
    return order->options[option] != NULL;
}

/* The commands; each returns an exit code. */
int cli_user_list(struct user_order *order);
int cli_user_show(struct user_order *order);
int cli_user_sessions(struct user_order *order);
int cli_user_add(struct user_order *order);
int cli_user_enable(struct user_order *order);
int cli_user_disable(struct user_order *order);
int cli_user_verify(struct user_order *order);
int cli_user_set_password(struct user_order *order);
int cli_user_delete(struct user_order *order);
int cli_user_import(struct user_order *order);
int cli_user_export(struct user_order *order);

/* Asks the server about the account that the first operand names; rest: behind it in the path. */
MUST_USE int user_ask_about(struct user_order *order, const char *method, const char *rest,
                            const char *json, struct admin_answer *answer_out);

#endif
