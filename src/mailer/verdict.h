/* What an attempt's end means for the letter, and for the relay. */
#ifndef MAILER_VERDICT_H
#define MAILER_VERDICT_H

#include "gatepost/base.h"

/* How far the attempt came: what the last command was about. */
enum smtp_stage {
    SMTP_STAGE_SESSION, /* connect, greeting, EHLO, STARTTLS, AUTH */
    SMTP_STAGE_MAIL,
    SMTP_STAGE_RCPT,
    SMTP_STAGE_DATA, /* the command, and the letter up to its final dot */
    SMTP_STAGE_DOT,
    SMTP_STAGES
};

/* What came last. */
enum smtp_answer {
    SMTP_ANSWER_NONE,    /* no reply to it: lost, timed out, or no sense */
    SMTP_ANSWER_YES,     /* 2xx */
    SMTP_ANSWER_LATER,   /* 4xx but 421 */
    SMTP_ANSWER_CLOSING, /* 421 */
    SMTP_ANSWER_NO,      /* 5xx but the next */
    SMTP_ANSWER_LOCKED,  /* 530, 534, 535, 538: TLS or AUTH is missing or wrong */
    SMTP_ANSWERS
};

enum verdict {
    VERDICT_DELIVERED,
    VERDICT_RETRY,   /* this letter, later */
    VERDICT_REFUSED, /* this letter, never */
    VERDICT_RELAY,   /* not about the letter: it stays in hand, its tries are not counted */
};

/* What it says of the recipient's domain. */
enum domain_word {
    DOMAIN_UNTOUCHED,
    DOMAIN_WORKS,  /* it, or the relay for it, took a letter or judged one */
    DOMAIN_DEFERS, /* several in a row: it wants less */
    DOMAIN_LOST,   /* the attempt came to nothing when it was named: held against it at once */
};

struct judgement {
    enum verdict verdict;
    bool relay_troubled; /* send less to this relay, or nothing for a while; if domain is not
                            DOMAIN_UNTOUCHED, only when it meets other domains' letters as well */
    enum domain_word domain;
    bool greylisted; /* VERDICT_RETRY, soon */
};

enum smtp_answer smtp_answer_of_code(unsigned code);

/* The table. Source: RFC 5321 sections 4.2 and 4.5.4; RFC 1047 for what is lost after the dot. */
struct judgement verdict_of(enum smtp_stage stage, enum smtp_answer answer);

/* The same for a reply: code 0 when none came. From RCPT on its enhanced status code, in reply (the
 * text from the code on), has its say. */
struct judgement verdict_of_reply(enum smtp_stage stage, unsigned code, struct slice reply);

#endif
