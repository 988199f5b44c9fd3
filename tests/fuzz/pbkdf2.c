/* Every kernel against OpenSSL's PKCS5_PBKDF2_HMAC. Bytes: how many chains (low four bits, less
 * one); for each chain the iterations, password length and salt length, a byte each; then steps, a
 * byte each: kernel (low three bits) and iterations; passwords and salts are drawn from what
 * follows, again and again. */
#include "lib/password/kernels.h"

#include <openssl/evp.h>

#define TEXT_BYTES 1024

struct feed {
    const uint8_t *at;
    size_t len;
    size_t next;
};

static uint8_t feed_byte(struct feed *feed)
{
    return feed->len == 0 ? 0 : feed->at[feed->next++ % feed->len];
}

struct text {
    uint8_t bytes[TEXT_BYTES];
    size_t len;
};

struct example {
    struct text password;
    struct text salt;
    uint32_t iterations;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A byte's length is spread over all that may be, with each of the first 160 reached exactly. */
static size_t length_of(uint8_t byte)
{
    return byte < 160 ? byte : 160 + (size_t)(byte - 160) * 9;
}

static void draw(struct feed *feed, struct text *text_out)
{
    for (size_t i = 0; i < text_out->len; i++)
        text_out->bytes[i] = feed_byte(feed);
}

static void check(struct pbkdf2_chain *chain, const struct example *example)
{
    uint8_t expected[PBKDF2_BYTES];
    uint8_t found[PBKDF2_BYTES];

    BUG_ON(PKCS5_PBKDF2_HMAC((const char *)example->password.bytes, (int)example->password.len,
                             example->salt.bytes, (int)example->salt.len, (int)example->iterations,
                             EVP_sha256(), sizeof(expected), expected) != 1);
    pbkdf2_chain_end(chain, found);
    BUG_ON(memcmp(expected, found, sizeof(found)) != 0);
}

/* One step of the kernel that the byte names, over as many unfinished chains as it takes. Returns
 * false when there were none. */
static bool step(struct pbkdf2_chain *storage, size_t count, uint8_t byte)
{
    const struct pbkdf2_kernel *kernels[KERNELS_MAX];
    const size_t all = kernels_all(kernels);
    const struct pbkdf2_kernel *kernel = kernels[(byte & 7U) % all];
    struct pbkdf2_chain *chains[PBKDF2_LANES_MAX];
    uint32_t iterations = 1 + (byte >> 3);
    size_t taken = 0;

    if (!kernel->runs_here())
        kernel = &pbkdf2_openssl;
    for (size_t i = 0; i < count && taken < kernel->lanes; i++) {
        if (storage[i].left > 0) {
            chains[taken++] = &storage[i];
            iterations = storage[i].left < iterations ? storage[i].left : iterations;
        }
    }
    if (taken > 0)
        kernel->step(chains, taken, iterations);
    return taken > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct example examples[PBKDF2_LANES_MAX];
    struct pbkdf2_chain storage[PBKDF2_LANES_MAX];
    struct feed feed = {data, len, 0};
    const size_t count = 1 + (feed_byte(&feed) & 15U);

    for (size_t i = 0; i < count; i++) {
        examples[i].iterations = 1 + (uint32_t)feed_byte(&feed) % 48;
        examples[i].password.len = length_of(feed_byte(&feed));
        examples[i].salt.len = length_of(feed_byte(&feed));
    }
    for (size_t i = 0; i < count; i++) {
        draw(&feed, &examples[i].password);
        draw(&feed, &examples[i].salt);
        pbkdf2_chain_begin(
            &storage[i], slice_of(examples[i].password.bytes, examples[i].password.len),
            slice_of(examples[i].salt.bytes, examples[i].salt.len), examples[i].iterations);
    }
    while (step(storage, count, feed_byte(&feed))) {
    }
    for (size_t i = 0; i < count; i++)
        check(&storage[i], &examples[i]);
    return 0;
}
