/* What a status code says about an address: is it to be written to again? */
#ifndef MAILER_BOUNCE_CLASS_H
#define MAILER_BOUNCE_CLASS_H

#include "status_code.h"

/* Does a delivery that failed for good with this status say that the address takes no mail?
 * smtp_code: what the other side said, or 0; of account where the status says little. */
MUST_USE bool bounce_is_hard(const struct status_code *status, unsigned smtp_code);

#endif
