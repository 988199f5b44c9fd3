/* Which letter goes first. */
#ifndef MAILER_URGENCY_H
#define MAILER_URGENCY_H

#include "gatepost/base.h"

enum urgency {
    URGENCY_HIGH, /* somebody sits before a form and cannot get in */
    URGENCY_LINK, /* somebody waits for a link, and can get in without it */
    URGENCY_NOTICE,
    URGENCIES
};

/* purpose: enum mail_purpose. One that the table does not name is a notice. */
enum urgency urgency_of(uint8_t purpose);

/* A lane that has something is passed over so often at most: strict order, without starving. */
#define URGENCY_PASSED_MAX 15U

struct urgency_turns {
    uint32_t passed[URGENCIES]; /* letters that went before those of this lane, which waited */
};

/* The lane whose turn it is, of those that have something to send: bit 1 << urgency, at least one
 * of them is set. Counts the turn as taken. */
enum urgency urgency_choose(struct urgency_turns *turns, unsigned ready);

#endif
