/* One key: where it comes from, what it signs, how it is published. Private to this folder. */
#ifndef DKIM_KEY_H
#define DKIM_KEY_H

#include <openssl/types.h>

#include "canon.h"
#include "gatepost/dkim.h"

#define DKIM_SIGNATURE_MAX_BYTES 1024 /* RSA of 8192 bits */

struct dkim_key {
    char selector[DKIM_SELECTOR_MAX + 1];
    EVP_PKEY *pair;
    bool is_rsa; /* else Ed25519 */
};

/* entry: "selector:file". Errors: see dkim_open. Owner: the caller; key_fini. */
MUST_USE bool key_load(struct slice entry, struct dkim_key *key_out, struct err *err);
void key_fini(struct dkim_key *key);

/* Signs what the headers' canonical form hashes to. Returns the signature's length. */
size_t key_sign_digest(const struct dkim_key *key, const uint8_t digest[DKIM_DIGEST_BYTES],
                       uint8_t signature_out[DKIM_SIGNATURE_MAX_BYTES]);

/* p= of its record, in base64. */
void key_pack_public(const struct dkim_key *key, struct packer *out);

#endif
