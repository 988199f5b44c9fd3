/* The token in a letter's link: the proof's id and a MAC over purpose and id under the mail key,
 * as base64url. The database holds the id alone, so a stolen backup opens no account. */
#ifndef GATEPOST_PROOF_TOKEN_H
#define GATEPOST_PROOF_TOKEN_H

#include "gatepost/base.h"
#include "gatepost/encoding.h"
#include "gatepost/secret.h"
#include "gatepost/uuid.h"

#define PROOF_TOKEN_MAC_BYTES  24
#define PROOF_TOKEN_TEXT_BYTES BASE64URL_TEXT_BYTES(UUID_BYTES + PROOF_TOKEN_MAC_BYTES)

/* Who calls it: the mailer, when it composes. purpose: enum mail_purpose, as a number. */
void proof_token_make(const struct secret *mail_key, uint8_t purpose, const struct uuid *proof_id,
                      char text_out[PROOF_TOKEN_TEXT_BYTES]);

/* Who calls it: the worker that got the link. False for any text that we did not make for this
 * purpose. */
MUST_USE bool proof_token_check(const struct secret *mail_key, uint8_t purpose, struct slice text,
                                struct uuid *proof_id_out);

#endif
