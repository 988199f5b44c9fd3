/* The ring of keys that tokens are signed and checked with. Every key is parsed once, when the ring
 * is made; a changed directory is a new ring, that is a new worker. What each key is good for at a
 * given second follows from the times in its name (token_files.h), without a reload. */
#ifndef GATEPOST_TOKEN_KEYS_H
#define GATEPOST_TOKEN_KEYS_H

#include "gatepost/clock.h"
#include "gatepost/secret.h"
#include "gatepost/token_files.h"

struct token_keys;

/* Loads token.secret_file and every key of the directory that still checks something.
 * Who calls it: a worker, before it gives up its rights; `gatepost check`.
 * Returns NULL with a sentence: a key file that secret_load refuses, is no PKCS#8 or not of the
 * algorithm in its name, an RSA key under 2048 bits; no key of token.algorithm.
 * Owner: the caller; token_keys_free. */
MUST_USE struct token_keys *token_keys_load(const struct token_rules *rules, struct err *err);

/* A ring of one HS256 key without kid, as there is when token.key_dir is empty. secret: copied. */
struct token_keys *token_keys_of_secret(const struct secret *secret);
void token_keys_free(struct token_keys **keys);

/* token.secret_file, which everything but tokens is derived from, whatever token.algorithm is.
 * Lives as long as the ring. */
const struct secret *token_keys_secret(const struct token_keys *keys);

/* {"keys":[...]} (RFC 7517, 7518, 8037): the public halves of those keys that sign, are to sign or
 * still check. Made once, and again when a key's time is over. Valid until the next call: copy it.
 * Who calls it: the thread that owns the ring. */
struct slice token_keys_jwks(struct token_keys *keys, wall_ms now);

#endif
