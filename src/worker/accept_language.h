/* The language that somebody reads: a tag of BCP 47 (RFC 5646), as a body or a header names it. */
#ifndef WORKER_ACCEPT_LANGUAGE_H
#define WORKER_ACCEPT_LANGUAGE_H

#include "gatepost/base.h"

#define LANGUAGE_MAX_BYTES 35 /* RFC 5646 section 4.4.1 */

/* In the canonical case of RFC 5646 section 2.1.1: "pt-BR", "zh-Hans-CN"; "" is none. */
struct language {
    char tag[LANGUAGE_MAX_BYTES + 1];
};

/* Reads one well-formed tag. What its subtags stand for is not looked up: letters are there in few
 * languages, and a tag without one is answered with the next that fits or the default.
 * Returns false for any other text, an empty one too. */
MUST_USE bool language_read(struct slice text, struct language *language_out);

/* The one that an Accept-Language header asks for most: the highest weight, of equal ones the
 * first. Elements that are no tag ("*" is none) or have weight 0 are passed over. "" when nothing
 * is left. Source: RFC 9110 section 12.5.4. */
struct language language_accepted(struct slice header);

#endif
