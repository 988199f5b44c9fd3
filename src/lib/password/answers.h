/* Known answers of what libraries compute, asked before anything is computed by them. */
#ifndef GATEPOST_PASSWORD_ANSWERS_H
#define GATEPOST_PASSWORD_ANSWERS_H

#include "gatepost/base.h"

/* One answer of each method that is one call, with the least parameters. Logs which is wrong.
 * Cost: about 8 ms. */
MUST_USE bool password_answers_right(void);

#endif
