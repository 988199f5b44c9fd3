/* The table of enhanced status codes, with the reasons.
 *
 * Who decides when the digits and the enhanced code are of different classes (RFC 2034 section 4
 * forbids it, and it happens): whoever of them says "later". A letter that is tried in vain costs a
 * few tries, and its life ends them; one that is refused in error is lost to who waits for it. So a
 * letter is refused only where both say so, or where there is one of them.
 *
 * Without an enhanced code the digits decide, and the words tell a greylisting. */
#include "enhanced.h"

#include <strings.h>

#include "status_code.h"

#define ANY 0xffffU

static const struct {
    unsigned subject, detail;
    enum reply_sense transient; /* when it is said with 4xx, or as 4.x.x */
    enum reply_sense permanent;
} table[] = {
    /* X.1: addresses. 1.7 and 1.8 are about the sender's, mail.from, which the operator can mend:
     * nobody's letter is to be lost for it; nor does one domain that is strict stop the others. */
    {1, 7, SENSE_LATER_DOMAIN, SENSE_LATER_DOMAIN},
    {1, 8, SENSE_LATER_DOMAIN, SENSE_LATER_DOMAIN},
    {1, ANY, SENSE_LATER, SENSE_NEVER},
    /* X.2: the mailbox. A full one is emptied some day, whichever digits say it (552 of old). */
    {2, 2, SENSE_LATER, SENSE_LATER},
    {2, ANY, SENSE_LATER, SENSE_NEVER},
    /* X.3: the system of who answers. Full, shut or set up wrongly passes; 3.3 and 3.4 (a feature,
     * the size) are about this letter for good; 5.3.0 is what sendmail says for "access denied". */
    {3, 1, SENSE_LATER_RELAY, SENSE_LATER_RELAY},
    {3, 2, SENSE_LATER_RELAY, SENSE_LATER_RELAY},
    {3, 4, SENSE_LATER, SENSE_NEVER},
    {3, 5, SENSE_LATER_RELAY, SENSE_LATER_RELAY},
    {3, ANY, SENSE_LATER_RELAY, SENSE_NEVER},
    /* X.4: the network and the routes behind the relay. 5.4.1 is what Exchange Online says to an
     * address that does not exist, 5.4.4 that the domain does not; a loop (4.6), a directory that
     * does not answer (4.3), a bad connection, congestion (4.2, 4.5) are mended by somebody. */
    {4, 2, SENSE_LATER_DOMAIN, SENSE_LATER_DOMAIN},
    {4, 3, SENSE_LATER_DOMAIN, SENSE_LATER_DOMAIN},
    {4, 5, SENSE_LATER_DOMAIN, SENSE_LATER_DOMAIN},
    {4, 6, SENSE_LATER_DOMAIN, SENSE_LATER_DOMAIN},
    {4, ANY, SENSE_LATER_DOMAIN, SENSE_NEVER},
    /* X.5: the protocol; X.6: the content. The same letter would meet the same answer. */
    {5, ANY, SENSE_LATER, SENSE_NEVER},
    {6, ANY, SENSE_LATER, SENSE_NEVER},
    /* X.7: policy. 4.7.1 is the code of a greylisting; 7.8 to 7.14 (RFC 4954, RFC 5248) are about
     * our login and its encryption; 7.28 is a flood, which less of it ends. The others are refused
     * with their reason: 7.20 to 7.27 say that our signature, SPF or name is not good enough, which
     * the operator reads there, and sends the letters again. */
    {7, 0, SENSE_GREYLISTED, SENSE_NEVER},
    {7, 1, SENSE_GREYLISTED, SENSE_NEVER},
    {7, 8, SENSE_ACCOUNT, SENSE_ACCOUNT},
    {7, 9, SENSE_ACCOUNT, SENSE_ACCOUNT},
    {7, 10, SENSE_ACCOUNT, SENSE_ACCOUNT},
    {7, 11, SENSE_ACCOUNT, SENSE_ACCOUNT},
    {7, 12, SENSE_ACCOUNT, SENSE_ACCOUNT},
    {7, 13, SENSE_ACCOUNT, SENSE_ACCOUNT},
    {7, 14, SENSE_ACCOUNT, SENSE_ACCOUNT},
    {7, 28, SENSE_LATER_DOMAIN, SENSE_LATER_DOMAIN},
    {7, ANY, SENSE_LATER_DOMAIN, SENSE_NEVER},
    /* X.0 and what is not known yet: the digits. */
    {ANY, ANY, SENSE_LATER_DOMAIN, SENSE_NEVER},
};

/* "550 5.1.1 no such user": behind the digits and one character (RFC 2034 section 3). */
static bool read_status(struct slice reply, struct status_code *status_out)
{
    if (reply.len < 4)
        return false;
    struct slice text = slice_of(reply.at + 4, reply.len - 4);

    return status_code_take(&text, status_out) &&
           (text.len == 0 || text.at[0] == ' ' || text.at[0] == '\t') &&
           (status_out->class == 4 || status_out->class == 5);
}

static bool has_words(struct slice text, const char *words)
{
    size_t len = strlen(words);

    for (size_t i = 0; i + len <= text.len; i++) {
        if (strncasecmp(text.at + i, words, len) == 0)
            return true;
    }
    return false;
}

/* Postgrey and its like say 4.2.0, 4.7.1 or nothing, and the word. */
static bool says_greylisted(struct slice reply)
{
    return has_words(reply, "greylist") || has_words(reply, "graylist") ||
           has_words(reply, "grey list");
}

static enum reply_sense sense_of(const struct status_code *status, bool is_permanent)
{
    size_t i = 0;

    while ((table[i].subject != status->subject && table[i].subject != ANY) ||
           (table[i].detail != status->detail && table[i].detail != ANY))
        i++;
    return is_permanent ? table[i].permanent : table[i].transient;
}

enum reply_sense reply_sense(unsigned code, struct slice reply)
{
    struct status_code status = {0};
    bool has_status = read_status(reply, &status);
    bool is_permanent = code >= 500 && (!has_status || status.class == 5);
    bool is_greylist_code = code == 450 || code == 451;

    if (is_greylist_code &&
        (says_greylisted(reply) || (!has_status && has_words(reply, "try again later"))))
        return SENSE_GREYLISTED;
    if (!has_status)
        return is_permanent ? SENSE_NEVER : SENSE_LATER_DOMAIN;
    enum reply_sense sense = sense_of(&status, is_permanent);
    if (sense == SENSE_GREYLISTED && !is_greylist_code)
        return SENSE_LATER_DOMAIN;
    return sense;
}
