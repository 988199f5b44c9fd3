/* PBKDF2-HMAC-SHA-256 with 32 bytes of output (RFC 8018, section 5.2): chains that are advanced in
 * steps, so that whoever runs them can stop, turn to something else in between, or go on with
 * another kernel. */
#ifndef GATEPOST_PASSWORD_PBKDF2_H
#define GATEPOST_PASSWORD_PBKDF2_H

#include "gatepost/base.h"

#define PBKDF2_BYTES     32
#define PBKDF2_WORDS     8
#define PBKDF2_LANES_MAX 16 /* of the widest kernel */

/* The second half of every block that a chain compresses: the end of a message of a pad's block
 * and 32 bytes. Words 9 to 14 are 0. */
#define PBKDF2_WORD_8  0x80000000U
#define PBKDF2_WORD_15 768U /* bits */

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

/* Writes the sum as bytes, for which the chain must be done, unless hash_out is NULL; wipes. */
void pbkdf2_chain_end(struct pbkdf2_chain *chain, uint8_t *hash_out);

/* One way to advance chains. All of them compute the same; they differ in the instructions they
 * need and in how many chains go side by side. */
struct pbkdf2_kernel {
    const char *name;
    unsigned lanes;          /* most chains of one step; fewer cost the same */
    bool (*runs_here)(void); /* this processor has the instructions */
    /* Advances count chains, 1 to lanes, by so many iterations; none has fewer left. */
    void (*step)(struct pbkdf2_chain *const *chains, size_t count, uint32_t iterations);
};

extern const struct pbkdf2_kernel pbkdf2_openssl; /* one chain, anywhere */
extern const struct pbkdf2_kernel pbkdf2_vector4; /* SSE2 or NEON */
#ifdef __x86_64__
extern const struct pbkdf2_kernel pbkdf2_vector8;  /* AVX2 */
extern const struct pbkdf2_kernel pbkdf2_vector16; /* AVX-512F */
void pbkdf2_wipe_registers16(void);                /* those that AVX-512 has added */
extern const struct pbkdf2_kernel pbkdf2_sha;      /* SHA extensions: one chain */
extern const struct pbkdf2_kernel pbkdf2_sha_pair; /* and two that fill each other's waits */
#endif

#endif
