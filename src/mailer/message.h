/* A delivery as an RFC 5322 letter. */
#ifndef MAILER_MESSAGE_H
#define MAILER_MESSAGE_H

#include "delivery.h"
#include "gatepost/secret.h"

/* What one letter says; texts with {placeholders} and without markup. */
struct letter_words {
    const char *subject;
    const char *lead;   /* what it is about: a paragraph that goes on from a greeting */
    const char *button; /* what following the link does; NULL: a letter without one */
    const char *small;  /* what to do if it comes as a surprise */
    const char *path;   /* of the link, below http.public_url */
};

/* The words for a purpose, or NULL when it is unknown. */
const struct letter_words *letter_words_of(uint8_t purpose);

/* What stands around the words; LF line ends. link is left out of a letter that has none. */
struct letter_frame {
    const char *before, *link, *after;
};
extern const struct letter_frames {
    struct letter_frame text, html;
} letter_frames;

/* What all letters have in common; borrowed. */
struct letter_head {
    const char *from;              /* canonical address */
    const char *public_url;        /* no slash at the end */
    const struct secret *mail_key; /* of the links */
};

enum compose_result {
    COMPOSED,
    COMPOSE_EXPIRED,    /* the link would not work any more */
    COMPOSE_IMPOSSIBLE, /* the job's content makes no letter */
};

/* Writes the whole letter: CRLF line ends, lines of at most 998 bytes, deterministic for a job, so
 * that a repeat is the same letter with the same Message-ID.
 * Shape: multipart/alternative, text then HTML. Source: RFC 5322, 2045, 2046, 2047, 3834. */
MUST_USE enum compose_result message_compose(const struct letter_head *head,
                                             const struct delivery *delivery, wall_ms now,
                                             char *letter_out, size_t letter_bytes,
                                             size_t *len_out);

#endif
