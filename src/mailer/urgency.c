/* Invariant: of any URGENCY_PASSED_MAX + 1 letters at least one is of a lower lane, if one waits;
 * and each lower lane has its turn within twice as many. */
#include "urgency.h"

#include "gatepost/store_messages.h"

static const uint8_t urgencies[] = {
    [MAIL_RESET_PASSWORD] = URGENCY_HIGH,    [MAIL_VERIFY] = URGENCY_LINK,
    [MAIL_CHANGE_EMAIL] = URGENCY_LINK,      [MAIL_EMAIL_CHANGE_ASKED] = URGENCY_NOTICE,
    [MAIL_EMAIL_CHANGED] = URGENCY_NOTICE,   [MAIL_PASSWORD_CHANGED] = URGENCY_NOTICE,
    [MAIL_SIGNUP_ATTEMPT] = URGENCY_NOTICE,  [MAIL_TOKEN_REUSED] = URGENCY_NOTICE,
    [MAIL_ACCOUNT_DELETED] = URGENCY_NOTICE,
};

enum urgency urgency_of(uint8_t purpose)
{
    if (purpose == 0 || purpose >= ARRAY_LEN(urgencies))
        return URGENCY_NOTICE;
    return (enum urgency)urgencies[purpose];
}

enum urgency urgency_choose(struct urgency_turns *turns, unsigned ready)
{
    enum urgency chosen = URGENCIES;

    BUG_ON((ready & ((1U << URGENCIES) - 1)) == 0);
    /* Upwards from the lowest: of two that were passed over as often, the lower one goes first,
     * since the other has its turns in its own right. */
    for (unsigned i = URGENCIES; i-- > 0;) {
        if ((ready & (1U << i)) == 0)
            continue;
        if (chosen == URGENCIES || turns->passed[chosen] < URGENCY_PASSED_MAX ||
            turns->passed[chosen] < turns->passed[i])
            chosen = (enum urgency)i;
    }
    for (unsigned i = 0; i < URGENCIES; i++) {
        bool waits = (ready & (1U << i)) != 0 && i != chosen && i > chosen;
        if (waits)
            turns->passed[i]++;
        else if (i == chosen || (ready & (1U << i)) == 0)
            turns->passed[i] = 0;
    }
    return chosen;
}
