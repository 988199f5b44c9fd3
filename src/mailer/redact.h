/* What others say about a letter may quote it: a filter that names the link it did not like. Their
 * words go to the log and to operators, the link to neither. */
#ifndef MAILER_REDACT_H
#define MAILER_REDACT_H

#include "gatepost/base.h"

/* Writes stars over whatever could be a letter's token (gatepost/proof_token.h): so many of its
 * letters, or more, in a row. */
void redact_tokens(char *text, size_t len);

#endif
