/* Addresses that get no letters: the one place that says so.
 *
 * A hard bounce or a complaint puts an address here, or an operator does. What is written to one
 * becomes a dead row at once. A link that its owner followed shows that mail arrives, and lifts a
 * bounce; so may an operator, who alone lifts the others. An owner who has mended his mailbox would
 * never see such a link: so a day after the report one letter with a link goes out for all that,
 * if somebody asks for it, and one more each day; when it bounces too, the day begins anew. */
#ifndef GATEPOST_STORE_SUPPRESSIONS_H
#define GATEPOST_STORE_SUPPRESSIONS_H

#include "record.h"
#include "rows.h"

#define SUPPRESSION_PROBE_MS (24 * 3600 * 1000LL)
#define SUPPRESSION_WORD     "suppressed: " /* what each reason begins with */

/* By the key of the address. The record's slices point into storage. */
MUST_USE bool suppression_load(struct call *call, struct slice email_key, struct row *storage,
                               struct suppression_row *suppression_out);

/* Does the account's owner have to be told that its address bounced? */
MUST_USE bool suppression_is_bounce(struct call *call, struct slice email_key);

/* Is a letter of that purpose to that address not to be sent? reason_out: a constant sentence,
 * SUPPRESSION_WORD first. A letter that is let through to see whether the mailbox works again is
 * noted as that. */
MUST_USE bool suppression_stops(struct call *call, struct slice email_key, uint8_t purpose,
                                wall_ms now, struct slice *reason_out);

/* Puts an address in, or renews what is there; a reason that is harder to lift stays. Its letters
 * that wait are dead from then on. Returns false when what was there stays as it is. */
bool suppression_put(struct call *call, const struct suppression_row *suppression);

/* Takes one out. Returns false when there was none. */
bool suppression_remove(struct call *call, struct slice email_key);

/* Mail arrives at the address: that lifts a bounce, and nothing else. */
void suppression_disprove(struct call *call, struct slice email_key);

#endif
