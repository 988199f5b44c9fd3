/* An address that takes no mail, as a relay or a report says. */
#ifndef GATEPOST_STORE_BOUNCES_H
#define GATEPOST_STORE_BOUNCES_H

#include "rows.h"

/* Suppresses the address of that letter and tells the audit trail, unless it was known. kind:
 * BOUNCE_HARD or BOUNCE_COMPLAINT; detail: what was said, printable. */
void bounce_suppress(struct call *call, enum bounce_kind kind, const struct uuid *job_id,
                     struct slice to, struct slice detail);

#endif
