/* `gatepost mail`: what its command line says. Private to this folder. */
#ifndef GATEPOST_CLI_MAIL_H
#define GATEPOST_CLI_MAIL_H

#include "asking.h"
#include "gatepost/config.h"
#include "words.h"

/* OPTION(enum name, word, what its value is or NULL) */
#define MAIL_OPTIONS(OPTION)                                                                       \
    OPTION(LANG, "--lang", "TAG")                                                                  \
    OPTION(EML, "--eml", NULL)                                                                     \
    OPTION(TEXT, "--text", NULL)                                                                   \
    OPTION(HTML, "--html", NULL)                                                                   \
    OPTION(JSON, "--json", NULL)                                                                   \
    OPTION(ALL, "--all", NULL)                                                                     \
    OPTION(STATE, "--state", "pending|dead|sent")                                                  \
    OPTION(PURPOSE, "--purpose", "PURPOSE")                                                        \
    OPTION(TO, "--to", "ADDRESS")                                                                  \
    OPTION(DOMAIN, "--domain", "DOMAIN")                                                           \
    OPTION(SINCE, "--since", "WHEN")                                                               \
    OPTION(DUE, "--due", NULL)                                                                     \
    OPTION(LIMIT, "--limit", "N")                                                                  \
    OPTION(WAIT, "--wait", "S")                                                                    \
    OPTION(DETAIL, "--detail", "TEXT")

enum mail_option {
#define OPTION(NAME, word, value) MAIL_OPTION_##NAME,
    MAIL_OPTIONS(OPTION)
#undef OPTION
        MAIL_OPTION_COUNT
};

struct mail_order;

/* One command of the group. */
struct mail_command {
    struct words_command words;
    int (*run)(struct mail_order *order);
};

/* What the command line said. All texts are borrowed from it. */
struct mail_order {
    const struct mail_command *command;
    const char *operands[WORDS_OPERANDS_MAX];
    const char *options[MAIL_OPTION_COUNT]; /* NULL: not given; its value, or "" without one */
    const struct config *config;
    struct asking asking;
};

static inline bool has_mail_option(const struct mail_order *order, enum mail_option option)
{
    return order->options[option] != NULL;
}

/* Reads the words after "mail". False: err says what is wrong with them. */
MUST_USE bool mail_order_read(const char *const *words, size_t count, struct mail_order *order_out,
                              struct err *err);

/* The commands; each returns an exit code. */
int cli_mail_preview(struct mail_order *order);
int cli_mail_dkim(struct mail_order *order);
int cli_mail_bounce(struct mail_order *order);
int cli_mail_status(struct mail_order *order);
int cli_mail_list(struct mail_order *order);
int cli_mail_show(struct mail_order *order);
int cli_mail_retry(struct mail_order *order);
int cli_mail_cancel(struct mail_order *order);
int cli_mail_pause(struct mail_order *order);
int cli_mail_resume(struct mail_order *order);
int cli_mail_drain(struct mail_order *order);
int cli_mail_suppress(struct mail_order *order);

/* The words were fine one by one and make no sense together. Returns EXIT_USAGE. */
int mail_misuse(const char *sentence);

/* A whole number of an option from 1 on; 0 when it is not given. Returns false for another text. */
MUST_USE bool mail_number(const struct mail_order *order, enum mail_option option,
                          size_t *number_out);

#endif
