/* The replies of an SMTP session, taken apart: what to do next, and how it ended.
 *
 * The bytes come from a relay, so they are hostile: anything, in any order, any number.
 * Source: RFC 5321 section 4.2 (replies), RFC 2920 (which may be sent together). */
#ifndef MAILER_SMTP_REPLY_H
#define MAILER_SMTP_REPLY_H

#include "delivery.h"
#include "verdict.h"

#define SMTP_LINE_MAX_BYTES 1024 /* RFC 5321 section 4.5.3.1.5 has 512; the rest is dropped */

/* What the relay's EHLO offered, behind TLS where there is TLS. */
struct smtp_offers {
    bool pipelining;     /* RFC 2920 */
    bool eightbit;       /* 8BITMIME, RFC 6152 */
    bool utf8;           /* SMTPUTF8, RFC 6531 */
    bool size;           /* RFC 1870 */
    bool enhanced_codes; /* ENHANCEDSTATUSCODES, RFC 2034 */
    uint64_t size_max;   /* bytes of a letter; 0: no limit that it tells */
};

enum smtp_step {
    SMTP_STEP_WAIT,    /* for more bytes */
    SMTP_STEP_COMMAND, /* send the command of `stage` (not with pipelining: it was sent) */
    SMTP_STEP_LETTER,  /* 354: send the letter */
    SMTP_STEP_END,     /* judge */
};

struct smtp_dialogue {
    enum smtp_stage stage; /* whose reply is awaited, or was judged */
    struct smtp_offers offers;
    bool logged_in;        /* the session's replies had a 235 */
    bool awaits_reset;     /* RSET went first */
    bool refused;          /* RCPT was: DATA's reply is read and dropped */
    bool out_of_step;      /* the connection is good for nothing more */
    unsigned code;         /* that ended the transaction; 0: none did */
    unsigned session_code; /* of the session's last line */
    bool text_is_whole;    /* the next line begins another reply */
    size_t line_len;
    size_t text_len;
    char line[SMTP_LINE_MAX_BYTES];
    char text[DELIVERY_REPLY_MAX_BYTES]; /* last reply, printable; its lines joined by a space */
};

/* A new connection. Then every line of the session's replies (greeting to AUTH), as libcurl hands
 * them over. Returns false for one that belongs to no reply: whoever speaks there is no relay. */
void smtp_dialogue_connect(struct smtp_dialogue *dialogue);
MUST_USE bool smtp_dialogue_session_line(struct smtp_dialogue *dialogue, struct slice line);

/* A transaction: MAIL, one RCPT, DATA, the letter. with_reset: RSET goes before. */
void smtp_dialogue_begin(struct smtp_dialogue *dialogue, bool with_reset);

/* Takes bytes until they are used up or something is to be done; moves the slice past them. */
enum smtp_step smtp_dialogue_feed(struct smtp_dialogue *dialogue, struct slice *bytes);

/* The last byte of the letter is out: what is awaited now is the reply to its dot. */
void smtp_dialogue_letter_sent(struct smtp_dialogue *dialogue);

/* After SMTP_STEP_END, or when the connection was lost. */
enum smtp_answer smtp_dialogue_answer(const struct smtp_dialogue *dialogue);

#endif
