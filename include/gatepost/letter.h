/* Letters: their words, and how they become RFC 5322 messages. */
#ifndef GATEPOST_LETTER_H
#define GATEPOST_LETTER_H

#include "gatepost/base.h"
#include "gatepost/clock.h"
#include "gatepost/mail_purpose.h"
#include "gatepost/secret.h"
#include "gatepost/uuid.h"

/* The most that one message, its name and its link may have. */
#define LETTER_MAX_BYTES      32768
#define LETTER_NAME_MAX_BYTES 1024
#define LETTER_LINK_MAX_BYTES 1024

/* The templates of all languages, read and checked. What was loaded can be filled. */
struct letter_set;

/* Told for every problem: where is "file:line" or a configuration key. */
typedef void (*letter_problem_fn)(void *context, const char *where, const char *sentence);

/* Loads the built-in templates and, over them, what lies in dir ("" for none): a folder as
 * conf/mail. language: of letters to people whose own there is none in.
 * Who calls it: the master before it forks, `gatepost check`, `gatepost mail preview`.
 * Returns NULL when there was a problem. Owner: the caller; letter_set_free. */
MUST_USE struct letter_set *letter_set_load(const char *dir, const char *language,
                                            letter_problem_fn problem, void *context);
void letter_set_free(struct letter_set **set);

struct dkim;

/* What all letters have in common; borrowed. */
struct letter_head {
    const char *from;              /* canonical address */
    const char *public_url;        /* no slash at the end */
    const struct secret *mail_key; /* of the links; not read here */
    const struct letter_set *letters;
    const struct dkim *dkim; /* signs what is sent, or NULL; not read here */

    /* NULL or "": without. */
    const char *from_name;        /* what clients show beside the sender's address; UTF-8 */
    const char *reply_to;         /* canonical address */
    const char *feedback_id;      /* at most three fields, the last one the sender's id */
    const char *list_unsubscribe; /* URI, in notices */
};

/* What one letter is made of; texts are borrowed, NUL-terminated and UTF-8. */
struct letter {
    struct uuid id;       /* in the Message-ID and the boundary */
    uint8_t purpose;      /* enum mail_purpose, known */
    const char *to;       /* canonical address */
    const char *name;     /* who it is for; no control characters */
    const char *language; /* BCP 47, or "" */
    const char *link;     /* whole URL; "" where the purpose has none */
    wall_ms created;
    wall_ms expires; /* of the link */
};

enum letter_form {
    LETTER_MESSAGE, /* all of it: CRLF line ends, lines of at most 998 bytes */
    LETTER_TEXT,    /* one part alone: UTF-8 with LF line ends */
    LETTER_HTML,
};

/* Writes the letter, the same bytes for the same letter, so that a repeat is the same message with
 * the same Message-ID.
 * Shape: multipart/alternative, text then HTML. Source: RFC 5322, 2045, 2046, 2047, 3834.
 * Errors: false when it does not fit, or when a value could not stand in a header. */
MUST_USE bool letter_compose(const struct letter_head *head, const struct letter *letter,
                             enum letter_form form, char *text_out, size_t text_bytes,
                             size_t *len_out);

#endif
