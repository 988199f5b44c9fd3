/* PBKDF2-HMAC-SHA-256 with 32 bytes of output (RFC 8018, section 5.2): one chain, in steps, so that
 * whoever runs it can stop or turn to something else in between. */
#ifndef GATEPOST_PASSWORD_PBKDF2_H
#define GATEPOST_PASSWORD_PBKDF2_H

#include "gatepost/base.h"

#define PBKDF2_BYTES 32
#define PBKDF2_WORDS 8

/* Holds what a password could be found from: pbkdf2_chain_end wipes it. */
struct pbkdf2_chain {
    uint32_t inner[PBKDF2_WORDS]; /* SHA-256 after the key's inner pad */
    uint32_t outer[PBKDF2_WORDS]; /* and after the outer pad */
    uint32_t last[PBKDF2_WORDS];  /* the newest U */
    uint32_t sum[PBKDF2_WORDS];   /* all of them, exclusive-or */
    uint32_t left;                /* iterations to go */
};

/* iterations: 1 or more. The password is not needed any more afterwards. */
void pbkdf2_chain_begin(struct pbkdf2_chain *chain, struct slice password, struct slice salt,
                        uint32_t iterations);

/* Runs at most so many iterations. Returns true when none is left. */
MUST_USE bool pbkdf2_chain_step(struct pbkdf2_chain *chain, uint32_t iterations);

/* Writes the sum as bytes, for which the chain must be done, unless hash_out is NULL; wipes. */
void pbkdf2_chain_end(struct pbkdf2_chain *chain, uint8_t *hash_out);

#endif
