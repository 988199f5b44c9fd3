/* One LMTP conversation: bytes in, replies out, no sockets.
 *
 * The peer is local, and hostile all the same: every line, message, list and reply is bounded, and
 * whatever it sends costs this conversation only. Source: RFC 2033, with the commands of RFC 5321.
 *
 * Who uses it feeds bytes, does what the step says, and sends `out` before it feeds more. */
#ifndef MAILER_LMTP_H
#define MAILER_LMTP_H

#include "gatepost/email.h"

#define LMTP_LINE_MAX_BYTES    1024   /* of a command, with its CRLF; RFC 5321 4.5.3.1.4 has 512 */
#define LMTP_MESSAGE_MAX_BYTES 262144 /* what SIZE offers */
#define LMTP_RECIPIENTS_MAX    16
#define LMTP_ERRORS_MAX        10 /* commands that make no sense, or recipients that are not ours */
#define LMTP_OUT_BYTES         4096
#define LMTP_REPLY_MAX_BYTES   128

enum lmtp_step {
    LMTP_STEP_WAIT,      /* for more bytes, or until `out` is sent */
    LMTP_STEP_RECIPIENT, /* say whether `address` is one of ours: lmtp_recipient */
    LMTP_STEP_MESSAGE,   /* `message` is whole: lmtp_answer for each recipient */
    LMTP_STEP_CLOSE,     /* send `out`, then close */
};

enum lmtp_answer {
    LMTP_ANSWER_NONE, /* not yet */
    LMTP_ANSWER_NOTED,
    LMTP_ANSWER_IGNORED,   /* taken, so that nobody keeps it in a queue */
    LMTP_ANSWER_TRY_AGAIN, /* 451: the store is away */
    LMTP_ANSWERS
};

enum lmtp_state { LMTP_COMMANDS, LMTP_DATA, LMTP_ANSWERING, LMTP_CLOSED };

struct lmtp {
    enum lmtp_state state;
    bool has_hello;
    bool has_sender;
    unsigned errors;
    size_t recipient_count;
    char recipients[LMTP_RECIPIENTS_MAX][EMAIL_MAX_BYTES + 1]; /* as given, printable ASCII */
    enum lmtp_answer answers[LMTP_RECIPIENTS_MAX];
    char address[EMAIL_MAX_BYTES + 1]; /* of the step LMTP_STEP_RECIPIENT */
    size_t line_len;
    bool line_is_too_long; /* the rest of it is dropped */
    char line[LMTP_LINE_MAX_BYTES];
    unsigned dot;         /* of DATA: how much of CRLF.CRLF was seen; see lmtp.c */
    char *message;        /* without the dots that were stuffed; NULL outside DATA */
    size_t message_len;   /* with message_is_too_large: meaningless */
    size_t message_bytes; /* allocated */
    bool message_is_too_large;
    size_t out_len;
    char out[LMTP_OUT_BYTES];
};

/* Begins with the greeting in `out`. */
void lmtp_init(struct lmtp *lmtp);
void lmtp_fini(struct lmtp *lmtp);

/* Takes bytes until they are used up, something is to be done, or `out` has no room for one more
 * reply; moves the slice past them. */
enum lmtp_step lmtp_feed(struct lmtp *lmtp, struct slice *bytes);

/* The word on `address`; after it feed goes on. */
void lmtp_recipient(struct lmtp *lmtp, bool is_ours);

/* The word on one recipient of the message. Once all have theirs, the replies stand in `out`, in
 * order, the message is gone, and feed goes on. */
void lmtp_answer(struct lmtp *lmtp, size_t recipient, enum lmtp_answer answer);

/* The first len bytes of `out` are sent. */
void lmtp_sent(struct lmtp *lmtp, size_t len);

/* 421, and nothing more is taken. Whatever was under way is dropped. */
void lmtp_dismiss(struct lmtp *lmtp, const char *why);

#endif
