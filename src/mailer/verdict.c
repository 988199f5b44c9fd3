/* The verdict table.
 *
 * Before RCPT nothing has been said about the recipient: whatever goes wrong is about the relay, or
 * about our account there. From RCPT on the letter itself may be the reason, even of a dropped
 * connection (a filter that crashes on it), so it goes to the back with a counted try and cannot
 * hold up the others. Lost after the dot is ambiguous: at least once, so it is sent again. */
#include "verdict.h"

#include "enhanced.h"

/* What sounds like our login from RCPT on may be a recipient's server whose words the relay passes
 * on: it is held against the domain, and against the relay only if other domains meet it too. */
/* clang-format off */
#define DELIVERED {VERDICT_DELIVERED, false, DOMAIN_WORKS, false}
#define RELAY     {VERDICT_RELAY, true, DOMAIN_UNTOUCHED, false}
#define ACCOUNT   {VERDICT_RELAY, true, DOMAIN_DEFERS, false}
#define LATER     {VERDICT_RETRY, false, DOMAIN_DEFERS, false}
#define CLOSING   {VERDICT_RETRY, true, DOMAIN_UNTOUCHED, false}
#define LOST      {VERDICT_RETRY, true, DOMAIN_LOST, false}
#define REFUSED   {VERDICT_REFUSED, false, DOMAIN_WORKS, false}
/* clang-format on */

static const struct judgement table[SMTP_STAGES][SMTP_ANSWERS] = {
    /*                      NONE    YES        LATER  CLOSING NO       LOCKED */
    [SMTP_STAGE_SESSION] = {RELAY, RELAY, RELAY, RELAY, RELAY, RELAY},
    [SMTP_STAGE_MAIL] = {RELAY, RELAY, RELAY, RELAY, RELAY, RELAY},
    [SMTP_STAGE_RCPT] = {LOST, LOST, LATER, CLOSING, REFUSED, ACCOUNT},
    [SMTP_STAGE_DATA] = {LOST, LOST, LATER, CLOSING, REFUSED, ACCOUNT},
    [SMTP_STAGE_DOT] = {LOST, DELIVERED, LATER, CLOSING, REFUSED, ACCOUNT},
};

struct judgement verdict_of(enum smtp_stage stage, enum smtp_answer answer)
{
    BUG_ON(stage >= SMTP_STAGES || answer >= SMTP_ANSWERS);
    return table[stage][answer];
}

enum smtp_answer smtp_answer_of_code(unsigned code)
{
    if (code == 421)
        return SMTP_ANSWER_CLOSING;
    if (code == 530 || code == 534 || code == 535 || code == 538)
        return SMTP_ANSWER_LOCKED;
    if (code >= 200 && code < 300)
        return SMTP_ANSWER_YES;
    if (code >= 400 && code < 500)
        return SMTP_ANSWER_LATER;
    if (code >= 500 && code < 600)
        return SMTP_ANSWER_NO;
    return SMTP_ANSWER_NONE;
}

static struct judgement judgement_of(enum reply_sense sense)
{
    switch (sense) {
    case SENSE_LATER: /* the domain works: it knows its mailboxes */
        return (struct judgement){.verdict = VERDICT_RETRY, .domain = DOMAIN_WORKS};
    case SENSE_LATER_DOMAIN:
        return (struct judgement)LATER;
    case SENSE_LATER_RELAY:
        return (struct judgement){
            .verdict = VERDICT_RETRY, .relay_troubled = true, .domain = DOMAIN_DEFERS};
    case SENSE_GREYLISTED:
        return (struct judgement){.verdict = VERDICT_RETRY, .greylisted = true};
    case SENSE_ACCOUNT:
        return (struct judgement)ACCOUNT;
    case SENSE_NEVER:
        return (struct judgement)REFUSED;
    }
    BUG_ON("a sense that does not exist");
    return (struct judgement)RELAY;
}

struct judgement verdict_of_reply(enum smtp_stage stage, unsigned code, struct slice reply)
{
    enum smtp_answer answer = smtp_answer_of_code(code);

    if (stage >= SMTP_STAGE_RCPT && (answer == SMTP_ANSWER_LATER || answer == SMTP_ANSWER_NO))
        return judgement_of(reply_sense(code, reply));
    return verdict_of(stage, answer);
}
