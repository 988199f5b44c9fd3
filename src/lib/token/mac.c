/* HMAC-SHA-256 (RFC 2104) with the two padded blocks hashed once a key and not once a token.
 *
 * By OpenSSL's SHA256_* and not by EVP: of 330 bytes HMAC() takes 2.2 us, copies of an EVP_MD_CTX
 * 0.6 us, these 0.4 us; and the state, which is as good as the key, is ours to keep in locked
 * pages. They are deprecated in OpenSSL 3 and there. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "mac.h"

#include <openssl/sha.h>

#define BLOCK_BYTES 64

struct mac_state {
    SHA256_CTX inner;
    SHA256_CTX outer;
};

static void begin(SHA256_CTX *state, const uint8_t key[BLOCK_BYTES], uint8_t pad)
{
    uint8_t block[BLOCK_BYTES];

    for (size_t i = 0; i < BLOCK_BYTES; i++)
        block[i] = key[i] ^ pad;
    SHA256_Init(state);
    SHA256_Update(state, block, sizeof(block));
    secret_wipe(block, sizeof(block));
}

void mac_key_make(const struct secret *key, struct secret *mac_key_out)
{
    uint8_t block[BLOCK_BYTES] = {0};
    struct mac_state state;

    BUG_ON(key->len == 0);
    if (key->len > BLOCK_BYTES)
        SHA256(key->bytes, key->len, block);
    else
        memcpy(block, key->bytes, key->len);
    begin(&state.inner, block, 0x36);
    begin(&state.outer, block, 0x5c);
    secret_from_bytes(&state, sizeof(state), mac_key_out);
    secret_wipe(&state, sizeof(state));
    secret_wipe(block, sizeof(block));
}

void mac_make(const struct secret *mac_key, struct slice text, uint8_t mac_out[MAC_BYTES])
{
    struct mac_state state;

    BUG_ON(mac_key->len != sizeof(state));
    memcpy(&state, mac_key->bytes, sizeof(state)); /* the page is aligned; the aliasing is not */
    SHA256_Update(&state.inner, text.at, text.len);
    SHA256_Final(mac_out, &state.inner);
    SHA256_Update(&state.outer, mac_out, MAC_BYTES);
    SHA256_Final(mac_out, &state.outer);
    secret_wipe(&state, sizeof(state));
}
