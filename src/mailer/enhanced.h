/* Enhanced status codes (RFC 3463, RFC 5248): what a relay means beside the three digits. */
#ifndef MAILER_ENHANCED_H
#define MAILER_ENHANCED_H

#include "gatepost/base.h"

/* What a no to a recipient or to a letter is about, and what helps. */
enum reply_sense {
    SENSE_LATER,        /* this mailbox, or this letter, later */
    SENSE_LATER_DOMAIN, /* the recipient's domain, or the way to it: later */
    SENSE_LATER_RELAY,  /* the relay's own system: later, and less of everything */
    SENSE_GREYLISTED,   /* nothing is wrong: it wants to see us come again */
    SENSE_ACCOUNT,      /* our account with the relay: nobody's letters go until that is mended */
    SENSE_NEVER,
};

/* code: 4xx or 5xx, the reply's. reply: its text from the code on. */
enum reply_sense reply_sense(unsigned code, struct slice reply);

#endif
