/* One key and what it can do. Private to this folder. */
#ifndef TOKEN_KEY_H
#define TOKEN_KEY_H

#include <openssl/types.h>

#include "gatepost/json.h"
#include "gatepost/secret.h"
#include "gatepost/token_files.h"

#define KEY_SIGNATURE_MAX_BYTES 1024 /* RSA of 8192 bits */
#define KEY_RSA_BITS            2048 /* the least, and what is made */
#define KEY_HEADER_BYTES        192

/* Never changed once it is made; any thread may sign and check. */
struct token_key {
    struct token_name name;
    struct secret mac_key;         /* HS256: see mac.h */
    EVP_PKEY *pair;                /* the others */
    char header[KEY_HEADER_BYTES]; /* the first segment of what it signs, base64url */
    size_t header_len;
};

/* Signs and checks something, so that a key whose halves do not belong together is found now.
 * Errors: see token_keys_load. key_close releases. */
MUST_USE bool key_of_file(const char *dir, const struct token_name *name, struct token_key *key_out,
                          struct err *err);
void key_of_secret(const struct token_name *name, const struct secret *secret,
                   struct token_key *key_out);
void key_close(struct token_key *key);

/* signature_out as JWS has it: 32 bytes of HMAC; r and s of 32 bytes each; RSA's; Ed25519's 64. */
size_t key_sign(const struct token_key *key, struct slice text,
                uint8_t signature_out[KEY_SIGNATURE_MAX_BYTES]);
MUST_USE bool key_verify(const struct token_key *key, struct slice text, const uint8_t *signature,
                         size_t signature_len);

/* The JWK's members kty, n, e, crv, x, y (RFC 7518 section 6, RFC 8037 section 2). */
void key_write_public(const struct token_key *key, struct json_writer *writer);

/* A new private key as PKCS#8 PEM; of the asymmetric algorithms. */
void key_pair_generate(enum token_algorithm algorithm, struct secret *pem_out);

/* The same from text: of the algorithm and strong enough, or NULL with a sentence. */
EVP_PKEY *key_pair_parse(enum token_algorithm algorithm, const struct secret *pem, struct err *err);

#endif
