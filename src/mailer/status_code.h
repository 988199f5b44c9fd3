/* Enhanced status codes (RFC 3463) and SMTP's own, as text has them. */
#ifndef MAILER_STATUS_CODE_H
#define MAILER_STATUS_CODE_H

#include "gatepost/base.h"

/* RFC 3463: class.subject.detail. class 0: there is none. */
struct status_code {
    unsigned class, subject, detail;
};

/* Takes one off the front: three numbers of one to three digits between dots, whatever the class
 * and whatever comes behind. False: there is none, and *text has been read into. */
MUST_USE bool status_code_take(struct slice *text, struct status_code *code_out);

/* The first one in the text: "5.1.1", "550 5.1.1 ...", "(#5.1.1)". Only classes 2, 4 and 5, and not
 * a piece of a longer number, such as an IP address. False, with *code_out zero: there is none. */
MUST_USE bool status_code_find(struct slice text, struct status_code *code_out);

/* The first SMTP code of class 4 or 5 that begins a word, or 0: "smtp; 550 no such user" is 550. */
unsigned smtp_code_find(struct slice text);

#endif
