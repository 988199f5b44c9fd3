/* SipHash-2-4: a hash whose values nobody can predict without its key.
 * Source: Aumasson, Bernstein: SipHash, a fast short-input PRF, 2012. */
#include "limit_layout.h"

struct sip {
    uint64_t v0, v1, v2, v3;
    uint64_t word;  /* bytes that are no whole word yet */
    uint64_t count; /* of all bytes */
};

static uint64_t rotate(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

static void sip_round(struct sip *sip)
{
    sip->v0 += sip->v1;
    sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
    sip->v0 = rotate(sip->v0, 32);
    sip->v2 += sip->v3;
    sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
    sip->v0 += sip->v3;
    sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
    sip->v2 += sip->v1;
    sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
    sip->v2 = rotate(sip->v2, 32);
}

static void sip_word(struct sip *sip, uint64_t word)
{
    sip->v3 ^= word;
    sip_round(sip);
    sip_round(sip);
    sip->v0 ^= word;
}

static void sip_byte(struct sip *sip, uint8_t byte)
{
    sip->word |= (uint64_t)byte << (sip->count++ % 8 * 8);
    if (sip->count % 8 == 0) {
        sip_word(sip, sip->word);
        sip->word = 0;
    }
}

uint64_t siphash(const uint64_t key[2], uint8_t prefix, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    struct sip sip = {
        .v0 = key[0] ^ 0x736f6d6570736575U,
        .v1 = key[1] ^ 0x646f72616e646f6dU,
        .v2 = key[0] ^ 0x6c7967656e657261U,
        .v3 = key[1] ^ 0x7465646279746573U,
    };

    sip_byte(&sip, prefix);
    for (size_t i = 0; i < len; i++)
        sip_byte(&sip, at[i]);
    sip_word(&sip, sip.count << 56 | sip.word);
    sip.v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(&sip);
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}
