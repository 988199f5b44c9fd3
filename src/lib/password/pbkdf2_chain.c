/* The beginning and the end of a chain, and the plainest kernel: one chain on OpenSSL's SHA-256
 * block function.
 *
 * An HMAC of 32 bytes is two blocks once the pads' states are kept, and OpenSSL's block function
 * uses the CPU's SHA instructions where it has them. PKCS5_PBKDF2_HMAC copies three contexts for
 * each iteration instead, which costs as much again, and cannot be stopped half-way.
 *
 * SHA256_Transform is deprecated in OpenSSL 3 with no successor; unit tests hold it against
 * PKCS5_PBKDF2_HMAC, and password_self_test against known answers at every start. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "pbkdf2.h"

#include "gatepost/secret.h"

#include <openssl/sha.h>

#define BLOCK_BYTES 64

static void state_after_pad(const uint8_t *key, size_t len, uint8_t pad, uint32_t *state_out)
{
    SHA256_CTX context;
    uint8_t block[BLOCK_BYTES];

    for (size_t i = 0; i < BLOCK_BYTES; i++)
        block[i] = (uint8_t)((i < len ? key[i] : 0) ^ pad);
    SHA256_Init(&context);
    SHA256_Update(&context, block, sizeof(block));
    memcpy(state_out, context.h, sizeof(context.h));
    secret_wipe(&context, sizeof(context));
    secret_wipe(block, sizeof(block));
}

static void store_words(const uint32_t words[PBKDF2_WORDS], uint8_t *bytes_out)
{
    for (size_t i = 0; i < PBKDF2_WORDS; i++) {
        uint32_t word = __builtin_bswap32(words[i]);

        memcpy(bytes_out + 4 * i, &word, sizeof(word));
    }
}

/* SHA-256 of 32 bytes more on top of a pad's state. The block is theirs and the end of a message
 * of 64 + 32 bytes, which the caller filled in once. */
static void digest_block(SHA256_CTX *context, const uint32_t state[PBKDF2_WORDS],
                         uint8_t block[BLOCK_BYTES], const uint32_t words[PBKDF2_WORDS])
{
    store_words(words, block);
    memcpy(context->h, state, sizeof(context->h));
    SHA256_Transform(context, block);
}

/* U_1 = HMAC(password, salt || 00000001): the salt may have any length. */
static void first_of_chain(struct pbkdf2_chain *chain, struct slice salt)
{
    static const uint8_t one[] = {0, 0, 0, 1};
    SHA256_CTX context;
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256_Init(&context);
    memcpy(context.h, chain->inner, sizeof(context.h));
    context.Nl = BLOCK_BYTES * 8; /* bits that went in already */
    SHA256_Update(&context, salt.at, salt.len);
    SHA256_Update(&context, one, sizeof(one));
    SHA256_Final(digest, &context);

    SHA256_Init(&context);
    memcpy(context.h, chain->outer, sizeof(context.h));
    context.Nl = BLOCK_BYTES * 8;
    SHA256_Update(&context, digest, sizeof(digest));
    SHA256_Final(digest, &context);
    for (size_t i = 0; i < PBKDF2_WORDS; i++) {
        uint32_t word;

        memcpy(&word, digest + 4 * i, sizeof(word));
        chain->last[i] = __builtin_bswap32(word);
    }
    secret_wipe(&context, sizeof(context));
    secret_wipe(digest, sizeof(digest));
}

void pbkdf2_chain_begin(struct pbkdf2_chain *chain, struct slice password, struct slice salt,
                        uint32_t iterations)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    const uint8_t *key = (const uint8_t *)password.at;
    size_t len = password.len;

    BUG_ON(iterations == 0);
    if (len > BLOCK_BYTES) { /* RFC 2104: long keys are hashed first */
        SHA256(key, len, digest);
        key = digest;
        len = sizeof(digest);
    }
    state_after_pad(key, len, 0x36, chain->inner);
    state_after_pad(key, len, 0x5c, chain->outer);
    secret_wipe(digest, sizeof(digest));
    first_of_chain(chain, salt);
    memcpy(chain->sum, chain->last, sizeof(chain->sum));
    chain->left = iterations - 1;
}

static void step(struct pbkdf2_chain *const *chains, size_t count, uint32_t iterations)
{
    struct pbkdf2_chain *chain = chains[0];
    SHA256_CTX context;
    uint8_t block[BLOCK_BYTES] = {0};

    BUG_ON(count != 1);
    block[32] = PBKDF2_WORD_8 >> 24;
    block[62] = PBKDF2_WORD_15 >> 8;
    for (uint32_t i = 0; i < iterations; i++) {
        digest_block(&context, chain->inner, block, chain->last);
        digest_block(&context, chain->outer, block, context.h);
        memcpy(chain->last, context.h, sizeof(chain->last));
        for (size_t word = 0; word < PBKDF2_WORDS; word++)
            chain->sum[word] ^= chain->last[word];
    }
    chain->left -= iterations;
    secret_wipe(&context, sizeof(context));
    secret_wipe(block, sizeof(block));
}

static bool anywhere(void)
{
    return true;
}

const struct pbkdf2_kernel pbkdf2_openssl = {"openssl", 1, anywhere, step};

void pbkdf2_chain_end(struct pbkdf2_chain *chain, uint8_t *hash_out)
{
    BUG_ON(hash_out != NULL && chain->left != 0);
    if (hash_out != NULL)
        store_words(chain->sum, hash_out);
    secret_wipe(chain, sizeof(*chain));
}
