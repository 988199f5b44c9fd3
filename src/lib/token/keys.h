/* The ring, as signing and checking see it. Private to this folder. */
#ifndef TOKEN_KEYS_H
#define TOKEN_KEYS_H

#include "gatepost/token_keys.h"

#include "key.h"

/* The key that signs at that time. */
const struct token_key *keys_signing(const struct token_keys *keys, int64_t now_s);

/* The key whose own header this is, or that has this kid ("" for none); NULL: there is none, or its
 * time is over. */
const struct token_key *keys_of_header(const struct token_keys *keys, struct slice header,
                                       int64_t now_s);
const struct token_key *keys_of_kid(const struct token_keys *keys, struct slice kid, int64_t now_s);

#endif
