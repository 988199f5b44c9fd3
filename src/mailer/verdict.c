/* The verdict table.
 *
 * Before RCPT nothing has been said about the recipient: whatever goes wrong is about the relay, or
 * about our account there. From RCPT on the letter itself may be the reason, even of a dropped
 * connection (a filter that crashes on it), so it goes to the back with a counted try and cannot
 * hold up the others. Lost after the dot is ambiguous: at least once, so it is sent again. */
#include "verdict.h"

#define DELIVERED                                                                                  \
    {                                                                                              \
        VERDICT_DELIVERED, false                                                                   \
    }
#define RELAY                                                                                      \
    {                                                                                              \
        VERDICT_RELAY, true                                                                        \
    }
#define LATER                                                                                      \
    {                                                                                              \
        VERDICT_RETRY, false                                                                       \
    }
#define SLOWER                                                                                     \
    {                                                                                              \
        VERDICT_RETRY, true                                                                        \
    }
#define REFUSED                                                                                    \
    {                                                                                              \
        VERDICT_REFUSED, false                                                                     \
    }

static const struct judgement table[SMTP_STAGES][SMTP_ANSWERS] = {
    /*                      NONE    YES        LATER  CLOSING NO       LOCKED */
    [SMTP_STAGE_SESSION] = {RELAY, RELAY, RELAY, RELAY, RELAY, RELAY},
    [SMTP_STAGE_MAIL] = {RELAY, RELAY, RELAY, RELAY, RELAY, RELAY},
    [SMTP_STAGE_RCPT] = {SLOWER, SLOWER, LATER, SLOWER, REFUSED, RELAY},
    [SMTP_STAGE_DATA] = {SLOWER, SLOWER, LATER, SLOWER, REFUSED, RELAY},
    [SMTP_STAGE_DOT] = {SLOWER, DELIVERED, LATER, SLOWER, REFUSED, RELAY},
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
