/* The table of what counts as the address's fault.
 *
 * One report suppresses an address, and somebody whose address is suppressed cannot even reset a
 * password: so only what says that there is no such mailbox, no such domain, or that it is closed
 * counts. What is about the letter, its sender, a policy, a full mailbox or the way there does not,
 * however permanent: it is noted, and the next letter is tried.
 * Source: RFC 3463 section 3, RFC 5248, RFC 7505, RFC 7293; what Postfix, Exim (which reports
 * everything as 5.0.0 and leaves the rest to the diagnostic), Exchange Online and Outlook.com say.
 */
#include "bounce_class.h"

#define ANY 1000U /* details are at most 999 */

enum weight {
    SOFT,
    HARD,
    IF_SAID, /* hard when the other side refused the recipient: 550, 551 or 553 (RFC 5321 4.2.3) */
};

static const struct row {
    unsigned subject, detail;
    enum weight weight;
    const char *reason; /* for the reader */
} rows[] = {
    /* Subject 1: addresses. */
    {1, 0, HARD, "the address, for a reason that has no number"},
    {1, 1, HARD, "no such mailbox"},
    {1, 2, HARD, "no such domain"},
    {1, 3, HARD, "the other side calls the address malformed"},
    {1, 4, HARD, "ambiguous: nobody in particular"},
    {1, 6, HARD, "moved, and nobody says where to"},
    {1, 7, SOFT, "our sender address is malformed: our fault"},
    {1, 8, SOFT, "our sender's domain: our fault"},
    {1, 10, HARD, "the domain takes no mail (null MX, RFC 7505); Exchange: no such recipient"},
    {1, 351, HARD, "Exchange Online: the remote domain has no such recipient"},
    {1, ANY, SOFT, "9 is about conversion; others are not assigned"},
    /* Subject 2: the mailbox exists, but. */
    {2, 1, HARD, "disabled"},
    {2, 2, SOFT, "full: it may be emptied"},
    {2, 3, SOFT, "the letter is too long for it"},
    {2, ANY, SOFT, "expansion of a list, and others"},
    /* Subject 3: the other system, or its limits. 3.4 is a letter too big. */
    {3, ANY, SOFT, "the system's state, not the address"},
    /* Subject 4: network and routing. */
    {4, 1, IF_SAID, "no answer from the host; but Exchange Online refuses unknown recipients so"},
    {4, 4, HARD, "Postfix: the domain has no host that takes mail"},
    {4, 310, HARD, "Exchange Online: the domain does not exist"},
    {4, ANY, SOFT, "loops, time-outs, congestion: the way, not the address"},
    /* Subject 5: protocol. */
    {5, 0, IF_SAID, "Outlook.com: 550 5.5.0, mailbox unavailable"},
    {5, ANY, SOFT, "between the relays: our fault or theirs"},
    /* Subject 6: the content. */
    {6, ANY, SOFT, "the letter, not the address"},
    /* Subject 7: policy and security. */
    {7, 17, HARD, "the mailbox belongs to somebody else now (RFC 7293)"},
    {7, ANY, SOFT, "refused as spam, by reputation or by rule: about us"},
    /* Subject 0, and what is not assigned. */
    {0, ANY, IF_SAID, "says nothing; Exim writes it always"},
};

bool bounce_is_hard(const struct status_code *status, unsigned smtp_code)
{
    if (status->class != 5)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        if (row->subject != status->subject ||
            (row->detail != status->detail && row->detail != ANY))
            continue;
        if (row->weight != IF_SAID)
            return row->weight == HARD;
        return smtp_code == 550 || smtp_code == 551 || smtp_code == 553;
    }
    return false; /* a subject that does not exist */
}
