/* What a message reports: that a letter failed, waits, or is complained about.
 *
 * Understood are delivery status notifications (RFC 3464, RFC 6533), feedback reports (ARF, RFC
 * 5965), qmail's bounces (QSBMF) and those that name their address in X-Failed-Recipients. All else
 * (replies, vacation notes, receipts) is no report. The message may be anything: reading it is
 * total, linear in its length, and believes nothing but what bounce.c can match to a letter. */
#ifndef MAILER_REPORT_H
#define MAILER_REPORT_H

#include "gatepost/email.h"
#include "gatepost/uuid.h"
#include "mime_read.h"

#define REPORT_STATUS_BYTES   12  /* "5.123.456" */
#define REPORT_DETAIL_BYTES   513 /* with its NUL; a store's bounce note takes as much */
#define REPORT_ADDRESSES_MAX  8
#define REPORT_ADDRESS_BYTES  (EMAIL_MAX_BYTES + 1)
#define REPORT_TEXT_MAX_BYTES 16384 /* of a bounce in free text this much is read */

enum report_kind {
    REPORT_NONE,      /* it is no report */
    REPORT_HARMLESS,  /* delivered, relayed, "not spam": nothing follows */
    REPORT_SOFT,      /* not delivered so far, or for a reason that is not the address */
    REPORT_HARD,      /* the address takes no mail */
    REPORT_COMPLAINT, /* who got the letter calls it unwanted */
};

struct report {
    enum report_kind kind;
    char recipient[EMAIL_MAX_BYTES + 1]; /* whom the report names, canonical; "": nobody */
    char status[REPORT_STATUS_BYTES];    /* "5.1.1"; of a complaint "abuse"; "" */
    char detail[REPORT_DETAIL_BYTES];    /* printable ASCII; "" */
    bool has_job;                        /* a Message-ID of ours stands in it */
    struct uuid job_id;
    /* What may be a return path of ours: of the message's and the returned letter's header. */
    size_t address_count;
    char addresses[REPORT_ADDRESSES_MAX][REPORT_ADDRESS_BYTES];
};

/* domain: of the Message-IDs of our letters. Cost: some copies of the message. */
void report_read(struct slice message, const char *domain, struct report *report_out);

/* report_fields.c: the parts that are lists of fields. Each takes what it finds into the report,
 * over what is there if it is worse. */
void report_read_status(struct report *report, struct slice fields);
void report_read_feedback(struct report *report, struct slice fields);
/* Bounces in free text: recipients that the text names, and what was said about them. */
void report_read_qmail(struct report *report, struct slice text);
void report_read_failed(struct report *report, const char *recipient, struct slice text);

/* "rfc822; <a@b.example>" or an address alone; "" for whatever is none that we could have mailed
 * to. */
void report_take_address(const char *value, char address_out[EMAIL_MAX_BYTES + 1]);

#endif
