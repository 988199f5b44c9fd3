/* What a status code says about an address: is it to be written to again? */
#ifndef MAILER_BOUNCE_CLASS_H
#define MAILER_BOUNCE_CLASS_H

#include "gatepost/base.h"

/* RFC 3463: class.subject.detail. class 0: there is none. */
struct status_code {
    unsigned class, subject, detail;
};

/* The first one in the text: "5.1.1", "550 5.1.1 ...", "(#5.1.1)". Only classes 2, 4 and 5, and not
 * a piece of a longer number, such as an IP address. False, with *code_out zero: there is none. */
MUST_USE bool status_code_find(struct slice text, struct status_code *code_out);

/* The first SMTP code of class 4 or 5 that begins a word, or 0: "smtp; 550 no such user" is 550. */
unsigned smtp_code_find(struct slice text);

/* Does a delivery that failed for good with this status say that the address takes no mail?
 * smtp_code: what the other side said, or 0; of account where the status says little. */
MUST_USE bool bounce_is_hard(const struct status_code *status, unsigned smtp_code);

#endif
